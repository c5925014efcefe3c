import { randomOf } from "../support/fault-storm.ts";
import { lives, type Wish } from "./wishes.ts";

/** Verbs, and how often each is drawn. */
const weights = {
  create: 10,
  start: 12,
  stop: 4,
  kill: 3,
  restart: 4,
  pause: 3,
  unpause: 4,
  remove: 3,
  forceRemove: 4,
  rename: 2,
  mark: 6,
  copy: 3,
  update: 3,
  logs: 2,
  look: 3,
  connect: 2,
  disconnect: 2,
  tag: 1,
  untag: 1,
  makeVolume: 2,
  removeVolume: 2,
  makeNetwork: 4,
  removeNetwork: 2,
} as const;
export type ThingVerb = "tag" | "untag" | "makeVolume" | "removeVolume" | "makeNetwork" | "removeNetwork";
export type Verb = Exclude<keyof typeof weights, ThingVerb>;

/** One request of a client: a value drawn by the seed, whatever became of those before it. */
export type Command = {
  readonly verb: Verb | ThingVerb;
  /** Which of the client's containers, or of its things. */
  readonly slot: number;
  readonly wish: Wish;
  /** For whatever the verb needs a number. */
  readonly number: number;
};

export const faultKinds = [
  "kill-engine",
  "stop-engine",
  "kill-engine-and-conmon",
  "kill-engine-and-container",
  "kill-engine-at-start",
  "kill-conmon",
  "kill-runtime",
  "hang-runtime",
  "kill-container",
  "kill-conmon-and-container",
  "fill-disk",
  "fill-disk-and-kill-engine",
  "jump-clock",
  "flush-rules",
  "delete-bridge",
] as const;
export type FaultKind = (typeof faultKinds)[number];
/** Whose process is killed again and again: the promise is about it. */
const common: readonly FaultKind[] = ["kill-engine", "kill-engine", "kill-engine-at-start", "kill-runtime"];

export type Fault = {
  readonly kind: FaultKind;
  /** Milliseconds after the clients began. */
  readonly after: number;
  /** Milliseconds the state lasts, where it is one. */
  readonly lasts: number;
  readonly client: number;
  readonly slot: number;
  readonly number: number;
};

export type Shape = {
  readonly clients: number;
  readonly slots: number;
  /** Empty: all. */
  readonly faults: readonly FaultKind[];
};

/** What the clients of one round ask for, and what happens to them: the same for the same seed and round. */
export type Round = { readonly commands: readonly (readonly Command[])[]; readonly fault: Fault };

/** More than a client gets done in a round. */
const length = 400;

export function planRound(seed: number, round: number, { clients, slots, faults }: Shape): Round {
  const random = randomOf(Math.imul(seed, 0x9e3779b1) ^ Math.imul(round, 0x85ebca6b));
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const kinds = faults.length > 0 ? faults : [...faultKinds, ...common];
  const fault: Fault = {
    kind: pick(kinds),
    after: Math.floor(100 + random() * 900),
    lasts: Math.floor(200 + random() * 1000),
    client: Math.floor(random() * clients),
    slot: Math.floor(random() * slots),
    number: Math.floor(random() * 1_000_000),
  };
  const commands = Array.from({ length: clients }, (_, client) =>
    Array.from({ length }, (_unused, index) => ({
      verb: drawVerb(random),
      slot: Math.floor(random() * slots),
      wish: drawWish(random, client),
      number: round * 1000 + index,
    })),
  );
  return { commands, fault };
}

const verbs = Object.keys(weights) as (Verb | ThingVerb)[];
const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);

function drawVerb(random: () => number): Verb | ThingVerb {
  let rest = random() * total;
  for (const verb of verbs) {
    rest -= weights[verb];
    if (rest < 0) return verb;
  }
  return "look";
}

/** Two ports a client: sometimes two of its containers want the same. */
function drawWish(random: () => number, client: number): Wish {
  const life = lives[Math.floor(random() ** 1.5 * lives.length)] ?? "long";
  const network = drawNetwork(random, client);
  const serves = random() < 0.4 && network !== "none" && network !== "host" && (life === "long" || life === "fleeting");
  return {
    life,
    exitCode: 1 + Math.floor(random() * 99),
    network,
    port: serves ? 17_200 + client * 2 + Math.floor(random() * 2) : null,
    talks: random() < 0.4,
    memory: random() < 0.3 ? (32 + Math.floor(random() * 32)) << 20 : null,
    pids: random() < 0.3 ? 50 + Math.floor(random() * 50) : null,
    init: random() < 0.2,
    volume: random() < 0.4 ? (thingNames(client).volumes[Math.floor(random() * 2)] ?? null) : null,
    health: random() < 0.15,
    smallLog: random() < 0.5,
  };
}

function drawNetwork(random: () => number, client: number): string {
  const draw = random();
  if (draw < 0.45) return "bridge";
  if (draw < 0.8) return thingNames(client).networks[draw < 0.65 ? 0 : 1] ?? "bridge";
  return draw < 0.92 ? "none" : "host";
}

/** Each client has things of its own: what it asks for depends on no other. */
export function thingNames(client: number) {
  const two = (kind: string): readonly string[] => [`${kind}-${client}-0`, `${kind}-${client}-1`];
  return { tags: two("storm/tag"), volumes: two("volume"), networks: two("network") };
}
