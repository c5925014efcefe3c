import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inTurn } from "../cases.ts";
import { type Engine, image } from "../engines.ts";
import { type Row, runCommand, sleep, summarize, timeCommand, usageOf } from "../measure.ts";

export type BuildWorkplace = {
  readonly rounds: number;
  readonly directory: string;
  /** Gantry, docker and podman, for their names, sockets and pids; podman's storage is buildah's. */
  readonly engines: readonly Engine[];
  readonly isWanted: (name: string) => boolean;
  /** OCI runtime for those that take one. */
  readonly runtime: string;
};

/** One that builds: argv of a build of a directory under a name. */
type Builder = Pick<Engine, "name"> & {
  build(directory: string, name: string, ...flags: string[]): string[];
  readonly pids: () => readonly number[];
};

const smallFiles = 2_000;

/** Twelve steps, four of which run something. */
const dockerfile = `FROM ${image}
LABEL org.opencontainers.image.title=bench
ENV MODE=production
WORKDIR /app
COPY package.json .
RUN echo installed > installed
COPY . .
RUN cat src/*/*.txt > all.txt
RUN echo built > built
RUN mkdir -p /var/cache/app && echo warm > /var/cache/app/state
EXPOSE 8080
CMD ["sh", "-c", "cat all.txt"]
`;

export async function buildRows(place: BuildWorkplace): Promise<Row[]> {
  const builders = buildersOf(place);
  const rows: Row[] = [];
  const cases = { steps: stepRows, stages: stageRows, context: contextRows };
  for (const [name, measure] of Object.entries(cases)) {
    if (place.isWanted(name)) rows.push(...(await measure(place, builders)));
  }
  return rows;
}

/** docker's classic builder, BuildKit as dockerd has it, which needs docker's own command line of its time, and buildah. */
function buildersOf({ engines, runtime }: BuildWorkplace): Builder[] {
  const [gantry, docker, podman] = engines as [Engine, Engine, Engine];
  const dockerCli = (kit: string) => [
    "env",
    `DOCKER_BUILDKIT=${kit}`,
    "/usr/bin/docker",
    "-H",
    `unix://${docker.socket}`,
  ];
  const [, ...storage] = podman.cli().slice(0, podman.cli().indexOf("--tmpdir"));
  return [
    {
      name: "gantry",
      build: (directory, name, ...flags) => gantry.cli("build", "-t", name, ...flags, directory),
      pids: () => gantry.daemonPids(),
    },
    {
      name: "classic",
      build: (directory, name, ...flags) => [...dockerCli("0"), "build", "-t", name, ...flags, directory],
      pids: () => docker.daemonPids(),
    },
    {
      name: "buildkit",
      build: (directory, name, ...flags) => [...dockerCli("1"), "build", "-t", name, ...flags, directory],
      pids: () => docker.daemonPids(),
    },
    {
      name: "buildah",
      build: (directory, name, ...flags) => [
        "buildah",
        ...storage,
        "build",
        "--runtime",
        runtime,
        "--layers",
        "-t",
        name,
        ...flags,
        directory,
      ],
      pids: () => [],
    },
  ];
}

type Measure = (builder: Builder, round: number) => number | Promise<number>;

async function each(builders: readonly Builder[], rounds: number, name: string, measure: Measure): Promise<Row> {
  console.error(`bench: build, ${name}`);
  const figures = await inTurn({ engines: builders as unknown as readonly Engine[] }, rounds, (engine, round) =>
    measure(engine as unknown as Builder, round),
  );
  return { name, unit: "ms", figures };
}

/** A context of its own for each builder: none finds another one's files warm. */
function makeContext(place: BuildWorkplace, builder: Builder): string {
  const directory = join(place.directory, `context-${builder.name}`);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  writeFileSync(join(directory, "Dockerfile"), dockerfile);
  writeFileSync(join(directory, "package.json"), "{}");
  for (let index = 0; index < smallFiles; index += 1) {
    const folder = join(directory, "src", String(index % 20));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${index}.txt`), `${builder.name} ${index}\n`.repeat(20));
  }
  return directory;
}

async function stepRows(place: BuildWorkplace, builders: readonly Builder[]): Promise<Row[]> {
  const contexts = new Map(builders.map((builder) => [builder, makeContext(place, builder)]));
  const of = (builder: Builder) => contexts.get(builder) ?? "";
  const title = `12 steps, ${smallFiles} small files`;
  // What a step copies is new in each round, else its layer is there already.
  const change = (builder: Builder, file: string) => writeFileSync(join(of(builder), file), `${performance.now()}\n`);
  return [
    await each(builders, place.rounds, `${title}, cold`, (builder) => {
      change(builder, "package.json");
      change(builder, "src/7/7.txt");
      return timeCommand(builder.build(of(builder), "bench/app", "--no-cache"));
    }),
    await each(builders, place.rounds, `${title}, all cached`, (builder, round) => {
      // The cache of a build without cache is none for some.
      if (round === -1) timeCommand(builder.build(of(builder), "bench/app"));
      return timeCommand(builder.build(of(builder), "bench/app"));
    }),
    await each(builders, place.rounds, `${title}, one file changed`, (builder) => {
      change(builder, "src/7/7.txt");
      return timeCommand(builder.build(of(builder), "bench/app"));
    }),
  ];
}

/** Eight stages that need nothing of each other, and one that takes something of each. */
async function stageRows(place: BuildWorkplace, builders: readonly Builder[]): Promise<Row[]> {
  const names = Array.from({ length: 8 }, (_, index) => `part${index}`);
  const work = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; echo done > /out";
  const stages = names.map((name, index) => `FROM ${image} AS ${name}\nRUN ${work}; echo ${index} >> /out\n`);
  const last = `FROM ${image}\n${names.map((name) => `COPY --from=${name} /out /${name}\n`).join("")}`;
  const directory = join(place.directory, "stages");
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "Dockerfile"), `${stages.join("")}${last}`);
  return [
    await each(builders, Math.min(place.rounds, 3), "8 independent stages", (builder) =>
      timeCommand(builder.build(directory, "bench/stages", "--no-cache")),
    ),
  ];
}

/** How much memory a build of a large file takes above what the engine has when it rests. */
async function contextRows(place: BuildWorkplace, builders: readonly Builder[]): Promise<Row[]> {
  const directory = join(place.directory, "large");
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "Dockerfile"), `FROM ${image}\nCOPY large /large\n`);
  runCommand(["dd", "if=/dev/urandom", `of=${join(directory, "large")}`, "bs=1M", "count=2048", "status=none"]);
  const times: Record<string, ReturnType<typeof summarize>> = {};
  const memory: Record<string, ReturnType<typeof summarize>> = {};
  // buildah has no engine whose memory could be looked at, and needs the disk three times.
  for (const builder of builders.filter(({ name }) => name !== "buildah")) {
    console.error(`bench: build, context of 2 GB, ${builder.name}`);
    await sleep(2000);
    const before = usageOf(builder.pids()).resident;
    const [took, most] = await watched(builder, builder.build(directory, "bench/large"));
    times[builder.name] = summarize([took]);
    memory[builder.name] = summarize([(most - before) / 1e6]);
  }
  rmSync(directory, { recursive: true });
  const name = "context of 2 GB";
  return [
    { name, unit: "ms", figures: times },
    { name: `${name}, engine above idle`, unit: "MB", figures: memory },
  ];
}

/** Milliseconds of a command, and the most bytes that the builder's processes had meanwhile. */
async function watched(builder: Builder, argv: readonly string[]): Promise<[took: number, most: number]> {
  const [program = "", ...args] = argv;
  const from = performance.now();
  const child = spawn(program, args, { stdio: "ignore" });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, usageOf(builder.pids()).resident);
  }, 50);
  const code = await ended;
  clearInterval(timer);
  if (code !== 0) throw new Error(`${argv.join(" ")}: exit ${code}`);
  return [performance.now() - from, most];
}
