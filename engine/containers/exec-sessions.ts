import { EngineError } from "../errors.ts";
import type { ExecRequest } from "../protocol/containers.ts";
import type { ExecSession } from "../runtime/container-runtime.ts";
import { publishEvent } from "./container-events.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord } from "./container-record.ts";
import type { ContainerParts } from "./parts.ts";

/** Processes beside the main one. They are not on record: an engine that starts anew leaves them to themselves. */
export class ExecSessions {
  readonly #parts: ContainerParts;
  readonly #running = new Map<string, Set<string>>();

  constructor(parts: ContainerParts) {
    this.#parts = parts;
  }

  list(container: string): string[] {
    return [...(this.#running.get(container) ?? [])];
  }

  async open(record: ContainerRecord, request: ExecRequest, execID: string): Promise<ExecSession> {
    const { id, name } = record;
    if (record.state.status === "paused") {
      throw new EngineError("failed-precondition", `container ${name} is paused`, {
        hint: `wake it with: gantry unpause ${name}`,
      });
    }
    if (request.command.length === 0) {
      throw new EngineError("invalid-argument", "no command to run was given", { exitCode: 125 });
    }
    const command = request.command.join(" ");
    publishEvent(this.#parts, record, `exec_create: ${command}`, { execID });
    const session = await this.#parts.runtime.exec({
      container: id,
      bundle: pathsOf(this.#parts.config, id).directory,
      execID,
      command: request.command,
      terminal: request.terminal,
      openStdin: request.openStdin,
      environment: request.environment,
      workingDirectory: request.workingDirectory ?? null,
      user: request.user ?? null,
      privileged: request.privileged,
      rows: request.rows ?? null,
      columns: request.columns ?? null,
    });
    publishEvent(this.#parts, record, `exec_start: ${command}`, { execID });
    this.#track(record, execID, session);
    return session;
  }

  #track(record: ContainerRecord, execID: string, session: ExecSession): void {
    const running = this.#running.get(record.id) ?? new Set();
    this.#running.set(record.id, running);
    running.add(execID);
    const end = (attributes: Record<string, string>) => {
      running.delete(execID);
      if (running.size === 0 && this.#running.get(record.id) === running) this.#running.delete(record.id);
      publishEvent(this.#parts, record, "exec_die", { execID, ...attributes });
    };
    session.exitCode.then(
      (exitCode) => end({ exitCode: String(exitCode) }),
      () => end({}),
    );
  }
}
