import { rmSync } from "node:fs";
import { type Row, runCommand, summarize, timeCommand } from "../measure.ts";
import type { ImageEngine } from "./engines.ts";
import type { BenchImage } from "./sources.ts";
import { cpuOf, cpuOfCommands, residentOf, type Watched, watch } from "./watch.ts";
import { type ImageWorkplace, settle } from "./workplace.ts";

/** What takes seconds with some engines is repeated so often at most. */
const longRounds = 3;

/** Collects values of a run by row and engine, rows in the order in which they come first. */
class Samples {
  readonly #rows = new Map<string, { readonly unit: string; readonly values: Record<string, number[]> }>();

  add(name: string, unit: string, engine: ImageEngine, value: number): void {
    const row = this.#rows.get(name) ?? { unit, values: {} };
    this.#rows.set(name, row);
    row.values[engine.name] = [...(row.values[engine.name] ?? []), value];
  }

  /** isDetail: for the file of results, not for people. */
  rows(isDetail = false): Row[] {
    return [...this.#rows].map(([name, { unit, values }]) => ({
      name,
      unit,
      ...(isDetail ? { isDetail } : {}),
      figures: Object.fromEntries(Object.entries(values).map(([engine, list]) => [engine, summarize(list)])),
    }));
  }
}

type Bench = ImageWorkplace & {
  readonly samples: Samples;
  readonly processors: Samples;
};

/** Each case for each engine in turn, round by round, so that a drift of the machine meets all alike. */
export async function imageRows(place: ImageWorkplace): Promise<Row[]> {
  const bench: Bench = { ...place, samples: new Samples(), processors: new Samples() };
  const idle = new Map(place.engines.map((engine) => [engine.name, residentOf(engine.daemonPids())]));
  for (let round = 0; round < place.rounds; round += 1) {
    console.error(`bench: images, round ${round + 1} of ${place.rounds}`);
    for (const image of place.images) await measureImage(image, bench, round < longRounds);
  }
  console.error("bench: images, memory and waits");
  const watched = new Samples();
  for (const engine of place.engines) await watchEngine(engine, bench, { idle: idle.get(engine.name) ?? 0, watched });
  return [...bench.samples.rows(), ...watched.rows(), ...bench.processors.rows(true)];
}

async function measureImage(image: BenchImage, bench: Bench, isLong: boolean): Promise<void> {
  const { engines } = bench;
  const title = (what: string): string => `${image.label}: ${what}`;
  for (const engine of engines) timed(bench, engine, title("pull"), engine.pull(image.name));
  for (const engine of engines) timed(bench, engine, title("pull again"), engine.pull(image.name));
  if (image === bench.ten) {
    for (const engine of engines) await pullAgainInside(image, bench, engine);
    for (const engine of engines) timed(bench, engine, title("pull, 9 of 10 present"), engine.pull(bench.variant.name));
    for (const engine of engines) quietly(engine, "rmi", "-f", bench.variant.name);
  }
  if (isLong) {
    for (const engine of engines) await push(image, bench, engine);
    for (const engine of engines) save(image, bench, engine);
    for (const engine of engines) commit(image, bench, engine);
  }
  for (const engine of engines) {
    timed(bench, engine, title("rmi"), engine.cli("rmi", image.name));
    engine.clear();
  }
  await settle();
  if (!isLong) return;
  for (const engine of engines) {
    timed(bench, engine, title("load"), engine.load(image.archive));
    quietly(engine, "rmi", "-f", image.name);
  }
  await settle();
}

/** The whole command's time, and that of all processors which it and its engine took. */
function timed(bench: Bench, engine: ImageEngine, name: string, argv: string[] | null): void {
  if (argv === null) return;
  runCommand(["sync"]);
  const pids = engine.daemonPids();
  const before = cpuOf(pids) + cpuOfCommands();
  bench.samples.add(name, "ms", engine, timeCommand(argv));
  bench.processors.add(`${name}, processors`, "ms", engine, cpuOf(pids) + cpuOfCommands() - before);
}

function quietly(engine: ImageEngine, ...args: string[]): void {
  const argv = engine.cli(...args);
  if (argv !== null) runCommand(argv);
}

/** Without the command line's own start. */
async function pullAgainInside(image: BenchImage, bench: Bench, engine: ImageEngine): Promise<void> {
  using ping = await engine.openPing();
  if (ping === null) return;
  const begin = performance.now();
  await ping.pull(image.name);
  bench.samples.add(`${image.label}: pull again, the engine's part`, "ms", engine, performance.now() - begin);
}

async function push(image: BenchImage, bench: Bench, engine: ImageEngine): Promise<void> {
  await bench.target.restartEmpty();
  const target = image.name.replace(bench.registry.address, bench.target.address);
  quietly(engine, "tag", image.name, target);
  timed(bench, engine, `${image.label}: push`, engine.push(image.name, target));
  quietly(engine, "rmi", target);
}

function save(image: BenchImage, bench: Bench, engine: ImageEngine): void {
  timed(bench, engine, `${image.label}: save`, engine.save(image.name, bench.saved));
  rmSync(bench.saved, { force: true });
}

function commit(image: BenchImage, bench: Bench, engine: ImageEngine): void {
  quietly(engine, "create", "--name", "changed", image.name, "sh");
  quietly(engine, "cp", `${bench.changes}/.`, "changed:/opt");
  timed(bench, engine, `${image.label}: commit of 2,000 new files`, engine.cli("commit", "changed", "bench/changed:1"));
  quietly(engine, "rm", "changed");
  quietly(engine, "rmi", "bench/changed:1");
}

/** Peers take seconds for each image and are watched with one; of ours the greatest counts. */
async function watchEngine(
  engine: ImageEngine,
  bench: Bench,
  { idle, watched }: { readonly idle: number; readonly watched: Samples },
): Promise<void> {
  const greatest = new Map<string, Watched>();
  const look = async (what: string, argv: string[] | null): Promise<void> => {
    if (argv === null) return;
    const { memory, wait } = await watch(engine, argv, idle);
    const known = greatest.get(what) ?? { memory: 0, wait: null };
    const waits = wait === null ? null : Math.max(wait, known.wait ?? 0);
    greatest.set(what, { memory: Math.max(memory, known.memory), wait: waits });
  };
  for (const image of engine.name === "gantry" ? bench.images : [bench.ten]) {
    await look("pull", engine.pull(image.name));
    await bench.target.restartEmpty();
    const target = image.name.replace(bench.registry.address, bench.target.address);
    quietly(engine, "tag", image.name, target);
    await look("push", engine.push(image.name, target));
    await look("save", engine.save(image.name, bench.saved));
    rmSync(bench.saved, { force: true });
    quietly(engine, "rmi", "-f", target, image.name);
    engine.clear();
    await settle();
    await look("load", engine.load(image.archive));
    quietly(engine, "rmi", "-f", image.name);
    await settle();
  }
  for (const [what, { memory, wait }] of greatest) {
    watched.add(`${what}: memory above idle`, "MB", engine, memory / 1e6);
    if (wait !== null) watched.add(`${what}: longest wait of others`, "ms", engine, wait);
  }
}
