import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createConfig, type EngineConfig } from "../../engine/config.ts";
import type { ContainerSummary } from "../../engine/protocol/containers.ts";
import type { CreateRequest } from "../../engine/protocol/create-request.ts";
import { emptyCreateRequest } from "../../engine/protocol/defaults.ts";
import { decodeLogRecords } from "../../engine/protocol/log-records.ts";
import { channel } from "../../engine/protocol/streams.ts";
import { connectEngine, type EngineClient } from "../../src/client/connection.ts";
import type { ByteStream } from "../../src/client/streams.ts";

export const starterImage = "gantry/busybox";

const program = fileURLToPath(new URL("../../engine/main.ts", import.meta.url));

/** A real engine process on directories of its own. Disposing stops and purges it, whatever state it is in. */
export interface TestEngine extends AsyncDisposable {
  readonly config: EngineConfig;
  readonly pid: number;
  /** The connection made last; a new one after restart(). */
  readonly client: EngineClient;
  connect(): Promise<EngineClient>;
  /** Ends it by a signal and waits for that. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it anew on the same directories. */
  start(): Promise<void>;
  /** All lines of its log. */
  log(): Promise<string>;
}

/** Starts an engine and waits until it has its starter image. */
export async function startTestEngine(): Promise<TestEngine> {
  const engine = new EngineUnderTest();
  await engine.begin();
  return engine;
}

/** Nothing of it is there before `begin`. */
export class EngineUnderTest implements TestEngine {
  readonly config: EngineConfig;
  readonly #directory: string;
  #process: ChildProcess | null = null;
  #client: EngineClient | null = null;

  constructor() {
    this.#directory = `/tmp/gantry-test-${randomBytes(3).toString("hex")}`;
    this.config = createConfig({ root: join(this.#directory, "root"), run: join(this.#directory, "run") });
  }

  /** Starts it for the first time, and waits until it has its starter image. */
  async begin(): Promise<void> {
    await mkdir(this.#directory, { mode: 0o700 });
    try {
      await this.start();
      await this.#waitForStarterImage();
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  get client(): EngineClient {
    if (this.#client === null) throw new Error("the engine is not started");
    return this.#client;
  }

  async start(): Promise<void> {
    const process = this.#spawn(["serve", "--ready-fd", "3"], "pipe");
    this.#process = process;
    const ready = process.stdio[3];
    if (ready === null || ready === undefined) throw new Error("no pipe");
    const [winner] = await Promise.race([once(ready, "data"), once(process, "exit"), sleep(20_000, ["too late"])]);
    if (String(winner) !== "ready\n") throw new Error(`engine did not start: ${await this.log()}`);
    this.#client = await this.connect();
  }

  connect(): Promise<EngineClient> {
    return connectEngine({ socket: this.config.socket, clientName: "test" });
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const process = this.#process;
    if (process === null || process.exitCode !== null || process.signalCode !== null) return;
    const ended = once(process, "exit");
    this.#client?.close();
    process.kill(signal);
    await Promise.race([ended, sleep(10_000).then(() => process.kill("SIGKILL"))]);
  }

  async log(): Promise<string> {
    return await readFile(this.config.logFile, "utf8").catch(() => "no log");
  }

  async #waitForStarterImage(): Promise<void> {
    for (let attempt = 0; attempt < 400; attempt++) {
      if ((await this.client.request("images.list", {})).length > 0) return;
      await sleep(25);
    }
    throw new Error(`no starter image: ${await this.log()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGTERM");
    if (process.env.GANTRY_TEST_LOG) console.log(await this.log());
    const purge = this.#spawn(["purge", "--force"], "ignore");
    const [code] = await once(purge, "exit");
    if (code !== 0) throw new Error(`purge failed with ${code}`);
    await rm(this.#directory, { recursive: true, force: true });
  }

  #spawn(args: string[], ready: "pipe" | "ignore"): ChildProcess {
    const { root, run } = this.config;
    return spawn(process.execPath, [program, ...args, "--root", root, "--run", run], {
      stdio: ["ignore", "ignore", "inherit", ready],
      cwd: "/",
      detached: true,
    });
  }
}

/** Creates a container of the starter image. */
export async function createContainer(engine: TestEngine, changes: Partial<CreateRequest> = {}): Promise<string> {
  const request = { ...emptyCreateRequest(starterImage), command: ["sleep", "300"], ...changes };
  return (await engine.client.request("containers.create", request)).id;
}

/** Creates and starts one. */
export async function runContainer(engine: TestEngine, changes: Partial<CreateRequest> = {}): Promise<string> {
  const container = await createContainer(engine, changes);
  await engine.client.request("containers.start", { container });
  return container;
}

/** Its row of the list. */
export async function findContainer(engine: TestEngine, id: string): Promise<ContainerSummary | undefined> {
  const containers = await engine.client.request("containers.list", { all: true });
  return containers.find((container) => container.id === id);
}

/** Polls until `isTrue`, at most `seconds`. */
export async function eventually(isTrue: () => boolean | Promise<boolean>, seconds = 10): Promise<void> {
  for (const deadline = Date.now() + seconds * 1000; ; await sleep(20)) {
    if (await isTrue()) return;
    if (Date.now() > deadline) throw new Error(`not true within ${seconds} s: ${isTrue}`);
  }
}

/** Reads the whole log of a container as text. */
export async function readLog(engine: TestEngine, container: string): Promise<string> {
  const streamID = randomUUID();
  const range = { tail: null, since: null, until: null };
  const [stream] = await Promise.all([
    engine.client.openStream(streamID),
    engine.client.request("containers.logs", { container, streamID, follow: false, range }),
  ]);
  const chunks: Buffer[] = [];
  stream.onOutput((_channel, bytes) => {
    chunks.push(Buffer.from(bytes));
    return undefined;
  });
  await stream.ended;
  const bytes = Buffer.concat(chunks);
  let text = "";
  decodeLogRecords(bytes, (record) => {
    text += bytes.toString("utf8", record.start, record.end) + (record.partial ? "" : "\n");
  });
  return text;
}

/** A stream of the request that `begin` makes, its output gathered by channel, its input open. */
export async function openSession(
  engine: TestEngine,
  begin: (streamID: string) => Promise<unknown>,
): Promise<{ readonly stream: ByteStream; readonly output: { stdout: string; stderr: string } }> {
  const streamID = randomUUID();
  const [stream] = await Promise.all([engine.client.openStream(streamID), begin(streamID)]);
  const output = { stdout: "", stderr: "" };
  stream.onOutput((number, bytes) => {
    output[number === channel.stderr ? "stderr" : "stdout"] += bytes.toString();
    return undefined;
  });
  return { stream, output };
}
