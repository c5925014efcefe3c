import { randomBytes } from "node:crypto";
import { EngineError } from "../errors.ts";
import type { ExecRequest } from "../protocol/containers.ts";
import type { ExecSession } from "../runtime/container-runtime.ts";
import type { ContainerRecord } from "./container-record.ts";
import { isAlive } from "./container-status.ts";
import type { ExecInfo, ExecStreams, TerminalSize } from "./exec-sessions.ts";
import type { ContainerParts } from "./parts.ts";

/**
 * Further processes of containers, made in one step and started in another, as docker's clients do. Those of a container that is gone are
 * unknown. `not-found` for an unknown one, `failed-precondition` where the container does not run.
 */
export class ContainerExecs {
  readonly #parts: ContainerParts;

  constructor(parts: ContainerParts) {
    this.#parts = parts;
  }

  /** Gives its id. */
  create(container: string, request: ExecRequest, streams: ExecStreams): string {
    const record = running(this.#parts.table.get(container));
    const execID = randomBytes(32).toString("hex");
    this.#parts.execs.create(record, request, { execID, streams });
    return execID;
  }

  /** Once; fails with `failed-precondition` the second time. size: of the terminal, or null for what it was made with. */
  async start(execID: string, size: TerminalSize | null): Promise<ExecSession> {
    const record = this.#recordOf(execID);
    return await this.#parts.execs.start(running(record), execID, size);
  }

  /** Fails where start() would, without starting anything. */
  checkStart(execID: string): void {
    running(this.#recordOf(execID));
    this.#parts.execs.refuseStarted(execID);
  }

  /** Also of one that has ended, for a while. */
  info(execID: string): ExecInfo {
    this.#recordOf(execID);
    return this.#parts.execs.get(execID);
  }

  /** Of its terminal. */
  resize(execID: string, size: TerminalSize): Promise<void> {
    this.#recordOf(execID);
    return this.#parts.execs.resize(execID, size);
  }

  #recordOf(execID: string): ContainerRecord {
    const { container } = this.#parts.execs.get(execID);
    const record = this.#parts.table.find(container);
    if (record !== null) return record;
    throw new EngineError("not-found", `no such exec instance: ${execID.slice(0, 80)}`);
  }
}

function running(record: ContainerRecord): ContainerRecord {
  if (isAlive(record.state.status)) return record;
  throw new EngineError("failed-precondition", `container ${record.name} is not running`, {
    hint: `start it with: gantry start ${record.name}`,
  });
}
