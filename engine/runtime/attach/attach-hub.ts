import { once } from "node:events";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { EngineError } from "../../errors.ts";
import { workerURL } from "../../lib/worker-url.ts";
import type { AttachSession } from "../container-runtime.ts";
import { ConmonSession } from "./conmon-session.ts";
import type { AttachCommand, AttachEvent, AttachWorkerData } from "./messages.ts";
import { connectTo, errno, errors, openEventDescriptor, openSeqpacket } from "./socket-calls.ts";

const oPath = 0o10000000;
/** It only passes buffers on. */
const resourceLimits = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 };
const one = Buffer.from(new BigUint64Array([1n]).buffer);

/** All attach connections of the engine. The worker starts with the first one. */
export class AttachHub implements AsyncDisposable {
  readonly #sessions = new Map<number, ConmonSession>();
  readonly #wake = openEventDescriptor();
  readonly #stopAtExit = () => this.#command({ kind: "stop" });
  #port: MessagePort | null = null;
  #worker: Worker | null = null;
  #disposed = false;
  #nextID = 1;

  /** Connects to `<directory>/attach` of a conmon. Fails with `failed-precondition` where nobody listens. */
  async open(directory: string): Promise<AttachSession> {
    if (this.#disposed) throw new EngineError("cancelled", "the engine is stopping");
    const descriptor = await connectIn(directory);
    const id = this.#nextID++;
    const session = new ConmonSession(descriptor, directory, {
      command: (command) => this.#command({ ...command, id }),
      closed: () => this.#forget(id),
    });
    this.#sessions.set(id, session);
    this.#startedPort().ref();
    this.#command({ kind: "add", id, descriptor });
    return session;
  }

  /** The process behind these sessions has ended; see AttachCommand. */
  drain(directory: string): void {
    for (const [id, session] of this.#sessions) {
      if (session.directory === directory) this.#command({ kind: "drain", id });
    }
  }

  /** Ends all sessions. Descriptors are closed only when the worker has gone, which could else read from one used anew. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#worker !== null) {
      const gone = once(this.#worker, "exit");
      this.#worker.ref();
      this.#command({ kind: "stop" });
      await gone;
    }
    if (!this.#disposed) closeSync(this.#wake);
    this.#disposed = true;
  }

  #startedPort(): MessagePort {
    if (this.#port !== null) return this.#port;
    const { port1, port2 } = new MessageChannel();
    const workerData: AttachWorkerData = { port: port2, wake: this.#wake };
    const worker = new Worker(workerURL(import.meta.url, "attach-worker"), {
      workerData,
      transferList: [port2],
      resourceLimits,
    });
    worker.unref();
    // It sleeps in a system call: without a wake the process could not exit.
    process.on("exit", this.#stopAtExit);
    worker.on("exit", () => {
      this.#port = null;
      this.#worker = null;
      process.off("exit", this.#stopAtExit);
      for (const session of [...this.#sessions.values()]) session.lose();
    });
    // Without a listener an error would end the engine; the exit that follows it ends the sessions.
    worker.on("error", () => {});
    port1.on("message", (event: AttachEvent) => this.#sessions.get(event.id)?.handle(event));
    port1.unref();
    this.#port = port1;
    this.#worker = worker;
    return port1;
  }

  #command(command: AttachCommand): void {
    if (this.#port === null) return;
    this.#port.postMessage(command);
    writeSync(this.#wake, one);
  }

  #forget(id: number): void {
    this.#sessions.delete(id);
    if (this.#sessions.size === 0) this.#port?.unref();
  }
}

/** Through the directory's descriptor: a socket's path may have 107 bytes only. */
async function connectIn(directory: string): Promise<number> {
  let folder: number;
  try {
    folder = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | oPath);
  } catch (cause) {
    throw notListening(directory, cause);
  }
  const descriptor = openSeqpacket();
  try {
    for (let attempt = 0; ; attempt++) {
      if (connectTo(descriptor, `/proc/self/fd/${folder}/attach`) === 0) return descriptor;
      // EAGAIN: conmon's queue of waiting connections is full for a moment.
      if (errno() !== errors.EAGAIN || attempt > 200) throw notListening(directory, `errno ${errno()}`);
      await sleep(5);
    }
  } catch (error) {
    closeSync(descriptor);
    throw error;
  } finally {
    closeSync(folder);
  }
}

function notListening(directory: string, cause: unknown): EngineError {
  return new EngineError("failed-precondition", `nothing listens for attach in ${directory}: the process has ended`, {
    cause,
  });
}
