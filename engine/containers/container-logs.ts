import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import type { EngineConfig } from "../config.ts";
import { EngineError, messageOf } from "../errors.ts";
import { findJson } from "../lib/json.ts";
import type { Log } from "../log.ts";
import { type LogChoice, type LogPlan, planLog } from "../logs/log-limits.ts";
import { LogRotation } from "../logs/log-rotation.ts";
import type { WrittenLog } from "../logs/rotate-log.ts";
import type { CreateRequest } from "../protocol/create-request.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord } from "./container-record.ts";
import type { LogSource } from "./container-service.ts";

/** Keys as in docker's daemon.json. Others of the same file belong to others. */
const settings = z.object({
  "log-driver": z.optional(z.string()),
  "log-opts": z.optional(z.record(z.string(), z.string())),
});

/** docker's, whose name programs look for before they ask for a log. */
const builtIn: LogChoice = { driver: "json-file", options: {} };
/** Milliseconds after the engine's start until it looks at the logs of all containers: first come those who wait. */
const tidyAfter = 3_000;

export type ContainerLogsOptions = { readonly config: EngineConfig; readonly log: Log };

/** What becomes of the output of containers: which driver, how much of it is kept. */
export class ContainerLogs implements AsyncDisposable {
  readonly #config: EngineConfig;
  readonly #default: LogChoice;
  readonly #rotation: LogRotation;
  #tidying: NodeJS.Timeout | null = null;

  constructor({ config, log }: ContainerLogsOptions) {
    this.#config = config;
    this.#default = readDefault(config, log);
    this.#rotation = new LogRotation({ log });
  }

  /** The driver of containers that ask for none. */
  get driver(): string {
    return this.#default.driver;
  }

  /** Refuses, with `invalid-argument`, what docker refuses. */
  check(request: CreateRequest): void {
    planLog(this.#choiceOf(request));
  }

  /** The file conmon is to write, or null for none. */
  pathFor({ id, request }: ContainerRecord): string | null {
    return this.#planOf(request).driver === "none" ? null : pathsOf(this.#config, id).log;
  }

  /** `ended`: true once nothing more will be written. */
  source(record: ContainerRecord, ended: () => boolean): LogSource {
    const { id, request } = record;
    const isKept = this.pathFor(record) !== null;
    return { container: id, path: pathsOf(this.#config, id).log, isKept, terminal: request.terminal, ended };
  }

  /** docker's HostConfig.LogConfig. */
  inspect(request: CreateRequest): { Type: string; Config: Readonly<Record<string, string>> } {
    const { driver, options } = this.#choiceOf(request);
    return { Type: driver, Config: options };
  }

  /** Begins to keep the log of a running container within its limits. */
  watch(record: ContainerRecord): void {
    this.#rotation.watch(record.id, this.#writtenLog(record));
  }

  /** It has ended. */
  async unwatch(id: string): Promise<void> {
    await this.#rotation.unwatch(id);
  }

  /** It is being removed: resolves when nothing of ours is at work on its files. */
  async release(id: string): Promise<void> {
    await this.#rotation.release(id);
  }

  /** Finishes, some time soon, what an earlier engine left undone. */
  tidy(records: () => readonly ContainerRecord[]): void {
    this.#tidying = setTimeout(() => {
      for (const record of records()) this.#rotation.tidy(record.id, this.#writtenLog(record));
    }, tidyAfter).unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#tidying !== null) clearTimeout(this.#tidying);
    await this.#rotation[Symbol.asyncDispose]();
  }

  #writtenLog({ id, request, state }: ContainerRecord): WrittenLog {
    const { directory, log } = pathsOf(this.#config, id);
    const { limits } = this.#planOf(request);
    return { path: log, control: join(directory, "ctl"), conmonPid: state.conmonPid, limits };
  }

  /** A container of an older engine, or of older settings, may hold what is refused by now: it is bounded all the same. */
  #planOf(request: CreateRequest): LogPlan {
    try {
      return planLog(this.#choiceOf(request));
    } catch {
      return planLog(builtIn);
    }
  }

  /** The engine's options hold for a container that takes the engine's driver, each where it says nothing itself. */
  #choiceOf({ log }: CreateRequest): LogChoice {
    const driver = log.driver === "" ? this.#default.driver : log.driver;
    return driver === this.#default.driver
      ? { driver, options: { ...this.#default.options, ...log.options } }
      : { driver, options: log.options };
  }
}

/** A mistake in the settings must not keep the engine from its containers: it is told in the engine's log. */
function readDefault(config: EngineConfig, log: Log): LogChoice {
  const path = join(config.settings, "engine.json");
  try {
    const parsed = settings.parse(findJson(readFileSync(path, "utf8")) ?? {});
    const choice = { driver: parsed["log-driver"] || builtIn.driver, options: parsed["log-opts"] ?? {} };
    planLog(choice);
    return choice;
  } catch (error) {
    const isAbsent = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (!isAbsent) {
      const reason = error instanceof EngineError ? error.message : messageOf(error);
      log.error(`${path}: logs are kept as without it: ${reason}`);
    }
    return builtIn;
  }
}
