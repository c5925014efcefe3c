/** The same Dockerfiles built by docker's own builders and by ours: the same files, the same configuration. */
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CorpusCase, contextScript, corpus } from "../support/build-corpus.ts";
import { startedForFile } from "../support/engine-of-file.ts";
import { type FlatImage, flattenSaved, type SavedImage } from "../support/flat-image.ts";
import { gantryFor } from "../support/gantry-command.ts";
import { until } from "../support/runtime-bundle.ts";

const run = promisify(execFile);
const engine = startedForFile();
let gantry: ReturnType<typeof gantryFor>;
let place: string;
let daemon: ReturnType<typeof spawn>;
/** What is later was made by a build. */
const since = Date.parse("2020-01-01");

/** docker's command line of the daemon's own time, which speaks to both of its builders. */
async function docker(args: readonly string[], kit = "0"): Promise<Buffer> {
  const env = { ...process.env, DOCKER_BUILDKIT: kit };
  const { stdout } = await run("/usr/bin/docker", ["-H", `unix://${place}/docker.sock`, ...args], {
    env,
    encoding: "buffer",
    maxBuffer: 1 << 28,
  });
  return stdout;
}

async function ours(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await gantry(args, { cwd: place });
  if (code !== 0) throw new Error(`gantry ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Users, groups, links and files that the corpus names. */
function makeBase(): string {
  const root = join(place, "base");
  const tar = join(place, "base.tar");
  const script = `
    mkdir -p ${root}/bin ${root}/etc ${root}/tmp ${root}/home/app ${root}/srv ${root}/opt/empty ${root}/var ${root}/root
    cd ${root}; cp /bin/busybox bin/; for a in $(bin/busybox --list); do [ $a = busybox ] || ln -s busybox bin/$a; done
    printf 'root:x:0:0:root:/root:/bin/sh\\napp:x:1000:1000::/home/app:/bin/sh\\nwww:x:33:33::/srv:/bin/sh\\n' > etc/passwd
    printf 'root:x:0:\\napp:x:1000:\\nwww:x:33:app\\n' > etc/group
    chmod 1777 tmp; chmod 700 root; echo file > home/app/file; echo moved > srv/moved; chown -R 1000:1000 home/app; chmod 750 home/app
    ln -s /srv var/link; ln -s ../srv opt/rel; find . -exec touch -h -d 2002-02-02T02:02:02Z {} +
    tar --sort=name -cf ${tar} .`;
  execFileSync("sh", ["-ec", script]);
  return tar;
}

beforeAll(async () => {
  gantry = gantryFor(engine.config);
  place = mkdtempSync("/tmp/gantry-test-");
  const isolation = ["--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"];
  const command = `ip link set lo up; exec dockerd --data-root ${place}/data --exec-root ${place}/exec -H unix://${place}/docker.sock --pidfile ${place}/pid >${place}/log 2>&1`;
  daemon = spawn("unshare", [...isolation, "sh", "-c", command], { stdio: "ignore" });
  const tar = makeBase();
  const answers = () =>
    docker(["version"]).then(
      () => true,
      () => false,
    );
  await until(answers, "dockerd answers", 30_000);
  const cmd = 'CMD ["sh"]';
  await Promise.all([docker(["import", "-c", cmd, tar, "corpus/base"]), ours("import", "-c", cmd, tar, "corpus/base")]);
  const onbuild = {
    name: "onbuild",
    dockerfile: "FROM corpus/base\nONBUILD RUN echo on > /onbuild\nONBUILD COPY a.txt /\n",
  };
  const directory = makeContext(onbuild);
  await Promise.all([
    docker(["build", "-t", "corpus/onbuild", directory]),
    ours("build", "-t", "corpus/onbuild", directory),
  ]);
}, 120_000);

afterAll(async () => {
  // unshare waits for its child whatever it is told.
  daemon.kill("SIGKILL");
  if (daemon.exitCode === null) await once(daemon, "exit");
  rmSync(place, { recursive: true, force: true });
}, 60_000);

function makeContext({ name, dockerfile, ignore }: CorpusCase): string {
  const directory = join(place, name.replace(/\W+/g, "-"));
  mkdirSync(directory);
  execFileSync("sh", ["-ec", contextScript], { cwd: directory });
  writeFileSync(join(directory, "Dockerfile"), dockerfile);
  if (ignore !== undefined) writeFileSync(join(directory, ".dockerignore"), ignore);
  execFileSync(
    "touch",
    ["-d", "2001-02-03T04:05:06Z", "Dockerfile", ...(ignore === undefined ? [] : [".dockerignore"]), "."],
    { cwd: directory },
  );
  return directory;
}

async function theirImage(one: CorpusCase, directory: string): Promise<SavedImage> {
  await docker(["build", "-t", "corpus/theirs", ...(one.flags ?? []), directory], one.kit ? "1" : "0");
  return flattenSaved(await docker(["save", "corpus/theirs"]), since);
}

async function ourImage(one: CorpusCase, directory: string): Promise<SavedImage> {
  await ours("build", "-t", "corpus/ours", ...(one.flags ?? []), directory);
  const archive = join(directory, "ours.tar");
  await ours("save", "-o", archive, "corpus/ours");
  return flattenSaved(readFileSync(archive), since);
}

/** BuildKit writes directories anew as it fills them, and leaves mount points behind. */
function asBuildKit(files: FlatImage, one: CorpusCase): FlatImage {
  const left = ["/dev", "/proc", "/sys", ...(one.leaves ?? [])];
  const kept = [...files].filter(([path]) => !left.includes(path));
  return new Map(
    kept.map(([path, entry]) => [path, entry.type === "directory" ? { ...entry, modifiedAt: "new" } : entry]),
  );
}

function listed(files: FlatImage, one: CorpusCase): Record<string, string> {
  const seen = one.kit === true ? asBuildKit(files, one) : files;
  return Object.fromEntries([...seen].sort().map(([path, entry]) => [path, JSON.stringify(entry)]));
}

/** What both write in different ways and mean the same. */
function meant(config: Record<string, unknown>): Record<string, unknown> {
  const kept = [
    "Cmd",
    "Entrypoint",
    "Env",
    "WorkingDir",
    "User",
    "ExposedPorts",
    "Volumes",
    "Labels",
    "Healthcheck",
    "StopSignal",
    "Shell",
    "OnBuild",
  ];
  const isNothing = (value: unknown) =>
    value === null ||
    value === undefined ||
    value === "" ||
    (typeof value === "object" && Object.keys(value).length === 0);
  return Object.fromEntries(kept.flatMap((key) => (isNothing(config[key]) ? [] : [[key, config[key]]])));
}

describe("the same files and the same configuration", () => {
  it.each(corpus.map((one) => [`${one.name}${one.kit ? " (BuildKit)" : ""}`, one] as const))(
    "%s",
    async (_name, one) => {
      const directory = makeContext(one);
      const [theirs, own] = await Promise.all([theirImage(one, directory), ourImage(one, directory)]);
      expect(listed(own.files, one)).toEqual(listed(theirs.files, one));
      expect(meant(own.config)).toEqual(meant(theirs.config));
    },
    60_000,
  );
});
