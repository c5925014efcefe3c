import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import { type CommandResult, tryCommand } from "../host/commands.ts";
import { unmount } from "../host/mounts.ts";
import { getProgram } from "../host/programs.ts";
import { knownEscapes } from "../host/runtime-advisories.ts";
import type { RuntimeState } from "./container-runtime.ts";
import { runtimeError } from "./runtime-errors.ts";

export type RuntimeName = "runc" | "crun";
export const runtimeNames: readonly RuntimeName[] = ["crun", "runc"];

const stateSchema = z.object({
  status: z.enum(["creating", "created", "running", "paused", "stopped"]),
  pid: z.optional(z.number()),
});

/** No call may hang the engine; a loaded machine needs patience. */
const deadline = 30_000;

/** The command line of runc or crun, which is the same. Its records lie under `<run>/runtime/<name>`. */
export class RuntimeProgram {
  readonly name: RuntimeName;
  readonly root: string;

  constructor(name: RuntimeName, run: string) {
    this.name = name;
    this.root = join(run, "runtime", name);
  }

  /** Absolute. Fails with `failed-precondition` where it is not installed. */
  get path(): string {
    return getProgram(this.name);
  }

  knows(id: string): boolean {
    return existsSync(join(this.root, id));
  }

  async list(): Promise<string[]> {
    const names = await readdir(this.root).catch(() => []);
    // crun's own cache, in newer ones.
    return names.filter((name) => !name.startsWith("."));
  }

  async version(): Promise<{ version: string; knownEscapes: string | null }> {
    const { stdout } = await tryCommand(this.name, ["--version"]);
    return {
      version: /version (\S+)/.exec(stdout)?.[1] ?? "unknown",
      knownEscapes: knownEscapes(this.name, stdout),
    };
  }

  try(args: readonly string[], timeout = deadline): Promise<CommandResult> {
    return tryCommand(this.name, ["--root", this.root, ...args], { timeout });
  }

  /** Fails with what the program said. */
  async run(doing: string, args: readonly string[]): Promise<void> {
    const result = await this.try(args);
    if (result.exitCode !== 0) throw runtimeError(doing, result.stderr || result.stdout);
  }

  /** Null where there is no such container. */
  async state(id: string): Promise<RuntimeState | null> {
    if (!this.knows(id)) return null;
    const result = await this.try(["state", id]);
    if (result.exitCode !== 0) {
      if (isUnknown(result) || !this.knows(id)) return null;
      throw runtimeError(`ask ${this.name} for container ${id}`, result.stderr);
    }
    const state = stateSchema.safeParse(JSON.parse(result.stdout));
    if (!state.success) throw new EngineError("internal", `${this.name} gave no state for container ${id}`);
    return { status: state.data.status, pid: state.data.pid ?? 0 };
  }

  /** Kills what is left and drops the record. A success if there is none. */
  async delete(id: string): Promise<void> {
    if (!this.knows(id)) return;
    await this.#endRestore(id);
    const result = await this.try(["delete", "--force", id]);
    if (result.exitCode !== 0 && !isUnknown(result) && this.knows(id)) {
      throw runtimeError(`delete container ${id}`, result.stderr);
    }
  }

  /** Its own record only, of a container of which nothing else is left. */
  async forget(id: string): Promise<void> {
    await this.#endRestore(id);
    await rm(join(this.root, id), { recursive: true, force: true });
  }

  /**
   * runc shows criu the container's file system in its record, and leaves it there if it is killed: whoever removes the record would empty
   * the container.
   */
  async #endRestore(id: string): Promise<void> {
    const shown = join(this.root, id, "criu-root");
    if (existsSync(shown)) await unmount(shown);
  }
}

export function isUnknown(result: CommandResult): boolean {
  return /does not exist|not found|no such (file|process)/i.test(result.stderr);
}
