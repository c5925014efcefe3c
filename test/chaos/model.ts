import type { ContainerSummary } from "../../engine/protocol/containers.ts";
import type { Verb } from "./plan.ts";
import { isAutoRemoved, isLasting, type Wish } from "./wishes.ts";

/** Where a container is as far as requests and faults put it; what it does by itself in there is its wish's. */
export type Phase = "absent" | "created" | "up" | "paused" | "down";
type Status = ContainerSummary["status"] | "absent";
/** `ok`, or the code of an error. */
export type Answer = string;
type Outcome = { readonly answer: Answer; readonly next: Phase };

/** What may be seen of a container in a phase. */
export function statusesOf(phase: Phase, wish: Wish): Status[] {
  switch (phase) {
    case "absent":
    case "created":
    case "paused":
      return [phase];
    case "down":
      return isAutoRemoved(wish) ? ["removing", "absent"] : ["exited"];
    case "up":
      return { ...running, long: [running.long[0]], fleeting: [running.long[0]] }[wish.life] as Status[];
  }
}

const running = {
  long: ["running"],
  short: ["running", "exited"],
  gone: ["running", "removing", "absent"],
  faithful: ["running", "restarting"],
  stubborn: ["running", "restarting", "exited"],
} as const;

/** All that a request may answer to a container in this state, and where it is then. */
export function outcomesOf(verb: Verb, phase: Phase, wish: Wish): Outcome[] {
  return statusesOf(phase, wish).flatMap((status) => outcomesAt(verb, status, { phase, wish }));
}

function outcomesAt(verb: Verb, status: Status, { phase, wish }: { phase: Phase; wish: Wish }): Outcome[] {
  const ok = (next: Phase): Outcome => ({ answer: "ok", next });
  const fails = (answer: Answer): Outcome => ({ answer, next: phase });
  if (status === "absent") return [verb === "create" ? ok("created") : fails("not-found")];
  // It goes by itself just now: it is there, or not, or half.
  if (status === "removing") return [ok(phase), fails("not-found"), fails("failed-precondition")];
  const isAlive = status === "running" || status === "paused";
  // Between two lives it may come back before the request is dealt with.
  const isBetween = status === "restarting";
  switch (verb) {
    case "create":
      return [fails("already-exists")];
    case "start":
      if (status === "paused") return [fails("failed-precondition")];
      return isAlive ? [ok(phase)] : [ok("up")];
    case "stop":
      return isAlive || isBetween ? [ok("down")] : [ok(phase)];
    case "kill":
      return isAlive
        ? [ok("down")]
        : isBetween
          ? [ok("down"), fails("failed-precondition")]
          : [fails("failed-precondition")];
    case "restart":
      return [ok("up")];
    case "pause":
      if (status !== "running") return [fails("failed-precondition")];
      // It may have ended a moment before, and is not known to.
      return isLasting(wish) ? [ok("paused")] : [ok("paused"), ok(phase)];
    case "unpause":
      return status === "paused" ? [ok("up")] : [fails("failed-precondition")];
    case "remove":
      return isAlive || isBetween ? [fails("failed-precondition")] : [ok("absent")];
    case "forceRemove":
      return [ok("absent")];
    case "mark":
      if (status !== "running") return [fails("failed-precondition")];
      // Its end takes the process along.
      return isLasting(wish) ? [ok(phase)] : [ok(phase), fails("failed")];
    default:
      return [ok(phase)];
  }
}

/** Where a request that was cut off in the middle may have left it, beside before and after. */
export function cutPhases(verb: Verb, phase: Phase, wish: Wish): Phase[] {
  const over: Phase[] = isAutoRemoved(wish) ? ["absent"] : ["down"];
  if (phase === "absent") return [];
  if (verb === "restart") return over;
  if (verb === "start") return isAutoRemoved(wish) ? ["absent"] : [];
  if (verb === "forceRemove" || verb === "stop" || verb === "kill") return phase === "created" ? [] : over;
  return [];
}

/** What becomes of it when its main process is killed from outside. */
export function killedPhases(phase: Phase, wish: Wish): Phase[] {
  if (phase !== "up" && phase !== "paused") return [phase];
  if (wish.life === "faithful") return ["up"];
  // It may have been brought back, or have ended before.
  return wish.life === "stubborn" ? ["up", "down"] : ["down"];
}

export type Mark = { readonly file: string; readonly text: string };

/** Milliseconds in which the engine learns of an end, on a busy machine; and where it has to look by itself, the supervisor being gone. */
const unseenEnd = 2000;
const unseenEndAlone = 5000;

/** One container of a client, over all its incarnations. */
export class Slot {
  readonly names: readonly [string, string];
  wish: Wish;
  id: string | null = null;
  phases: ReadonlySet<Phase> = new Set<Phase>(["absent"]);
  /** Which of its two names it may have. */
  named: ReadonlySet<0 | 1> = new Set<0 | 1>([0]);
  /** Files of finished commands. */
  marks: Mark[] = [];
  /** Further networks that it may be connected to. */
  joined = new Set<string>();
  /** Limits that may be in force, in bytes. */
  memory: ReadonlySet<number | null> = new Set<number | null>([null]);
  /** A request on it is under way. */
  busy = false;
  /** A fault hit what it was when the last request began. */
  isHit = false;
  /** Its supervisor was killed: exit codes and lines of its log are lost. */
  isUnsupervised = false;
  /** A start was refused for reasons of a fault: the exit code is the refusal's. */
  hasFailedStart = false;
  /** A fault, or a network that went, may have kept its policy from starting it. */
  mayFailByPolicy = false;
  #hitAt = Number.NEGATIVE_INFINITY;

  constructor(name: string, wish: Wish) {
    this.names = [name, `${name}-too`];
    this.wish = wish;
  }

  /** Null where it is not known. */
  get name(): string | null {
    const [only] = this.named.size === 1 ? [...this.named] : [];
    return only === undefined ? null : this.names[only];
  }

  /** Takes note of an answer; gives a finding where it is none that this container may give. */
  settle(verb: Verb, answer: Answer): string | null {
    const before = [...this.phases];
    const next = before.flatMap((phase) =>
      outcomesOf(verb, phase, this.wish).flatMap((outcome) => (outcome.answer === answer ? [outcome.next] : [])),
    );
    if (next.length === 0) return `${verb} answered ${answer}, and it was ${before.join(" or ")} (${this.wish.life})`;
    this.phases = new Set(next);
    return null;
  }

  /** The request may have had its effect, a part of it, or none. */
  blur(verb: Verb): void {
    const before = [...this.phases];
    this.phases = new Set([
      ...before,
      ...before.flatMap((phase) => cutPhases(verb, phase, this.wish)),
      ...before.flatMap((phase) => outcomesOf(verb, phase, this.wish).map(({ next }) => next)),
    ]);
  }

  /** Its main process was killed, or was not there. */
  hit(): void {
    this.#hitAt = performance.now();
    this.widen();
    if (this.busy) this.isHit = true;
  }

  widen(): void {
    this.phases = new Set([...this.phases, ...[...this.phases].flatMap((phase) => killedPhases(phase, this.wish))]);
  }

  /** The engine learns of its end a moment later: a start until then finds it running. */
  get mayBeDeadUnseen(): boolean {
    return performance.now() - this.#hitAt < (this.isUnsupervised ? unseenEndAlone : unseenEnd);
  }

  /** Compares with what the engine lists; null where it may be so. */
  differs(found: ContainerSummary | undefined): string | null {
    const status = found?.status ?? "absent";
    const allowed = new Set([...this.phases].flatMap((phase) => statusesOf(phase, this.wish)));
    // That it is being removed is never where it stays.
    if (status === "removing" || !allowed.has(status)) {
      const why = found === undefined ? "" : ` (${found.exitCode}, ${found.error})`;
      return `${this.names[0]} is ${status}${why}, should be ${[...allowed].join(" or ")} (${this.wish.life}, ${[...this.phases].join(" or ")})`;
    }
    if (found === undefined) return null;
    const index = found.name === this.names[0] ? 0 : 1;
    if (!this.named.has(index)) return `${this.names[0]} is called ${found.name}`;
    if (!this.memory.has(found.resources.memory)) return `${found.name} has a limit of ${found.resources.memory} bytes`;
    return this.#differsInCode(found);
  }

  #differsInCode(found: ContainerSummary): string | null {
    if (found.status !== "exited" || this.isUnsupervised || this.hasFailedStart) return null;
    const killed = [137, 143, 255];
    // 125: a start by its policy that a fault kept from succeeding.
    const byPolicy = this.wish.life === "stubborn" && this.mayFailByPolicy ? [125] : [];
    const codes = isLasting(this.wish) ? killed : [...killed, ...byPolicy, this.wish.exitCode];
    if (found.exitCode !== null && codes.includes(found.exitCode)) return null;
    return `${found.name} has the exit code ${found.exitCode}, should have ${codes.join(" or ")}`;
  }

  /** From now on it is where it was seen. */
  adopt(found: ContainerSummary | undefined): void {
    const status = found?.status ?? "absent";
    const phases = [...this.phases].filter((phase) => statusesOf(phase, this.wish).includes(status));
    // One that is up by its own will may be seen as exited: it stays what it was.
    this.phases = new Set(phases.length > 1 && phases.includes("up") && status !== "running" ? ["down"] : phases);
    if (found === undefined) this.forget();
    else {
      this.id = found.id;
      this.named = new Set([found.name === this.names[0] ? 0 : 1]);
      this.memory = new Set([found.resources.memory]);
    }
  }

  forget(): void {
    this.id = null;
    this.phases = new Set(["absent"]);
    this.named = new Set([0]);
    this.marks = [];
    this.memory = new Set([null]);
    this.joined = new Set();
    this.isUnsupervised = false;
    this.hasFailedStart = false;
    this.mayFailByPolicy = false;
  }
}
