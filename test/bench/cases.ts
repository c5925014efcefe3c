import { type Engine, image } from "./engines.ts";
import { cpuPercent, type Row, runCommand, sleep, spawnCommand, summarize, timeCommand, usageOf } from "./measure.ts";

export type Workplace = {
  readonly engines: readonly Engine[];
  /** How often a short command is repeated. */
  readonly rounds: number;
  /** docker-archive of a Debian image, about 170 MB. */
  readonly archive: string;
};

/** Milliseconds before each measurement. */
const pause = 300;

/** Runs `measure` for each engine in turn, round by round, so that a drift of the machine meets all alike. */
export async function inTurn(
  place: Pick<Workplace, "engines">,
  rounds: number,
  measure: (engine: Engine, round: number) => number | Promise<number>,
): Promise<Row["figures"]> {
  const values: Record<string, number[]> = {};
  for (let round = -1; round < rounds; round += 1) {
    for (const engine of place.engines) {
      // What the one before still does in the background is not this one's.
      await sleep(pause);
      const value = await measure(engine, round);
      // The first round warms caches up and is not counted.
      if (round >= 0) values[engine.name] = [...(values[engine.name] ?? []), value];
    }
  }
  return Object.fromEntries(Object.entries(values).map(([name, list]) => [name, summarize(list)]));
}

export async function commandRows(place: Workplace): Promise<Row[]> {
  const { rounds } = place;
  const row = async (
    name: string,
    measure: (engine: Engine, round: number) => number | Promise<number>,
  ): Promise<Row> => {
    console.error(`bench: ${name}`);
    return { name, unit: "ms", figures: await inTurn(place, rounds, measure) };
  };
  const remove = (engine: Engine, name: string) => timeCommand(engine.cli("rm", "-f", name));
  return [
    await row("run --rm true, bridge", (engine) => timeCommand(engine.cli("run", "--rm", image, "true"))),
    await row("run --rm true, network none", (engine) =>
      timeCommand(engine.cli("run", "--rm", "--network", "none", image, "true")),
    ),
    await row("API create + start, bridge and one port", async (engine, round) => {
      const name = `api-${round + 1}`;
      const took = await engine.createAndStart(name, 18_000 + place.engines.indexOf(engine) * 100 + round + 1);
      remove(engine, name);
      return took;
    }),
    await row("create", (engine, round) => {
      const took = timeCommand(engine.cli("create", "--name", `life-${round}`, image, "sleep", "600"));
      return took;
    }),
    await row("start", (engine, round) => timeCommand(engine.cli("start", `life-${round}`))),
    await row("exec true", (engine, round) => timeCommand(engine.cli("exec", `life-${round}`, "true"))),
    await row("stop -t 0", (engine, round) => timeCommand(engine.cli("stop", "-t", "0", `life-${round}`))),
    await row("rm", (engine, round) => timeCommand(engine.cli("rm", `life-${round}`))),
  ];
}

/** Twenty containers: started one by one and eight at a time, then looked at while they run. */
export async function twentyRows(place: Workplace): Promise<Row[]> {
  const names = Array.from({ length: 20 }, (_, index) => `many-${index}`);
  const run = (engine: Engine, name: string) => engine.cli("run", "-d", "--name", name, image, "sleep", "600");
  const oneByOne: Row["figures"] = {};
  const eightAtATime: Row["figures"] = {};
  const statsOnce: Row["figures"] = {};
  const idleCpu: Row["figures"] = {};
  const idleMemory: Row["figures"] = {};
  const statsCpu: Row["figures"] = {};
  for (const engine of place.engines) {
    console.error(`bench: twenty containers, ${engine.name}`);
    const put = (figures: Row["figures"], value: number) =>
      Object.assign(figures, { [engine.name]: summarize([value]) });
    put(
      oneByOne,
      await took(() =>
        names.reduce((before, name) => before.then(() => spawnCommand(run(engine, name))), Promise.resolve()),
      ),
    );
    runCommand(engine.cli("rm", "-f", ...names));
    put(eightAtATime, await took(() => atATime(8, names, (name) => spawnCommand(run(engine, name)))));
    put(statsOnce, timeCommand(engine.cli("stats", "--no-stream")));
    await sleep(3000);
    put(idleCpu, await cpuPercent(engine.daemonPids(), 10));
    put(idleMemory, usageOf(engine.daemonPids()).resident / 1e6);
    put(statsCpu, await statsLoad(engine));
    runCommand(engine.cli("rm", "-f", ...names));
  }
  return [
    { name: "20 containers, one by one", unit: "ms", figures: oneByOne },
    { name: "20 containers, 8 at a time", unit: "ms", figures: eightAtATime },
    { name: "stats of 20, once", unit: "ms", figures: statsOnce },
    { name: "stats of 20 at 1 Hz, engine", unit: "% of a core", figures: statsCpu },
    { name: "engine at rest with 20 containers", unit: "% of a core", figures: idleCpu },
    { name: "engine resident with 20 containers", unit: "MB", figures: idleMemory },
  ];
}

async function took(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

async function atATime<T>(width: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const lane = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: width }, lane));
}

/** CPU of the daemon while its own `stats` runs; podman has no daemon, its command does the work. */
async function statsLoad(engine: Engine): Promise<number> {
  const { spawn } = await import("node:child_process");
  const [program = "", ...args] = engine.cli("stats");
  const child = spawn(program, args, { stdio: "ignore" });
  await sleep(2000);
  const pids = engine.name === "podman" && child.pid !== undefined ? [child.pid] : engine.daemonPids();
  const percent = await cpuPercent(pids, 10);
  child.kill("SIGKILL");
  return percent;
}

export async function loadRow(place: Workplace): Promise<Row> {
  console.error("bench: load of a Debian image");
  const figures = await inTurn(place, 3, (engine) => {
    runCommand(["sync"]);
    const value = timeCommand(engine.cli("load", "-i", place.archive));
    runCommand(engine.cli("rmi", "-f", "bench/debian:latest"));
    return value;
  });
  return { name: "load of a 170 MB Debian image", unit: "ms", figures };
}

export async function logRows(place: Workplace): Promise<Row[]> {
  const write: Row["figures"] = {};
  console.error("bench: 1,000,000 log lines written");
  for (const engine of place.engines) {
    const text = "of a log that a container wrote to its stdout";
    const script = `BEGIN { for (i = 1; i <= 1000000; i++) print "line " i " ${text}" }`;
    // The others' logs know no bounds unless told: all keep all of it.
    const bounds = engine.name === "gantry" ? ["--log-opt", "max-size=-1"] : [];
    const argv = engine.cli("run", "--name", "logs", "-d", ...bounds, image, "busybox", "awk", script);
    const from = performance.now();
    runCommand(argv);
    runCommand(engine.cli("wait", "logs"));
    Object.assign(write, { [engine.name]: summarize([performance.now() - from]) });
  }
  console.error("bench: 1,000,000 log lines read");
  const all = await inTurn(place, 3, (engine) => timeCommand(engine.cli("logs", "logs")));
  const tail = await inTurn(place, 5, (engine) => timeCommand(engine.cli("logs", "--tail", "100", "logs")));
  for (const engine of place.engines) runCommand(engine.cli("rm", "-f", "logs"));
  return [
    { name: "1,000,000 log lines written", unit: "ms", figures: write },
    { name: "1,000,000 log lines read", unit: "ms", figures: all },
    { name: "logs --tail 100 of them", unit: "ms", figures: tail },
  ];
}
