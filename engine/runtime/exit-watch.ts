import {
  type FSWatcher,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { messageOf } from "../errors.ts";
import { hasProcess, isRunning } from "../host/processes.ts";
import type { ExitRecord } from "./container-runtime.ts";
import type { Supervisors } from "./supervisors.ts";

/** conmon writes to a temporary name with a dot first, then renames. */
const idPattern = /^[0-9A-Za-z][0-9A-Za-z_-]{0,127}$/;
/** inotify loses events when its queue overflows: this often everything is looked at again while something runs. */
const interval = 3000;
/** How many of these looks are for pids alone, which may be another's by now, before one that is thorough. */
const looksBetween = 10;
/** No exit code is known where conmon was killed. */
const unknownExitCode = 255;

type Pids = { readonly conmon: number; readonly process: number };

/** Watches `<run>/exits/`: one file a container that has ended, its content the exit code. */
export class ExitWatch implements Disposable {
  readonly #directory: string;
  readonly #supervisors: Supervisors;
  readonly #told = new Set<string>();
  /** With the pids seen at the last thorough look. */
  readonly #running = new Map<string, Pids | null>();
  #watcher: FSWatcher | null = null;
  #timer: NodeJS.Timeout | null = null;
  #hurry: NodeJS.Timeout | null = null;
  #looks = 0;
  #listener: ((exit: ExitRecord) => void) | null = null;

  readonly #onLingering: (bundle: string) => void;

  /** `onLingering`: the process of this bundle has ended, but a slow reader keeps conmon from saying so. */
  constructor(run: string, supervisors: Supervisors, onLingering: (bundle: string) => void) {
    this.#directory = join(run, "exits");
    this.#supervisors = supervisors;
    this.#onLingering = onLingering;
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
  }

  get directory(): string {
    return this.#directory;
  }

  /** Tells what has ended already, then what ends. `ids` may be running. */
  begin(listener: (exit: ExitRecord) => void, ids: readonly string[]): void {
    this.#listener = listener;
    this.#watcher ??= watch(this.#directory, (_event, name) => this.#check(name ?? ""));
    this.#watcher.on("error", () => {});
    for (const id of ids) this.expect(id);
    this.#scan();
  }

  /** A container that may end from now on. */
  expect(id: string): void {
    if (this.#told.has(id)) return;
    this.#running.set(id, null);
    if (this.#listener === null || this.#timer !== null) return;
    this.#timer = setInterval(() => this.#scan(this.#looks++ % looksBetween === 0), interval);
    this.#timer.unref();
  }

  find(id: string): ExitRecord | null {
    try {
      const path = join(this.#directory, id);
      const exitCode = Number(readFileSync(path, "latin1").trim() || Number.NaN);
      if (!Number.isInteger(exitCode)) return null;
      return { id, exitCode, oomKilled: this.#supervisors.wasOutOfMemory(id), at: statSync(path).mtime };
    } catch {
      return null;
    }
  }

  forget(id: string): void {
    rmSync(join(this.#directory, id), { force: true });
    this.#told.delete(id);
    this.#expectNoMore(id);
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
    this.#watcher = null;
    this.#listener = null;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    if (this.#hurry !== null) clearTimeout(this.#hurry);
    this.#hurry = null;
  }

  /** An end is near: looks again soon, once for all that are near by then. */
  hurry(): void {
    this.#hurry ??= setTimeout(() => {
      this.#hurry = null;
      if (this.#listener !== null) this.#scan(false);
    }, 100).unref();
  }

  /** Runs from timers: a run directory that is full or gone for a moment must not end the engine. */
  #scan(isThorough = true): void {
    try {
      for (const name of readdirSync(this.#directory)) this.#check(name);
      for (const [id, pids] of [...this.#running]) {
        if (isThorough || pids === null || !areAlive(pids)) this.#checkLost(id);
      }
    } catch (error) {
      process.emitWarning(`look for containers that ended: ${messageOf(error)}`);
    }
  }

  #check(name: string): void {
    if (this.#listener === null || !idPattern.test(name) || this.#told.has(name)) return;
    const exit = this.find(name);
    if (exit === null) return;
    this.#told.add(name);
    this.#expectNoMore(name);
    this.#listener(exit);
  }

  /** conmon was killed, and then the container ended: nobody else will write down its end. */
  #checkLost(id: string): void {
    const lingering = this.#supervisors.findLingering(id);
    if (lingering !== null) this.#onLingering(lingering);
    const conmon = this.#supervisors.findConmon(id);
    const process = this.#supervisors.findProcess(id);
    const isWhole = lingering === null && conmon !== null && process !== null;
    if (this.#running.has(id)) this.#running.set(id, isWhole ? { conmon, process } : null);
    if (conmon !== null || process !== null) return;
    if (this.find(id) === null) {
      const path = join(this.#directory, id);
      writeFileSync(`${path}.lost`, String(unknownExitCode));
      renameSync(`${path}.lost`, path);
    }
    this.#check(id);
  }

  #expectNoMore(id: string): void {
    this.#running.delete(id);
    if (this.#running.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** That somebody has these pids, and the container's first process is no zombie. */
function areAlive({ conmon, process }: Pids): boolean {
  return hasProcess(conmon) && isRunning(process);
}
