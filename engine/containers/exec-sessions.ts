import { EngineError } from "../errors.ts";
import type { ExecRequest } from "../protocol/containers.ts";
import type { ExecSession } from "../runtime/container-runtime.ts";
import { publishEvent } from "./container-events.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord } from "./container-record.ts";
import type { ContainerParts } from "./parts.ts";

export type ExecParts = Pick<ContainerParts, "config" | "runtime" | "events">;

/** Which of its outputs go to the client that starts it, and what that types to leave it; empty: docker's keys. */
export type ExecStreams = { readonly stdout: boolean; readonly stderr: boolean; readonly detachKeys: string };

/** What docker's exec inspect is made of. */
export type ExecInfo = {
  /** Id. */
  readonly container: string;
  readonly request: ExecRequest;
  readonly streams: ExecStreams;
  readonly status: "created" | "running" | "ended";
  /** 0 before it runs. */
  readonly pid: number;
  /** Null before it has ended, and where nobody knows. */
  readonly exitCode: number | null;
};

export type TerminalSize = { readonly rows: number; readonly columns: number };

/** Ended ones, and those nobody started, are forgotten beyond this, oldest first. */
const mostKnown = 500;

/** Processes beside the main one. They are not on record: an engine that starts anew leaves them to themselves. */
export class ExecSessions {
  readonly #parts: ExecParts;
  readonly #running = new Map<string, Map<string, ExecSession>>();
  readonly #starting = new Map<string, Promise<ExecSession>>();
  /** In the order they were made. */
  readonly #known = new Map<string, ExecInfo>();

  constructor(parts: ExecParts) {
    this.#parts = parts;
  }

  /** Those that run in a container. */
  list(container: string): string[] {
    return [...(this.#running.get(container)?.keys() ?? [])];
  }

  /** Also one that has ended, for a while. */
  get(execID: string): ExecInfo {
    const info = this.#known.get(execID);
    if (info !== undefined) return info;
    throw noSuch(execID);
  }

  /** Makes one and starts it. */
  open(
    record: ContainerRecord,
    request: ExecRequest,
    { execID, limit }: { readonly execID: string; readonly limit?: number },
  ): Promise<ExecSession> {
    const isSeen = request.streamID !== undefined;
    const streams = { stdout: isSeen, stderr: isSeen, detachKeys: "" };
    this.#begin(record, request, { execID, streams, isRoutine: limit !== undefined });
    return this.#launch(record, request, { execID, limit });
  }

  /** Makes one that start() starts. */
  create(record: ContainerRecord, request: ExecRequest, options: { execID: string; streams: ExecStreams }): void {
    this.#begin(record, request, { ...options, isRoutine: false });
  }

  /** Once. size: of the terminal, instead of what it was made with. */
  start(record: ContainerRecord, execID: string, size: TerminalSize | null): Promise<ExecSession> {
    this.refuseStarted(execID);
    refusePaused(record);
    return this.#launch(record, { ...this.get(execID).request, ...size }, { execID });
  }

  refuseStarted(execID: string): void {
    const { status } = this.get(execID);
    if (status === "created") return;
    const state = status === "ended" ? "has already run" : "is already running";
    throw new EngineError("failed-precondition", `exec command ${execID} ${state}`);
  }

  /** Of its terminal; one that is not started yet starts with this size. */
  async resize(execID: string, size: TerminalSize): Promise<void> {
    const info = this.get(execID);
    if (info.status === "created") this.#note(execID, { request: { ...info.request, ...size } });
    await this.#starting.get(execID);
    await this.#running.get(info.container)?.get(execID)?.attached.resize(size.rows, size.columns);
  }

  #begin(
    record: ContainerRecord,
    request: ExecRequest,
    { execID, streams, isRoutine }: { execID: string; streams: ExecStreams; isRoutine: boolean },
  ): void {
    refusePaused(record);
    if (request.command.length === 0) {
      throw new EngineError("invalid-argument", "no command to run was given", { exitCode: 125 });
    }
    // Probes are many, and each is like the others.
    if (!isRoutine) {
      this.#remember(execID, { container: record.id, request, streams, status: "created", pid: 0, exitCode: null });
    }
    publishEvent(this.#parts, record, `exec_create: ${cut(request.command.join(" "))}`, { execID }, isRoutine);
  }

  async #launch(
    record: ContainerRecord,
    request: ExecRequest,
    { execID, limit }: { readonly execID: string; readonly limit?: number | undefined },
  ): Promise<ExecSession> {
    this.#note(execID, { request, status: "running" });
    const starting = this.#run(record, request, { execID, limit });
    this.#starting.set(execID, starting);
    try {
      return await starting;
    } catch (error) {
      const exitCode = error instanceof EngineError ? error.exitCode : null;
      this.#note(execID, { status: "ended", exitCode: exitCode ?? 126 });
      throw error;
    } finally {
      this.#starting.delete(execID);
    }
  }

  async #run(
    record: ContainerRecord,
    request: ExecRequest,
    { execID, limit }: { readonly execID: string; readonly limit: number | undefined },
  ): Promise<ExecSession> {
    const isRoutine = limit !== undefined;
    const session = await this.#parts.runtime.exec({
      container: record.id,
      bundle: pathsOf(this.#parts.config, record.id).directory,
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
    this.#note(execID, { pid: session.pid });
    publishEvent(this.#parts, record, `exec_start: ${cut(request.command.join(" "))}`, { execID }, isRoutine);
    this.#track(record, { execID, isRoutine }, session);
    return session;
  }

  #remember(execID: string, info: ExecInfo): void {
    this.#known.set(execID, info);
    if (this.#known.size <= mostKnown) return;
    for (const [known, { status }] of this.#known) {
      if (status === "running" || known === execID) continue;
      this.#known.delete(known);
      return;
    }
  }

  /** Does nothing for a probe. */
  #note(execID: string, change: Partial<ExecInfo>): void {
    const info = this.#known.get(execID);
    if (info !== undefined) this.#known.set(execID, { ...info, ...change });
  }

  #track(
    record: ContainerRecord,
    { execID, isRoutine }: { readonly execID: string; readonly isRoutine: boolean },
    session: ExecSession,
  ): void {
    const running = this.#running.get(record.id) ?? new Map<string, ExecSession>();
    this.#running.set(record.id, running);
    running.set(execID, session);
    const end = (exitCode: number | null) => {
      this.#note(execID, { status: "ended", exitCode });
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

function noSuch(execID: string): EngineError {
  return new EngineError("not-found", `no such exec instance: ${execID.slice(0, 80)}`);
}

function refusePaused({ name, state }: ContainerRecord): void {
  if (state.status !== "paused") return;
  throw new EngineError("failed-precondition", `container ${name} is paused`, {
    hint: `wake it with: gantry unpause ${name}`,
  });
}

/** Events are kept: a command may be as long as a file. */
function cut(command: string): string {
  return command.length > 2000 ? `${command.slice(0, 2000)}…` : command;
}
