import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { EngineConfig } from "../../engine/config.ts";
import type { BuildRequest } from "../../engine/protocol/builds.ts";
import type { EngineClient } from "../../src/client/connection.ts";
import { type Built, buildRequestOf, type ContextDirectory, contextDirectory, runBuild } from "./builds.ts";
import { openDatabaseCopy } from "./database-copy.ts";
import { eventually, type TestEngine } from "./engine.ts";
import { randomOf } from "./fault-storm.ts";
import { listTraces } from "./fault-traces.ts";

/** A build that gives the same image each time. */
type Work = { readonly name: string; readonly request: (fields?: Partial<BuildRequest>) => BuildRequest };

/** Cuts off builds. client: the one that waits for them. */
export type Cut = (builds: readonly string[], client: EngineClient, round: number) => Promise<void>;

export type BuildStormOptions = {
  readonly rounds: number;
  readonly seed: number;
  readonly cut: Cut;
  readonly report?: (line: string) => void;
};

const secret = "c2VjcmV0LW9mLXRoZS1zdG9ybQ==";
const fixed = { sourceDateEpoch: 1_000_000_000, secrets: [{ id: "key", value: secret }] };

/**
 * Cuts off builds at random moments, several at once, and looks after each time whether anything is left of them; then the same builds have to
 * give the same images as they did before anything was cut off. Gives what is wrong.
 */
export async function buildStorm(engine: TestEngine, options: BuildStormOptions): Promise<string[]> {
  const random = randomOf(options.seed);
  await using context = await storedFiles();
  const works = worksOn(context);
  await forgetAll(engine);
  await eventually(() => busyTraces(engine).length === 0);
  const before = tracesOf(engine);
  const begin = performance.now();
  const wanted = await buildAll(engine, works);
  const length = performance.now() - begin;
  const findings: string[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    // Half of the time on what the one before has left in the cache.
    if (random() < 0.7) await forgetAll(engine);
    else await removeImages(engine);
    const requests = works.map(({ request }) => request());
    const client = await engine.connect();
    const running = requests.map((request) => runBuild(engine, request, client).catch(() => null));
    const delay = random() * length;
    await sleep(delay);
    const builds = requests.map(({ buildID }) => buildID);
    await options.cut(builds, client, round);
    await Promise.all(running);
    client.close();
    const found = [...(await check(engine)), ...(await again(engine, works, wanted))];
    options.report?.(`round ${round}: after ${delay.toFixed(0)} of ${length.toFixed(0)} ms ${found.join("; ")}`);
    findings.push(...found.map((text) => `round ${round}, after ${delay.toFixed(0)} ms: ${text}`));
  }
  await forgetAll(engine);
  await eventually(() => tracesOf(engine).every((trace) => before.includes(trace))).catch(() => {});
  const left = tracesOf(engine).filter((trace) => !before.includes(trace));
  return [...findings, ...left.map((trace) => `left at the end: ${trace}`)];
}

function storedFiles(): Promise<ContextDirectory> {
  const files = Array.from({ length: 400 }, (_, number) => [`src/d${number % 7}/f${number}`, `${number}`.repeat(500)]);
  return contextDirectory(Object.fromEntries(files));
}

function worksOn(context: ContextDirectory): Work[] {
  const work = (name: string, lines: readonly string[]): Work => ({
    name,
    request: (fields = {}) =>
      buildRequestOf(`${lines.join("\n")}\n`, {
        context: { type: "directory", path: context.path },
        network: name === "run" ? "default" : "none",
        ...fixed,
        ...fields,
      }),
  });
  const base = "FROM gantry/busybox";
  const fill = (name: string) => `RUN for i in $(seq 200); do echo ${name} $i >/${name}$i; done`;
  return [
    work("copy", [base, "WORKDIR /work", "COPY src /work", "COPY --link src/d1 /other", "RUN rm -r /work/d2"]),
    work("run", [base, fill("a"), "RUN rm /a1*; ln -s a2 /link; mkfifo /fifo", fill("b"), 'CMD ["true"]']),
    work("stages", [
      `${base} AS one`,
      fill("one"),
      `${base} AS two`,
      fill("two"),
      base,
      "COPY --from=one /one* /x/",
      "COPY --from=two /two* /x/",
      "RUN --mount=from=one,target=/m cp /m/one5 /last",
    ]),
    work("mounts", [
      base,
      "RUN --mount=type=cache,target=/c --mount=type=secret,id=key echo x >>/c/x; wc -c </run/secrets/key >/length",
      "RUN --mount=type=cache,target=/c,sharing=locked --mount=type=tmpfs,target=/t date >/c/y; date >/t/z; sleep 0.1",
    ]),
  ];
}

async function buildAll(engine: TestEngine, works: readonly Work[]): Promise<string[]> {
  return (await Promise.all(works.map(({ request }) => runBuild(engine, request())))).map(outcomeOf);
}

/** Its ID stands for all: config, times, and digests of layers. */
function outcomeOf({ result, error }: Built): string {
  return result?.imageID ?? error?.message ?? "";
}

async function again(engine: TestEngine, works: readonly Work[], wanted: readonly string[]): Promise<string[]> {
  const given = await buildAll(engine, works);
  return works.flatMap(({ name }, index) =>
    given[index] === wanted[index] ? [] : [`${name} gives ${given[index]}, not ${wanted[index]}`],
  );
}

export async function forgetAll(engine: TestEngine): Promise<void> {
  await removeImages(engine);
  const all = { all: true, keepStorage: null, until: null, types: [], ids: [] };
  await engine.client.request("builder.prune", all);
}

async function removeImages({ client }: TestEngine): Promise<void> {
  for (const { id, references } of await client.request("images.list", {})) {
    if (references.length === 0) await client.request("images.remove", { image: id, force: true }).catch(() => null);
  }
}

async function check(engine: TestEngine): Promise<string[]> {
  const { findings } = await engine.client.request("system.fsck", { repair: false });
  await eventually(() => busyTraces(engine).length === 0, 2).catch(() => {});
  return [
    ...findings.map(({ kind, object, problem }) => `${kind} ${object} ${problem}`),
    ...busyTraces(engine).map((trace) => `left: ${trace}`),
    ...missingLayers(engine.config),
  ];
}

/** What only a build that is under way may have. */
export function busyTraces({ config, pid }: TestEngine): string[] {
  const { root, run } = config;
  const names = (...path: string[]): string[] => namesIn(join(...path)).map((name) => join(...path, name));
  const build = names(root, "build").filter((path) => path.includes("/gone-"));
  const kinds = /^(?:process|conmon|mount|cgroup|sandbox|netns|link|files|supervisor|exit|exec|runtime|\d+ spare) /;
  using copy = openDatabaseCopy(join(root, "gantry.db"));
  const leases = ["leases", "lease_blobs", "lease_layers"].filter(
    (table) => Number(copy.database.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.count) > 0,
  );
  return [
    ...names(run, "steps"),
    ...names(run, "step-runtime"),
    ...names(root, "build", "scratch"),
    ...names(root, "build", "mounts").filter((path) => path.includes("/.")),
    ...build,
    ...leases.map((table) => `rows of ${table}`),
    // Bytes of what was removed go in the background.
    ...listTraces(config, pid).filter((trace) => kinds.test(trace) && !trace.includes("/.gone-")),
  ];
}

function tracesOf(engine: TestEngine): string[] {
  const mounts = namesIn(join(engine.config.root, "build", "mounts"));
  return [...busyTraces(engine), ...listTraces(engine.config, engine.pid), ...mounts];
}

/** Results in the cache whose layers are not all there. */
function missingLayers({ root }: EngineConfig): string[] {
  const layers = new Set(namesIn(join(root, "layers")));
  using copy = openDatabaseCopy(join(root, "gantry.db"));
  const rows = copy.database.prepare("SELECT chain FROM build_cache").all();
  const chains = rows.map(({ chain }) => JSON.parse(String(chain)) as string[]);
  const missing = chains.flat().filter((diffID) => !layers.has(diffID.replace("sha256:", "")));
  return [...new Set(missing)].map((diffID) => `the cache names layer ${diffID}, which is not there`);
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
