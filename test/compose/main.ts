/**
 * Runs docker-compose's own tests of integration and acceptance, as Debian's source package has them, against docker.sock of an engine.
 *
 *   npm run test:compose -- [--dockerd] [--save FILE] [pytest's arguments: paths, -k …]
 *
 * Everything runs in network, mount and pid namespaces of its own, with a registry there as Docker Hub's mirror that holds the images
 * the tests name. Fails where a test fails, twice, that known-failures.json does not name, or where one passes that it does. --dockerd runs them
 * against a dockerd instead, to compare; --save keeps the outcomes by test as JSON.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type ComposeEngine, openDockerd, openGantry } from "./engines.ts";
import { compareOutcomes, findNews, nodeOf, readOutcomes } from "./outcomes.ts";
import { fillRegistry, startMirror } from "./registry.ts";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: {
    dockerd: { type: "boolean", default: false },
    save: { type: "string" },
    k: { type: "string", short: "k" },
  },
});

/** Milliseconds; they take three to four minutes. One that hangs must not hold the rest of a run. */
const patience = 20 * 60_000;
const sources = join(import.meta.dirname, "../fetched/compose");
const knownFailures = join(import.meta.dirname, "known-failures.json");
/** Where more fail anew it is no accident. */
const mostTwice = 5;
const inside = "GANTRY_COMPOSE_DIRECTORY";
const place = process.env[inside];
process.exit(place === undefined ? runIsolated() : await main(place));

/** Runs this file again where nothing it does can reach the host. */
function runIsolated(): number {
  if (process.getuid?.() !== 0) {
    console.error("test:compose: run as root: it starts a container engine");
    return 1;
  }
  const fetched = spawnSync("sh", [join(import.meta.dirname, "fetch.sh")], { stdio: "inherit" });
  if (fetched.status !== 0) return 1;
  installPrograms();
  const directory = mkdtempSync(join(tmpdir(), "gc-"));
  const isolation = ["--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"];
  const again = [process.execPath, import.meta.filename, ...process.argv.slice(2)];
  const environment = { ...process.env, [inside]: directory, NODE_NO_WARNINGS: "1" };
  const result = spawnSync("unshare", [...isolation, ...again], { stdio: "inherit", env: environment });
  rmSync(directory, { recursive: true, force: true });
  return result.status ?? 1;
}

function installPrograms(): void {
  const isThere = (path: string) => existsSync(path);
  const wanted = {
    "/usr/bin/docker-compose": "docker-compose",
    "/usr/bin/docker-registry": "docker-registry",
    "/usr/lib/python3/dist-packages/pytest": "python3-pytest",
    "/usr/lib/python3/dist-packages/ddt.py": "python3-ddt",
    ...(options.dockerd ? { "/usr/sbin/dockerd": "docker.io" } : {}),
  };
  const missing = Object.entries(wanted).filter(([path]) => !isThere(path));
  if (missing.length === 0) return;
  const packages = missing.map(([, name]) => name);
  console.error(`test:compose: installing ${packages.join(" ")}`);
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  spawnSync("apt-get", ["install", "-qq", "-y", "--no-install-recommends", ...packages], {
    stdio: ["ignore", "ignore", "inherit"],
    env: environment,
  });
}

async function main(directory: string): Promise<number> {
  spawnSync("ip", ["link", "set", "lo", "up"]);
  mkdirSync(join(directory, "home"));
  const mirror = await startMirror(join(directory, "registry"));
  const filler = openGantry(join(directory, "filler"), mirror);
  const engine = options.dockerd ? openDockerd(join(directory, "d"), mirror) : openGantry(join(directory, "g"), mirror);
  try {
    await fillRegistry(filler, mirror, directory);
    await engine.start();
    const report = join(directory, "report.xml");
    const run = (wanted: readonly string[]) => {
      rmSync(report, { force: true });
      runTests(engine, { directory, report, wanted });
      return readOutcomes(report);
    };
    const outcomes = run(positionals.length === 0 ? ["tests/integration", "tests/acceptance"] : positionals);
    const known: Record<string, string> = JSON.parse(readFileSync(knownFailures, "utf8"));
    const news = findNews(outcomes, known);
    if (!options.dockerd && news.length > 0 && news.length <= mostTwice) {
      console.log(`\nonce more, since some of these tests race with themselves: ${news.join(" ")}`);
      Object.assign(outcomes, run(news.map(nodeOf)));
    }
    if (typeof options.save === "string") writeFileSync(options.save, `${JSON.stringify(outcomes, null, 2)}\n`);
    return options.dockerd ? 0 : compareOutcomes(outcomes, known);
  } finally {
    await engine.stop();
    await mirror.stop();
  }
}

type Run = { readonly directory: string; readonly report: string; readonly wanted: readonly string[] };

function runTests(engine: ComposeEngine, { directory, report, wanted }: Run): void {
  const chosen = typeof options.k === "string" ? ["-k", options.k] : [];
  const quiet = [
    "--tb=short",
    "-q",
    "-W",
    "ignore",
    "-p",
    "no:cacheprovider",
    "-o",
    "addopts=",
    `--junitxml=${report}`,
  ];
  const environment = {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    LANG: "C.UTF-8",
    HOME: join(directory, "home"),
    DOCKER_HOST: `unix://${engine.socket}`,
    PYTHONDONTWRITEBYTECODE: "1",
  };
  spawnSync("/usr/bin/python3", ["-m", "pytest", ...quiet, ...chosen, ...wanted], {
    cwd: sources,
    stdio: "inherit",
    env: environment,
    timeout: patience,
    killSignal: "SIGKILL",
  });
}
