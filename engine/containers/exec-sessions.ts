import { EngineError } from "../errors.ts";
import type { ExecRequest } from "../protocol/containers.ts";
import type { ExecSession } from "../runtime/container-runtime.ts";
import { publishEvent } from "./container-events.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord } from "./container-record.ts";
import type { ContainerParts } from "./parts.ts";

export type ExecParts = Pick<ContainerParts, "config" | "runtime" | "events">;

/** What docker's exec inspect is made of. */
export type ExecInfo = {
  /** Id. */
  readonly container: string;
  readonly request: ExecRequest;
  readonly running: boolean;
  readonly pid: number;
  /** Null while it runs, and where nobody knows. */
  readonly exitCode: number | null;
};

/** Ended ones are forgotten beyond this, oldest first. */
const mostKnown = 500;

/** Processes beside the main one. They are not on record: an engine that starts anew leaves them to themselves. */
export class ExecSessions {
  readonly #parts: ExecParts;
  readonly #running = new Map<string, Set<string>>();
  /** In the order they were made. */
  readonly #known = new Map<string, ExecInfo>();

  constructor(parts: ExecParts) {
    this.#parts = parts;
  }

  /** Those that run in a container. */
  list(container: string): string[] {
    return [...(this.#running.get(container) ?? [])];
  }

  /** Also one that has ended, for a while. */
  get(execID: string): ExecInfo {
    const info = this.#known.get(execID);
    if (info !== undefined) return info;
    throw new EngineError("not-found", `no such exec session: ${execID.slice(0, 80)}`);
  }

  async open(
    record: ContainerRecord,
    request: ExecRequest,
    { execID, limit }: { readonly execID: string; readonly limit?: number },
  ): Promise<ExecSession> {
    const { id, name } = record;
    if (record.state.status === "paused") {
      throw new EngineError("failed-precondition", `container ${name} is paused`, {
        hint: `wake it with: gantry unpause ${name}`,
      });
    }
    if (request.command.length === 0) {
      throw new EngineError("invalid-argument", "no command to run was given", { exitCode: 125 });
    }
    const command = cut(request.command.join(" "));
    // A probe: there are many, and each is like the others.
    const isRoutine = limit !== undefined;
    publishEvent(this.#parts, record, `exec_create: ${command}`, { execID }, isRoutine);
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
      limit,
    });
    if (!isRoutine) this.#remember(execID, { container: id, request, running: true, pid: session.pid, exitCode: null });
    publishEvent(this.#parts, record, `exec_start: ${command}`, { execID }, isRoutine);
    this.#track(record, { execID, isRoutine }, session);
    return session;
  }

  #remember(execID: string, info: ExecInfo): void {
    this.#known.set(execID, info);
    if (this.#known.size <= mostKnown) return;
    for (const [known, { running }] of this.#known) {
      if (running) continue;
      this.#known.delete(known);
      return;
    }
  }

  #track(
    record: ContainerRecord,
    { execID, isRoutine }: { readonly execID: string; readonly isRoutine: boolean },
    session: ExecSession,
  ): void {
    const running = this.#running.get(record.id) ?? new Set();
    this.#running.set(record.id, running);
    running.add(execID);
    const end = (exitCode: number | null) => {
      const info = this.#known.get(execID);
      if (info !== undefined) this.#known.set(execID, { ...info, running: false, exitCode });
      running.delete(execID);
      if (running.size === 0 && this.#running.get(record.id) === running) this.#running.delete(record.id);
      const attributes = exitCode === null ? {} : { exitCode: String(exitCode) };
      publishEvent(this.#parts, record, "exec_die", { execID, ...attributes }, isRoutine);
    };
    session.exitCode.then(
      (exitCode) => end(exitCode),
      () => end(null),
    );
  }
}

/** Events are kept: a command may be as long as a file. */
function cut(command: string): string {
  return command.length > 2000 ? `${command.slice(0, 2000)}…` : command;
}
