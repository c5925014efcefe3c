import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { EngineError } from "../../engine/errors.ts";
import { connectEngine, type EngineClient } from "./connection.ts";
import type { OpenEngineOptions } from "./open-engine.ts";
import type { EnginePaths } from "./paths.ts";
import { isUnitInstalled, type UnitProgram, unitName } from "./systemd-unit.ts";

const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
const pollInterval = 20;
/** An engine that ends is noticed at once; one that takes up hundreds of containers on a slow machine may need this. */
const startDeadline = 60_000;
/** An engine of ours that ended may have lost the race against another one that is about to listen. */
const graceAfterExit = 1_000;
const tailBytes = 4_096;
/** Of our environment. */
const inherited = /^(PATH|HOME|LANG|LC_[A-Z]+|TZ|GANTRY_[A-Z]+|(HTTPS?|NO|ALL)_PROXY|SSL_CERT_(FILE|DIR))$/i;

/** Starts an engine, detached from this terminal and process, and connects to it. Needs root. */
export async function startEngine(paths: EnginePaths, options: OpenEngineOptions = {}): Promise<EngineClient> {
  mkdirSync(paths.root, { recursive: true, mode: 0o711 });
  // No link is followed: the engine looks at the directory only later.
  const log = openSync(paths.logFile, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o640);
  try {
    const logStart = fstatSync(log).size;
    const engine = spawnEngine(paths, log, options.serveFlags);
    const client = await waitForEngine(paths, options, engine);
    if (client !== null) return client;
    throw new EngineError("unavailable", `start the engine: ${reasonIn(log, logStart)}`, {
      hint: `see ${paths.logFile}, or run: gantry engine doctor`,
    });
  } finally {
    closeSync(log);
  }
}

/** The program that is the engine: beside our own bundle, or the source tree's. */
export function engineProgram(importer: string = import.meta.url): string {
  const entry = importer.endsWith(".ts") ? "../../engine/main.ts" : "./engine.mjs";
  return fileURLToPath(new URL(entry, importer));
}

function connectTo(paths: EnginePaths, options: OpenEngineOptions): Promise<EngineClient> {
  return connectEngine({ socket: paths.socket, clientName: options.clientName ?? "gantry" });
}

/**
 * Keeps the engine small: it rests most of the time, and the smaller a process, the faster it forks, which it does several times for
 * each container. A nursery of 2 MB a half (V8's default grows to 16), collections where engine/lib/young-garbage.ts wants them, and memory
 * that malloc gives back (mallopt(3)).
 */
const engineFlags = ["--max-semi-space-size=2", "--expose-gc"];
const mallocSettings = {
  MALLOC_ARENA_MAX: "2",
  MALLOC_MMAP_THRESHOLD_: "131072",
  MALLOC_TRIM_THRESHOLD_: "131072",
};

/** How a service manager is to start the engine of these paths. */
export function engineCommand(paths: EnginePaths, serveFlags: readonly string[] = []): UnitProgram {
  const directories = ["--root", paths.root, "--run", paths.run];
  const args = [...engineFlags, engineProgram(), "serve", "--foreground", ...directories, ...serveFlags];
  return { command: [process.execPath, ...args], environment: mallocSettings };
}

/** Where systemd has a unit of it, systemd starts it: then it is none of this login's processes. */
function spawnEngine(paths: EnginePaths, log: number, serveFlags: readonly string[] = []): ChildProcess {
  const directories = ["--root", paths.root, "--run", paths.run];
  const args = [...engineFlags, engineProgram(), "serve", ...directories, ...serveFlags];
  const isUnit = isUnitInstalled(paths);
  const engine = spawn(isUnit ? "systemctl" : process.execPath, isUnit ? ["start", unitName(paths)] : args, {
    // A session of its own: it outlives the terminal and does not hear its Ctrl-C.
    detached: true,
    cwd: "/",
    env: engineEnvironment(process.env),
    stdio: ["ignore", log, log],
  });
  engine.unref();
  // A failure to spawn is seen as an exit.
  engine.on("error", () => undefined);
  return engine;
}

/** A debugger's port or a preloaded library of whoever started it would stay in force as long as the engine lives. */
export function engineEnvironment(ours: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...Object.fromEntries(Object.entries(ours).filter(([name]) => inherited.test(name))), ...mallocSettings };
}

/** Null: it ended, or did not listen in time. */
async function waitForEngine(
  paths: EnginePaths,
  options: OpenEngineOptions,
  engine: ChildProcess,
): Promise<EngineClient | null> {
  let giveUpAt = Date.now() + startDeadline;
  engine.once("exit", (code) => {
    // A program that has asked a service manager ends well, and the engine is yet to listen.
    if (code === 0) return;
    giveUpAt = Math.min(giveUpAt, Date.now() + graceAfterExit);
  });
  while (Date.now() < giveUpAt) {
    await sleep(pollInterval);
    try {
      return await connectTo(paths, options);
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== "unavailable") throw error;
    }
  }
  return null;
}

/** The last thing the engine said after `logStart`. */
function reasonIn(log: number, logStart: number): string {
  const size = fstatSync(log).size;
  const from = Math.max(logStart, size - tailBytes);
  const tail = Buffer.alloc(size - from);
  readSync(log, tail, 0, tail.length, from);
  const lines = tail.toString().trimEnd().split("\n");
  const last = lines.findLast((line) => line.trim() !== "");
  return last ?? `it did not answer within ${startDeadline / 1000} s and said nothing`;
}
