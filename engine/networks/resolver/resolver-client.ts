import { spawn } from "node:child_process";
import { createConnection, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod/mini";
import type { EngineConfig } from "../../config.ts";
import { EngineError, messageOf } from "../../errors.ts";
import { findByPidFile } from "../../host/pid-file.ts";
import { isAlive, signalProcess } from "../../host/processes.ts";
import { findJson } from "../../lib/json.ts";
import { workerURL } from "../../lib/worker-url.ts";
import {
  type ResolverRequest,
  type ResolverView,
  resolverPidFile,
  resolverReply,
  resolverSocket,
  resolverVersion,
} from "./resolver-protocol.ts";

type Draft = ResolverRequest extends infer R ? (R extends { id: number } ? Omit<R, "id"> : never) : never;

/** Milliseconds for an answer. */
const patience = 5000;
/** A process of its own has to start, beside all containers of a host that was just booted. */
const startPatience = 30_000;
const sigterm = 15;
const sigkill = 9;
/** After it died: at first, and at most. */
const firstRetry = 100;
const lastRetry = 10_000;

/**
 * The engine's end of the resolver. What it has to know is kept here: a resolver that dies is started again and told all of it; one that an
 * earlier engine started goes on, and is told what changed since.
 */
export class ResolverClient {
  readonly #config: EngineConfig;
  readonly #onFailure: (error: unknown) => void;
  readonly #views = new Map<string, ResolverView>();
  #link: Promise<Link> | null = null;
  #retry = firstRetry;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(config: EngineConfig, onFailure: (error: unknown) => void) {
    this.#config = config;
    this.#onFailure = onFailure;
  }

  /** Starts it ahead of its first use. */
  warm(): void {
    this.#connect().catch(this.#onFailure);
  }

  /** Resolves when the container can ask, and others for it. */
  async put(view: ResolverView): Promise<void> {
    this.#views.set(view.container, view);
    try {
      await this.#send({ kind: "put", view });
    } catch (error) {
      // It may just have ended by itself, having had nothing to do.
      if (!(error instanceof EngineError && error.code === "unavailable")) throw error;
      await this.#send({ kind: "put", view });
    }
  }

  /** Its netns must not be held any longer. */
  async drop(container: string): Promise<void> {
    if (!this.#views.delete(container)) return;
    // Where none runs nobody holds anything.
    if (this.#link !== null) await this.#send({ kind: "drop", container });
  }

  /** These and no others. */
  async reset(views: readonly ResolverView[]): Promise<void> {
    this.#views.clear();
    for (const view of views) this.#views.set(view.container, view);
    if (views.length === 0 && this.#link === null && findByPidFile(resolverPidFile(this.#config)) === null) return;
    await this.#send({ kind: "reset", views: [...views] });
  }

  /** The resolver goes on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const link = await this.#link?.catch(() => null);
    link?.close();
  }

  async #send(draft: Draft): Promise<void> {
    const link = await this.#connect();
    await link.send(draft);
  }

  #connect(): Promise<Link> {
    if (this.#link !== null) return this.#link;
    const opening = this.#open();
    this.#link = opening;
    opening.then(
      (link) => link.onClose(() => this.#lost(opening)),
      () => {
        if (this.#link === opening) this.#link = null;
      },
    );
    return opening;
  }

  async #open(): Promise<Link> {
    const known = await Link.open(this.#config).catch(() => null);
    if (known !== null && known.version === resolverVersion) return known;
    if (known !== null) {
      await known.send({ kind: "end" }).catch(() => {});
      known.close();
    }
    // One that does not answer any more still holds its sockets.
    await endResolver(this.#config);
    await startResolver(this.#config);
    const link = await Link.open(this.#config);
    if (this.#views.size > 0) await link.send({ kind: "reset", views: [...this.#views.values()] });
    return link;
  }

  /** It ended: by itself, having nothing to do, or it was killed. */
  #lost(link: Promise<Link>): void {
    if (this.#link === link) this.#link = null;
    if (this.#isClosed || this.#views.size === 0 || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#connect().then(
        () => {
          this.#retry = firstRetry;
        },
        (error) => {
          this.#retry = Math.min(this.#retry * 2, lastRetry);
          this.#onFailure(error);
          this.#lost(link);
        },
      );
    }, this.#retry).unref();
  }
}

/** One connection. */
class Link {
  readonly version: number;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, PromiseWithResolvers<void>>();
  #lastID = 0;

  static open(config: EngineConfig): Promise<Link> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(resolverSocket(config));
      const timer = setTimeout(() => socket.destroy(new Error("it does not answer")), patience);
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("the connection was closed")));
      let link: Link | null = null;
      const lines = createInterface({ input: socket });
      // It passes the socket's own on.
      lines.on("error", () => {});
      lines.on("line", (line) => {
        const reply = z.safeParse(resolverReply, findJson(line));
        if (!reply.success) return void socket.destroy();
        if ("version" in reply.data) {
          clearTimeout(timer);
          link = new Link(socket, reply.data.version);
          resolve(link);
        } else link?.settle(reply.data.id, reply.data.error);
      });
    });
  }

  private constructor(socket: Socket, version: number) {
    this.#socket = socket;
    this.version = version;
    socket.unref();
    socket.on("close", () => {
      for (const { reject } of this.#waiting.values()) reject(gone());
      this.#waiting.clear();
    });
    socket.on("error", () => socket.destroy());
  }

  onClose(listener: () => void): void {
    if (this.#socket.destroyed) listener();
    else this.#socket.once("close", listener);
  }

  async send(draft: Draft): Promise<void> {
    if (this.#socket.destroyed) throw gone();
    this.#lastID += 1;
    const id = this.#lastID;
    const answer = Promise.withResolvers<void>();
    this.#waiting.set(id, answer);
    const timer = setTimeout(
      () => answer.reject(new EngineError("unavailable", "the resolver did not answer")),
      patience,
    );
    this.#socket.write(`${JSON.stringify({ ...draft, id })}\n`);
    try {
      await answer.promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  settle(id: number, error: string | null): void {
    const waiting = this.#waiting.get(id);
    if (error === null) waiting?.resolve();
    else waiting?.reject(new EngineError("internal", `the resolver of names failed: ${error}`));
  }

  close(): void {
    this.#socket.destroy();
  }
}

function gone(): EngineError {
  return new EngineError("unavailable", "the resolver of names ended", {
    hint: "the engine starts it again; try once more",
  });
}

/** Small heaps: it has little to keep. Resolves when it listens. */
async function startResolver(config: EngineConfig): Promise<void> {
  const program = workerURL(import.meta.url, "resolver-worker").pathname;
  const child = spawn(process.execPath, ["--max-semi-space-size=1", "--max-old-space-size=64", program, config.run], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
    cwd: "/",
    env: { PATH: process.env.PATH ?? "", LC_ALL: "C.UTF-8" },
  });
  child.unref();
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout.once("data", () => resolve());
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`it ended with ${code}`)));
  });
  const late = sleep(startPatience, undefined, { ref: false }).then(() =>
    Promise.reject(new Error("it took too long")),
  );
  try {
    await Promise.race([ready, late]);
  } catch (error) {
    throw new EngineError("internal", `start the resolver of names: ${messageOf(error)}`, { cause: error });
  } finally {
    child.removeAllListeners();
    child.on("error", () => {});
    child.stdout.destroy();
  }
}

/** Ends the resolver of one engine, whoever started it. True where there was one. */
export async function endResolver(config: EngineConfig): Promise<boolean> {
  const identity = findByPidFile(resolverPidFile(config));
  if (identity === null) return false;
  signalProcess(identity, sigterm);
  for (const deadline = Date.now() + 1000; isAlive(identity) && Date.now() < deadline; ) await sleep(5);
  if (isAlive(identity)) signalProcess(identity, sigkill);
  for (const deadline = Date.now() + 1000; isAlive(identity) && Date.now() < deadline; ) await sleep(5);
  return true;
}
