import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { syncDirectory } from "../lib/durable-file.ts";
import { publishEvent } from "./container-events.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord } from "./container-record.ts";
import { isAlive } from "./container-status.ts";
import type { ContainerParts } from "./parts.ts";
import { startContainer } from "./start-container.ts";

export type CheckpointSummary = { readonly name: string; readonly createdAt: string; readonly size: number };

const pattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/;
/** What criu writes as its last files: a dump without them was cut off. */
const lastFiles = ["inventory.img", "stats-dump"];

/**
 * Checkpoints of containers (criu): their processes as files, in `<container>/checkpoints/<name>/`. One that is being made has a name with a
 * dot before it.
 */
export class Checkpoints {
  readonly #parts: ContainerParts;

  constructor(parts: ContainerParts) {
    this.#parts = parts;
  }

  /** `unimplemented` where criu cannot work; `already-exists`: name taken; `failed-precondition` where the container does not run. */
  async create(container: string, name: string, leaveRunning: boolean): Promise<void> {
    const { id } = this.#parts.table.get(container);
    checkName(name);
    await this.#parts.runtime.checkCheckpoints();
    await this.#parts.queue.run(id, () => this.#create(this.#parts.table.get(id), name, leaveRunning));
  }

  async list(container: string): Promise<CheckpointSummary[]> {
    const directory = this.#directoryOf(this.#parts.table.get(container).id);
    const names = (await readdir(directory).catch(() => [])).filter((name) => pattern.test(name));
    return await Promise.all(names.sort().map((name) => summarize(directory, name)));
  }

  async remove(container: string, name: string): Promise<void> {
    const { id } = this.#parts.table.get(container);
    await this.#parts.queue.run(id, async () => {
      const directory = this.#directoryOf(id);
      const path = await this.#get(this.#parts.table.get(id), name);
      // Gone by one step, then in pieces.
      const beside = join(directory, `.removed-${name}`);
      await rm(beside, { recursive: true, force: true });
      await rename(path, beside);
      await rm(beside, { recursive: true, force: true });
    });
  }

  /** Starts a container that does not run from one of its checkpoints. */
  async restore(container: string, name: string): Promise<void> {
    const { id } = this.#parts.table.get(container);
    await this.#get(this.#parts.table.get(id), name);
    await this.#parts.runtime.checkCheckpoints();
    await this.#parts.queue.run(id, async () => {
      const record = this.#parts.table.get(id);
      if (isAlive(record.state.status)) {
        throw new EngineError("failed-precondition", `container ${record.name} is running`, {
          hint: `stop it first with: gantry stop ${record.name}`,
        });
      }
      this.#parts.restarts.cancel(id);
      await startContainer(this.#parts, record, { restartCount: 0, checkpoint: await this.#get(record, name) });
    });
  }

  async #create(record: ContainerRecord, name: string, leaveRunning: boolean): Promise<void> {
    const { id } = record;
    if (record.state.status !== "running") {
      throw new EngineError("failed-precondition", `container ${record.name} is not running`);
    }
    const directory = this.#directoryOf(id);
    if ((await stat(join(directory, name)).catch(() => null)) !== null) {
      throw new EngineError("already-exists", `container ${record.name} has a checkpoint ${name} already`);
    }
    const beside = join(directory, `.new-${name}`);
    await rm(beside, { recursive: true, force: true });
    await mkdir(beside, { recursive: true, mode: 0o700 });
    await this.#parts.health.pause(id);
    try {
      await this.#parts.runtime.checkpoint(id, { directory: beside, logs: beside, leaveRunning });
      await finish(directory, name);
    } catch (error) {
      await rm(beside, { recursive: true, force: true });
      throw EngineError.wrap(`checkpoint container ${record.name}`, error);
    } finally {
      this.#parts.health.unpause(id);
    }
    // Its end is told by the runtime, behind us in the queue: nobody is to bring it back from the beginning.
    if (!leaveRunning) this.#parts.table.update(id, { stoppedByHand: true, bootID: this.#parts.bootID });
    publishEvent(this.#parts, record, "checkpoint");
  }

  async #get({ id, name: container }: ContainerRecord, name: string): Promise<string> {
    checkName(name);
    const path = join(this.#directoryOf(id), name);
    if ((await stat(path).catch(() => null)) !== null) return path;
    throw new EngineError("not-found", `container ${container} has no checkpoint ${name}`, {
      hint: `gantry checkpoint ls ${container} lists them`,
    });
  }

  #directoryOf(id: string): string {
    return join(pathsOf(this.#parts.config, id).directory, "checkpoints");
  }
}

/**
 * At the engine's start: a dump that went on to its end without us ended its container, and is all that is left of it. True where there
 * was one.
 */
export async function settleCheckpoints(directory: string): Promise<boolean> {
  const parent = join(directory, "checkpoints");
  let isFinished = false;
  for (const entry of await readdir(parent).catch(() => [])) {
    const path = join(parent, entry);
    if (entry.startsWith(".removed-")) await rm(path, { recursive: true, force: true });
    if (!entry.startsWith(".new-")) continue;
    const names = await readdir(path);
    const isWhole = lastFiles.every((name) => names.includes(name));
    if (isWhole) await finish(parent, entry.slice(".new-".length));
    else await rm(path, { recursive: true, force: true });
    isFinished ||= isWhole;
  }
  return isFinished;
}

async function finish(directory: string, name: string): Promise<void> {
  await rename(join(directory, `.new-${name}`), join(directory, name));
  await syncDirectory(directory);
}

async function summarize(directory: string, name: string): Promise<CheckpointSummary> {
  const path = join(directory, name);
  const [{ mtime }, names] = await Promise.all([stat(path), readdir(path)]);
  const sizes = await Promise.all(
    names.map(async (file) => (await stat(join(path, file)).catch(() => null))?.size ?? 0),
  );
  return { name, createdAt: mtime.toISOString(), size: sizes.reduce((sum, size) => sum + size, 0) };
}

function checkName(name: string): void {
  if (pattern.test(name)) return;
  throw new EngineError("invalid-argument", `checkpoint name ${JSON.stringify(name.slice(0, 80))} is not valid`, {
    hint: "a name has letters, digits, dots, dashes and underscores, and begins with a letter or digit",
  });
}
