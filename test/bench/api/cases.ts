import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { inTurn } from "../cases.ts";
import { type Engine, image } from "../engines.ts";
import { type Row, runCommand, spawnCommand, timeCommand } from "../measure.ts";

export type ApiWorkplace = {
  /** Gantry by its docker socket and docker, both driven by the same docker CLI. */
  readonly engines: readonly Engine[];
  readonly rounds: number;
  readonly directory: string;
  /** docker-archive of a Debian image, about 170 MB; its tag is `bench/debian`. */
  readonly archive: string;
  /** Repository of that image on a registry of this machine. */
  readonly pullable: string;
  /** Which cases are wanted. */
  readonly isWanted: (name: string) => boolean;
};

const sleeper = [image, "sleep", "3600"];

export async function apiRows(place: ApiWorkplace): Promise<Row[]> {
  const rows: Row[] = [];
  const cases = { life: lifeRows, many: manyRows, data: dataRows };
  for (const [name, measure] of Object.entries(cases)) if (place.isWanted(name)) rows.push(...(await measure(place)));
  return rows;
}

function row(place: ApiWorkplace, rounds: number) {
  return async (name: string, measure: (engine: Engine, round: number) => number | Promise<number>): Promise<Row> => {
    console.error(`bench: docker ${name}`);
    return { name: `docker ${name}`, unit: "ms", figures: await inTurn(place, rounds, measure) };
  };
}

/** One container after the other. */
async function lifeRows(place: ApiWorkplace): Promise<Row[]> {
  const each = row(place, place.rounds);
  const port = (engine: Engine, round: number) => 25_000 + place.engines.indexOf(engine) * 1000 + round + 1;
  const run = (engine: Engine, ...args: string[]) => timeCommand(engine.cli("run", "--rm", ...args, image, "true"));
  const name = (round: number) => `life-${round + 1}`;
  return [
    await each("run --rm true, bridge", (engine) => run(engine)),
    await each("run --rm true, network none", (engine) => run(engine, "--network", "none")),
    await each("run --rm -p -m true", (engine, round) => run(engine, "-p", `${port(engine, round)}:80`, "-m", "64m")),
    await each("run -d", (engine, round) => timeCommand(engine.cli("run", "-d", "--name", name(round), ...sleeper))),
    await each("exec true", (engine, round) => timeCommand(engine.cli("exec", name(round), "true"))),
    await each("stop -t 0", (engine, round) => timeCommand(engine.cli("stop", "-t", "0", name(round)))),
    await each("rm -f of a running one", (engine, round) => {
      runCommand(engine.cli("start", name(round)));
      return timeCommand(engine.cli("rm", "-f", name(round)));
    }),
  ];
}

/** With a hundred containers there. */
async function manyRows(place: ApiWorkplace): Promise<Row[]> {
  const each = row(place, place.rounds);
  const names = Array.from({ length: 100 }, (_, index) => `many-${index}`);
  for (const engine of place.engines) {
    console.error(`bench: a hundred containers, ${engine.name}`);
    for (const part of [names.slice(0, 20), names.slice(20)]) {
      const verb = part.length === 20 ? ["run", "-d"] : ["create"];
      for (let at = 0; at < part.length; at += 4) {
        const four = part.slice(at, at + 4);
        await Promise.all(four.map((one) => spawnCommand(engine.cli(...verb, "--name", one, ...sleeper))));
      }
    }
  }
  const rows = [
    await each("ps -a of 100", (engine) => timeCommand(engine.cli("ps", "-a"))),
    await each("inspect of 100", (engine) => timeCommand(engine.cli("inspect", ...names))),
    await row(place, Math.min(place.rounds, 3))("stats --no-stream of 20", (engine) =>
      timeCommand(engine.cli("stats", "--no-stream")),
    ),
  ];
  for (const engine of place.engines) runCommand(engine.cli("rm", "-f", ...names));
  return rows;
}

/** Where many bytes go through the socket. */
async function dataRows(place: ApiWorkplace): Promise<Row[]> {
  const each = row(place, 3);
  const file = join(place.directory, "gigabyte");
  runCommand(["dd", "if=/dev/urandom", `of=${file}`, "bs=1M", "count=1024", "status=none"]);
  for (const engine of place.engines) {
    console.error(`bench: 1,000,000 lines, ${engine.name}`);
    const script = `BEGIN { for (i = 1; i <= 1000000; i++) print "line " i " of a log that a container wrote to its stdout" }`;
    const bounds = engine.name === "gantry" ? ["--log-opt", "max-size=-1"] : [];
    runCommand(engine.cli("run", "--name", "logs", ...bounds, "-d", image, "busybox", "awk", script));
    runCommand(engine.cli("wait", "logs"));
    runCommand(engine.cli("run", "-d", "--name", "files", ...sleeper));
  }
  const rows = [
    await each("logs of 1,000,000 lines", (engine) => timeCommand(engine.cli("logs", "logs"))),
    await each("cp of 1 GB in", async (engine) => {
      const took = timeCommand(engine.cli("cp", file, "files:/gigabyte"));
      runCommand(["sync"]);
      return took;
    }),
    await each("cp of 1 GB out", async (engine) => {
      const target = join(place.directory, `out-${engine.name}`);
      mkdirSync(target, { recursive: true });
      const took = timeCommand(engine.cli("cp", "files:/gigabyte", target));
      rmSync(target, { recursive: true });
      runCommand(["sync"]);
      return took;
    }),
    await each("load of a 170 MB Debian image", (engine) => {
      const took = timeCommand(engine.cli("load", "-i", place.archive));
      runCommand(engine.cli("rmi", "-f", "bench/debian:latest"));
      runCommand(["sync"]);
      return took;
    }),
    await each("pull of it", (engine) => {
      const took = timeCommand(engine.cli("pull", "-q", place.pullable));
      runCommand(engine.cli("rmi", "-f", place.pullable));
      runCommand(["sync"]);
      return took;
    }),
  ];
  for (const engine of place.engines) runCommand(engine.cli("rm", "-f", "logs", "files"));
  return rows;
}
