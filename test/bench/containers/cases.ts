import { inTurn, type Workplace } from "../cases.ts";
import { type Engine, image } from "../engines.ts";
import {
  cpuPercent,
  proportionalSize,
  type Row,
  runCommand,
  sleep,
  summarize,
  timeCommand,
  usageOf,
} from "../measure.ts";
import type { ContainerApi } from "./container-api.ts";
import { awaitPort, measureRequests, serverCommand, serverImage } from "./requests.ts";

export type ContainerWorkplace = Pick<Workplace, "engines" | "rounds"> & {
  /** In the order of the engines. */
  readonly apis: readonly ContainerApi[];
  /** Which cases are wanted. */
  readonly isWanted: (name: string) => boolean;
};

const sleeper = ["sleep", "3600"];

/** The cases by the names of `--only`. */
const cases: Readonly<Record<string, (place: ContainerWorkplace) => Promise<Row[]>>> = {
  life: lifeRows,
  requests: requestRows,
  list: listRows,
  hundred: hundredRows,
  five: fiveHundredRows,
};

export const caseNames = Object.keys(cases);

export async function containerRows(place: ContainerWorkplace): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, measure] of Object.entries(cases)) if (place.isWanted(name)) rows.push(...(await measure(place)));
  return rows;
}

function portOf(place: ContainerWorkplace, api: ContainerApi, offset: number): number {
  return 20_000 + place.apis.indexOf(api) * 1000 + offset;
}

/** Everything one client asks for, one thing at a time. */
async function lifeRows(place: ContainerWorkplace): Promise<Row[]> {
  const each = async (name: string, measure: (api: ContainerApi, engine: Engine, round: number) => Promise<number>) => {
    console.error(`bench: ${name}`);
    const measured = await inTurn(place, place.rounds, (engine, round) => measure(apiOf(place, engine), engine, round));
    return { name, unit: "ms", figures: measured };
  };
  const ids = new Map<string, string>();
  const rows = [
    await each("API create + start, bridge and one port", async (api, _engine, round) => {
      const hostPort = portOf(place, api, round + 1);
      let id = "";
      const took = await time(async () => {
        id = await api.create({ name: `life-${round + 1}`, image, command: sleeper, hostPort });
        await api.start(id);
      });
      ids.set(`${api.name} ${round}`, id);
      return took;
    }),
    await each("API exec of true, to its end", (api, _engine, round) =>
      time(() => api.exec(ids.get(`${api.name} ${round}`) ?? "", ["true"])),
    ),
    await each("exec true, command line", async (_api, engine, round) =>
      timeCommand(engine.cli("exec", `life-${round + 1}`, "true")),
    ),
    await each("API remove of a running one", (api, _engine, round) =>
      time(() => api.remove(ids.get(`${api.name} ${round}`) ?? "")),
    ),
  ];
  for (const api of place.apis) {
    const id = await api.create({ name: "rm-0", image, command: sleeper });
    await api.start(id);
  }
  const removed = await each("rm -f of a running one, command line", async (api, engine, round) => {
    const took = timeCommand(engine.cli("rm", "-f", `rm-${round + 1}`));
    await api.start(await api.create({ name: `rm-${round + 2}`, image, command: sleeper }));
    return took;
  });
  for (const engine of place.engines) runCommand(engine.cli("rm", "-f", `rm-${place.rounds + 1}`));
  return [...rows, removed];
}

/** Answers a second of a small web server in a container, through its published port. */
async function requestRows(place: ContainerWorkplace): Promise<Row[]> {
  const rows: Row[] = [];
  const ids = new Map<ContainerApi, string>();
  for (const api of place.apis) {
    const hostPort = portOf(place, api, 500);
    const id = await api.create({ name: "server", image: serverImage, command: serverCommand, hostPort });
    ids.set(api, id);
    await api.start(id);
    await awaitPort(hostPort);
  }
  for (const isOutside of [true, false]) {
    for (const mode of ["keep", "close"] as const) {
      const connection = mode === "keep" ? "keep-alive" : "a connection each";
      const name = `requests through a published port, ${isOutside ? "from outside" : "over 127.0.0.1"}, ${connection}`;
      console.error(`bench: ${name}`);
      const figures = await inTurn(place, Math.min(place.rounds, 8), (engine) =>
        measureRequests(portOf(place, apiOf(place, engine), 500), mode, isOutside),
      );
      rows.push({ name, unit: "1/s", isMoreBetter: true, figures });
    }
  }
  for (const [api, id] of ids) await api.remove(id);
  return rows;
}

/** 500 records of containers that were never started. */
async function listRows(place: ContainerWorkplace): Promise<Row[]> {
  console.error("bench: 500 records");
  for (const api of place.apis) {
    const names = Array.from({ length: 500 }, (_, index) => `record-${index}`);
    await atATime(4, names, async (name) => void (await api.create({ name, image, command: sleeper })));
  }
  const listed = await inTurn(place, place.rounds, (engine) =>
    time(async () => {
      const count = await apiOf(place, engine).list();
      if (count < 500) throw new Error(`${engine.name} lists ${count} containers`);
    }),
  );
  const printed = await inTurn(place, place.rounds, (engine) => timeCommand(engine.cli("ps", "-a")));
  for (const engine of place.engines) removeAll(engine, 500, "record");
  return [
    { name: "API list of 500 records", unit: "ms", figures: listed },
    { name: "ps -a of 500 records", unit: "ms", figures: printed },
  ];
}

/** A hundred containers, started eight at a time, then left alone, then watched. */
async function hundredRows(place: ContainerWorkplace): Promise<Row[]> {
  const put = (figures: Row["figures"], name: string, value: number) =>
    Object.assign(figures, { [name]: summarize([value]) });
  const started: Row["figures"] = {};
  const cpu: Row["figures"] = {};
  const memory: Row["figures"] = {};
  const monitor: Row["figures"] = {};
  const stats: Row["figures"] = {};
  for (const [index, engine] of place.engines.entries()) {
    const api = place.apis[index] as ContainerApi;
    console.error(`bench: a hundred containers, ${engine.name}`);
    const ids: string[] = [];
    const names = Array.from({ length: 100 }, (_, number) => `hundred-${number}`);
    put(
      started,
      engine.name,
      await time(() =>
        atATime(8, names, async (name) => {
          const id = await api.create({ name, image, command: sleeper });
          await api.start(id);
          ids.push(id);
        }),
      ),
    );
    await sleep(5000);
    const monitors = api.monitorPids();
    put(cpu, engine.name, await cpuPercent([...engine.daemonPids(), ...monitors], 10));
    put(memory, engine.name, usageOf(engine.daemonPids()).resident / 1e6);
    put(monitor, engine.name, proportionalSize(monitors) / 1e6 / 100);
    const stop = await api.watchStats(ids);
    await sleep(2000);
    put(stats, engine.name, await cpuPercent(engine.daemonPids(), 10));
    stop();
    removeAll(engine, 100, "hundred");
  }
  return [
    { name: "100 containers by the API, 8 at a time", unit: "ms", figures: started },
    { name: "100 idle: engine and monitors at rest", unit: "% of a core", figures: cpu },
    { name: "100 idle: engine resident", unit: "MB", figures: memory },
    { name: "100 idle: monitor of one, PSS", unit: "MB", figures: monitor },
    { name: "stats of 100 at 1 Hz, engine", unit: "% of a core", figures: stats },
  ];
}

/** Gantry alone: the others take minutes for this many. */
async function fiveHundredRows(place: ContainerWorkplace): Promise<Row[]> {
  const [engine] = place.engines as [Engine];
  const [api] = place.apis as [ContainerApi];
  console.error("bench: 500 containers, gantry");
  const names = Array.from({ length: 500 }, (_, number) => `five-${number}`);
  const start = async (name: string) => api.start(await api.create({ name, image, command: sleeper }));
  const started = await time(() => atATime(8, names, start));
  await sleep(5000);
  const cpu = await cpuPercent(engine.daemonPids(), 10);
  const memory = usageOf(engine.daemonPids()).resident / 1e6;
  runCommand(engine.cli("engine", "stop"));
  const restarted = timeCommand(engine.cli("engine", "start"));
  const listed = timeCommand(engine.cli("ps", "-q"));
  await sleep(5000);
  const memoryAfter = usageOf(engine.daemonPids()).resident / 1e6;
  removeAll(engine, 500, "five");
  const row = (name: string, unit: string, value: number): Row => ({
    name,
    unit,
    figures: { gantry: summarize([value]), docker: null, podman: null },
  });
  return [
    row("500 containers by the API, 8 at a time", "ms", started),
    row("500 idle: engine at rest", "% of a core", cpu),
    row("500 idle: engine resident", "MB", memory),
    row("engine started with 500 running", "ms", restarted),
    row("500 idle: engine resident after that", "MB", memoryAfter),
    row("ps of 500 running", "ms", listed),
  ];
}

function apiOf(place: ContainerWorkplace, engine: Engine): ContainerApi {
  return place.apis[place.engines.indexOf(engine)] as ContainerApi;
}

function removeAll(engine: Engine, count: number, prefix: string): void {
  for (let from = 0; from < count; from += 50) {
    const names = Array.from({ length: Math.min(50, count - from) }, (_, index) => `${prefix}-${from + index}`);
    runCommand(engine.cli("rm", "-f", ...names));
  }
}

async function time(work: () => Promise<unknown>): Promise<number> {
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
