import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../errors.ts";
import { Slots } from "../../lib/slots.ts";
import { publishEvent } from "../container-events.ts";
import { pathsOf } from "../container-paths.ts";
import type { ContainerRecord } from "../container-record.ts";
import type { ExecSessions } from "../exec-sessions.ts";
import type { ContainerParts } from "../parts.ts";
import { readHealth, writeHealth } from "./health-file.ts";
import {
  type Health,
  type HealthPlan,
  healthAfter,
  type ProbeResult,
  pauseBefore,
  planOf,
  startingHealth,
} from "./health-rules.ts";
import { runProbe } from "./run-probe.ts";

/** Probes that are being started at once, so that many containers due at one moment do not take the host. */
const startsAtOnce = 4;
/** Seconds beyond its timeout after which conmon ends a probe whose engine was killed. */
const spare = 10;
const longestTimer = 2 ** 31 - 1;
/** Milliseconds that are waited for a probe that was told to end. */
const patience = 6_000;

type Monitor = {
  readonly plan: HealthPlan;
  health: Health;
  timer: NodeJS.Timeout | null;
  /** Null while no probe runs. */
  probe: { readonly abort: AbortController; readonly ended: Promise<void> } | null;
};

export type HealthParts = Pick<ContainerParts, "config" | "table" | "events" | "log"> & {
  readonly execs: ExecSessions;
};

/**
 * Health checks of running containers: one timer each, one probe at a time. The state is kept in the container's directory after each
 * probe, so that the next engine goes on with it.
 */
export class HealthMonitors implements AsyncDisposable {
  readonly #parts: HealthParts;
  readonly #monitors = new Map<string, Monitor>();
  readonly #starts = new Slots(startsAtOnce);

  constructor(parts: HealthParts) {
    this.#parts = parts;
  }

  /** Of a running container; `none` for one without a health check. */
  statusOf(id: string): "none" | Health["status"] {
    return this.#monitors.get(id)?.health.status ?? "none";
  }

  /** docker's state of the last run: one that does not run is not healthy. Null where there is none. */
  find(record: ContainerRecord): Health | null {
    if (planFor(record) === null) return null;
    const running = this.#monitors.get(record.id);
    if (running !== undefined) return running.health;
    const last = readHealth(this.#pathOf(record.id));
    return last === null ? null : { ...last, status: "unhealthy" };
  }

  /** Takes up a container that was started just now, or one that ran on while no engine was there. */
  begin(record: ContainerRecord): void {
    const { id, state } = record;
    const plan = planFor(record);
    this.#drop(id);
    if (plan === null || state.startedAt === null) return;
    const kept = readHealth(this.#pathOf(id));
    const isSameRun = kept?.startedAt === state.startedAt;
    const health = isSameRun ? kept : startingHealth(state.startedAt, kept);
    const monitor: Monitor = { plan, health, timer: null, probe: null };
    this.#monitors.set(id, monitor);
    this.#parts.table.touch(id);
    if (state.status === "running") this.#schedule(id, monitor);
  }

  /** No probe runs any more when it resolves: one in a frozen container could not end. */
  async pause(id: string): Promise<void> {
    const monitor = this.#monitors.get(id);
    if (monitor !== undefined) await this.#halt(monitor);
  }

  unpause(id: string): void {
    const monitor = this.#monitors.get(id);
    if (monitor !== undefined) this.#schedule(id, monitor);
  }

  /** The container has ended. */
  end(id: string): void {
    const monitor = this.#monitors.get(id);
    this.#drop(id);
    if (monitor !== undefined) this.#keep(id, { ...monitor.health, status: "unhealthy" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const monitors = [...this.#monitors.values()];
    this.#monitors.clear();
    await Promise.all(monitors.map((monitor) => this.#halt(monitor)));
  }

  #drop(id: string): void {
    const monitor = this.#monitors.get(id);
    this.#monitors.delete(id);
    if (monitor !== undefined) void this.#halt(monitor);
  }

  async #halt(monitor: Monitor): Promise<void> {
    if (monitor.timer !== null) clearTimeout(monitor.timer);
    monitor.timer = null;
    const { probe } = monitor;
    probe?.abort.abort();
    // A runtime that hangs must not keep anybody waiting.
    if (probe !== null) await Promise.race([probe.ended, sleep(patience, undefined, { ref: false })]);
  }

  #schedule(id: string, monitor: Monitor): void {
    const now = Date.now();
    const { log, startedAt } = monitor.health;
    // Results of an earlier run do not count; a clock that was set back must not make it wait for long.
    const last = Math.max(Date.parse(log.at(-1)?.end ?? startedAt), Date.parse(startedAt));
    const pause = pauseBefore(monitor.health, monitor.plan, now);
    const due = Math.min(Math.max(last + pause - now, 0), pause, longestTimer);
    if (monitor.timer !== null) clearTimeout(monitor.timer);
    monitor.timer = setTimeout(() => this.#probe(id, monitor), due).unref();
  }

  #probe(id: string, monitor: Monitor): void {
    monitor.timer = null;
    const record = this.#parts.table.find(id);
    if (monitor.probe !== null || record === null || this.#monitors.get(id) !== monitor) return;
    const abort = new AbortController();
    const ended = this.#run(record, monitor, abort.signal)
      .then((result) => {
        monitor.probe = null;
        if (result === null || abort.signal.aborted || this.#monitors.get(id) !== monitor) return;
        this.#take(id, monitor, result);
        this.#schedule(id, monitor);
      })
      .catch((error) => {
        monitor.probe = null;
        this.#parts.log.error("a health check failed", { id, error });
        if (!abort.signal.aborted) this.#schedule(id, monitor);
      });
    monitor.probe = { abort, ended };
  }

  async #run(record: ContainerRecord, { plan }: Monitor, signal: AbortSignal): Promise<ProbeResult | null> {
    const request = {
      container: record.id,
      command: [...plan.command],
      terminal: false,
      openStdin: false,
      environment: [],
      privileged: false,
    };
    const open = async () => {
      using _turn = await this.#starts.take(signal);
      const limit = Math.ceil(plan.timeout / 1000) + spare;
      return await this.#parts.execs.open(record, request, { execID: randomUUID().replaceAll("-", ""), limit });
    };
    return await runProbe(open, plan, signal);
  }

  #take(id: string, monitor: Monitor, result: ProbeResult): void {
    const before = monitor.health;
    monitor.health = healthAfter(before, result, monitor.plan);
    this.#keep(id, monitor.health);
    if (monitor.health.status === before.status) return;
    const record = this.#parts.table.find(id);
    if (record !== null) publishEvent(this.#parts, record, `health_status: ${monitor.health.status}`);
    this.#parts.table.touch(id);
  }

  #keep(id: string, health: Health): void {
    try {
      writeHealth(this.#pathOf(id), health);
    } catch (error) {
      this.#parts.log.warning(`the health of a container could not be kept: ${messageOf(error)}`, { id });
    }
  }

  #pathOf(id: string): string {
    return pathsOf(this.#parts.config, id).health;
  }
}

function planFor({ resolution }: ContainerRecord): HealthPlan | null {
  return planOf(resolution.healthcheck, resolution.shell ?? ["/bin/sh", "-c"]);
}
