import { setTimeout as sleep } from "node:timers/promises";
import { EngineError, messageOf } from "../../engine/errors.ts";
import { unlimited } from "../../engine/protocol/defaults.ts";
import { type MethodName, methods } from "../../engine/protocol/methods.ts";
import type { EngineClient } from "../../src/client/connection.ts";
import { newStreamID } from "../../src/client/stream-id.ts";
import { copyIn } from "../../src/client/upload.ts";
import { tarOf } from "../support/tar-of.ts";
import { snapshot } from "./host.ts";
import { type Answer, type Slot, statusesOf } from "./model.ts";
import { type Command, type ThingVerb, thingNames, type Verb } from "./plan.ts";
import { actOnThing, Thing } from "./things.ts";
import { isAutoRemoved, requestOf } from "./wishes.ts";

/** Milliseconds in which every request must have its answer, whatever happens around it. */
const patience = 25_000;

/** What is going on when a request is made. */
export interface Surroundings {
  /** Whether something was broken at any time since then (milliseconds of performance.now()). */
  wasDisturbedSince(begin: number): boolean;
  /** False as soon as clients are to come to their end. */
  readonly goesOn: boolean;
  find(text: string): void;
}

/** Lost: the connection ended before the answer. */
type Result = { readonly answer: Answer; readonly said: string; readonly isLost: boolean };

/** Makes the requests of one client, one after another, and keeps its slots up to date. */
export class ChaosClient {
  readonly slots: readonly Slot[];
  readonly things: readonly Thing[];
  readonly #name: string;
  readonly #around: Surroundings;
  asked = 0;

  constructor(client: number, slots: readonly Slot[], around: Surroundings) {
    this.#name = `c${client}`;
    this.slots = slots;
    const { tags, volumes, networks } = thingNames(client);
    this.things = [
      ...tags.map((name) => new Thing("tag", name)),
      ...volumes.map((name) => new Thing("volume", name)),
      ...networks.map((name) => new Thing("network", name)),
    ];
    this.#around = around;
  }

  async run(client: EngineClient, commands: readonly Command[]): Promise<void> {
    let isLost = false;
    client.onClose(() => {
      isLost = true;
    });
    for (const command of commands) {
      if (isLost || !this.#around.goesOn) return;
      await this.#do(client, command, () => isLost);
    }
  }

  async #do(client: EngineClient, command: Command, isLost: () => boolean): Promise<void> {
    const slot = this.slots[command.slot];
    const { verb } = command;
    if (isThingVerb(verb)) return this.#doOnThing(client, { ...command, verb }, isLost);
    // Who does not know its name cannot ask for it.
    if (slot === undefined || slot.name === null) return;
    if (verb === "connect" || verb === "disconnect") return this.#join(client, { ...command, verb }, isLost);
    if (verb === "create" && !(await isReadyForCreate(client, command, slot))) return;
    const begin = performance.now();
    slot.busy = true;
    slot.isHit = false;
    const before = slot.name;
    this.asked++;
    const result = await this.#answer(act(client, command, slot), isLost);
    slot.busy = false;
    this.#take({ ...command, verb }, slot, { ...result, begin, before });
    if (slot.isHit) slot.hit();
    else if (slot.mayBeDeadUnseen) slot.widen();
  }

  /** Reads an answer by what the slot allows. */
  #take(command: Command & { verb: Verb }, slot: Slot, result: Result & { begin: number; before: string }): void {
    const { verb } = command;
    if (result.isLost) {
      slot.blur(verb);
      this.#blurValues(command, slot);
      return;
    }
    const finding = this.#isExcused(command, slot, result) ? null : slot.settle(verb, result.answer);
    if (finding === null && result.answer === "ok") this.#keepValues(command, slot);
    if (finding === null) return;
    if (slot.isHit || slot.isUnsupervised || this.#around.wasDisturbedSince(result.begin)) {
      // A refusal that comes of the fault: at most a part of it was done.
      if (verb !== "create") slot.blur(verb);
      if (verb === "start" || verb === "restart") slot.hasFailedStart = true;
      this.#blurValues(command, slot);
      return;
    }
    this.#around.find(`${this.#name}: ${result.before}: ${finding}: ${result.said}`);
    slot.blur(verb);
  }

  /** Another container of this client may hold the port, or there may be no such network: then nothing has changed, but for what a refused start does. */
  #isExcused({ verb, wish }: Command, slot: Slot, { answer }: Result): boolean {
    if (!["not-found", "failed-precondition"].includes(answer)) return false;
    if (!["create", "start", "restart"].includes(verb)) return false;
    const { network } = verb === "create" ? wish : slot.wish;
    const networks = verb === "create" ? [network] : [network, ...slot.joined];
    const isMissing = networks.some((name) => this.#thing(name)?.there.has(false) === true);
    if (!isMissing && (verb === "create" || !this.#isPortTaken(slot))) return false;
    if (verb === "create") return isMissing && answer === "not-found";
    slot.hasFailedStart = true;
    const next = [...slot.phases].map((phase) => {
      if (phase === "absent" || phase === "paused") return phase;
      if (isAutoRemoved(slot.wish)) return "absent";
      // Its policy goes on with one that was between two lives.
      return phase === "created" || verb === "start" ? phase : "down";
    });
    slot.phases = new Set(next);
    return true;
  }

  #isPortTaken({ wish, names }: Slot): boolean {
    if (wish.port === null) return false;
    const others = this.slots.filter((other) => other.names !== names && other.wish.port === wish.port);
    return others.some(({ phases }) => phases.has("up") || phases.has("paused"));
  }

  #thing(name: string | null): Thing | undefined {
    return this.things.find((thing) => thing.name === name);
  }

  #keepValues({ verb, number, wish }: Command, slot: Slot): void {
    if (verb === "rename") slot.named = new Set([slot.named.has(0) ? 1 : 0]);
    if (verb === "mark" || verb === "copy") slot.marks.push(markOf(verb, number));
    const volume = this.#thing(slot.wish.volume);
    if (verb === "mark") volume?.marks.push(markOf(verb, number));
    if (verb === "create" && volume !== undefined) volume.there = new Set([true]);
    if (verb === "update" && "containers.update" in methods) slot.memory = new Set([limitOf(wish)]);
  }

  #blurValues({ verb, wish }: Command, slot: Slot): void {
    if (verb === "rename") slot.named = new Set<0 | 1>([0, 1]);
    const volume = this.#thing(slot.wish.volume);
    if (verb === "create" && volume !== undefined) volume.there = new Set([...volume.there, true]);
    if (verb === "update") slot.memory = new Set([...slot.memory, limitOf(wish)]);
  }

  async #doOnThing(client: EngineClient, command: Command & { verb: ThingVerb }, isLost: () => boolean): Promise<void> {
    const { verb, slot } = command;
    const kind = /volume/i.test(verb) ? "volume" : /network/i.test(verb) ? "network" : "tag";
    const thing = this.things.filter((one) => one.kind === kind)[slot % 2];
    if (thing === undefined) return;
    const begin = performance.now();
    this.asked++;
    const { answer, isLost: cut, said } = await this.#answer(actOnThing(client, verb, thing), isLost);
    if (verb === "removeNetwork" && (cut || answer === "ok")) this.#loseNetwork(thing.name);
    if (!cut && thing.settle(verb, answer, this.slots)) return;
    const was = [...thing.there].map((there) => (there ? "there" : "not there")).join(" or ");
    thing.blur(verb);
    if (cut || this.#around.wasDisturbedSince(begin)) return;
    this.#around.find(
      `${this.#name}: ${verb} ${thing.name} answered ${answer}, and it was ${was}: ${said}; ${this.#slotsInWords()}`,
    );
  }

  #slotsInWords(): string {
    const told = this.slots.map(
      ({ names, phases, wish, joined }) =>
        `${names[0]} ${[...phases].join(" or ")} on ${[wish.network, ...joined].join(" ")}`,
    );
    return told.join(", ");
  }

  /** The next start by its policy fails of one that is not there. */
  #loseNetwork(network: string): void {
    for (const slot of this.slots) {
      if (slot.wish.network === network || slot.joined.has(network)) slot.mayFailByPolicy = true;
    }
  }

  /** A further network for a container. Any refusal will do, but for one that says that the engine is at fault. */
  async #join(
    client: EngineClient,
    command: Command & { verb: "connect" | "disconnect" },
    isLost: () => boolean,
  ): Promise<void> {
    const slot = this.slots[command.slot];
    const network = this.things.filter(({ kind }) => kind === "network")[command.number % 2];
    if (slot === undefined || network === undefined || slot.wish.network === network.name) return;
    const params = { network: network.name, container: slot.name ?? "" };
    const begin = performance.now();
    this.asked++;
    const work =
      command.verb === "connect"
        ? client.request("networks.connect", { ...params, settings: { aliases: ["joined"] } })
        : client.request("networks.disconnect", { ...params, force: false });
    const { answer, isLost: cut, said } = await this.#answer(work, isLost);
    if (command.verb === "connect" && answer !== "not-found") slot.joined.add(network.name);
    const isExpected = ["ok", "not-found", "failed-precondition", "already-exists"].includes(answer);
    if (isExpected || cut || this.#around.wasDisturbedSince(begin)) return;
    this.#around.find(`${this.#name}: ${command.verb} of ${slot.name} and ${network.name} answered ${answer}: ${said}`);
  }

  async #answer(work: Promise<unknown>, isLost: () => boolean): Promise<Result> {
    const late = new AbortController();
    const timeout = sleep(patience, "late" as const, { signal: late.signal }).catch(() => "late" as const);
    try {
      const first = await Promise.race([work, timeout]);
      if (first !== "late") return { answer: "ok", said: "", isLost: false };
      this.#around.find(`${this.#name}: no answer within ${patience / 1000} s\n${snapshot()}`);
      return { answer: "late", said: "", isLost: true };
    } catch (error) {
      const code = error instanceof EngineError ? error.code : "failed";
      // The connection tells a moment after its streams.
      if (code === "unavailable" && !isLost()) await sleep(200);
      return {
        answer: code,
        said: messageOf(error),
        isLost: isLost() && (code === "unavailable" || code === "failed"),
      };
    } finally {
      late.abort();
      work.catch(() => undefined);
    }
  }
}

/** False where it is not sure whether the name is free: a container that is about to go by itself. One that is gone gives way to the wish. */
async function isReadyForCreate(client: EngineClient, { wish }: Command, slot: Slot): Promise<boolean> {
  const mayBeGone = [...slot.phases].some((phase) => statusesOf(phase, slot.wish).includes("absent"));
  if (!mayBeGone) return true;
  const listed = await client.request("containers.list", { all: true }).catch(() => null);
  if (listed === null || listed.some(({ name }) => slot.names.includes(name))) return false;
  slot.forget();
  slot.wish = wish;
  slot.memory = new Set([wish.memory]);
  return true;
}

function isThingVerb(verb: Command["verb"]): verb is ThingVerb {
  return /^(tag|untag|(make|remove)(Volume|Network))$/.test(verb);
}

/** A limit that no container of the storm reaches. */
function limitOf(wish: Command["wish"]): number {
  return wish.memory ?? 48 << 20;
}

function markOf(verb: "mark" | "copy", number: number): { file: string; text: string } {
  return { file: `${verb}-${number}`, text: String(number) };
}

function act(client: EngineClient, command: Command, slot: Slot): Promise<unknown> {
  const container = slot.name ?? "";
  switch (command.verb) {
    case "create":
      return client.request("containers.create", requestOf(container, command.wish)).then(({ id }) => {
        slot.id = id;
      });
    case "start":
      return client.request("containers.start", { container });
    case "stop":
      return client.request("containers.stop", { container, timeout: 0 });
    case "kill":
      return killAndWait(client, container);
    case "restart":
      return client.request("containers.restart", { container, timeout: 0 });
    case "pause":
      return client.request("containers.pause", { container });
    case "unpause":
      return client.request("containers.unpause", { container });
    case "remove":
    case "forceRemove":
      return client.request("containers.remove", {
        container,
        force: command.verb === "forceRemove",
        volumes: true,
      });
    case "rename":
      return client.request("containers.rename", { container, name: slot.names[slot.named.has(0) ? 1 : 0] });
    default:
      return actOnContent(client, command, slot);
  }
}

async function actOnContent(client: EngineClient, command: Command, slot: Slot): Promise<unknown> {
  const container = slot.name ?? "";
  switch (command.verb) {
    case "mark":
      return exec(client, container, markOf("mark", command.number));
    case "copy": {
      const { file, text } = markOf("copy", command.number);
      const archive = tarOf([{ path: file, data: text }]).bytes;
      const fields = { container, path: "/", keepOwner: false, noOverwriteDirNonDir: false };
      return copyIn(client, chunk(archive), fields);
    }
    case "logs":
      return client.request("logs.page", { container, before: null, limit: 50 });
    case "update":
      return ask(client, "containers.update", {
        container,
        resources: { ...unlimited, memory: limitOf(command.wish) },
      });
    default:
      return client.request("containers.inspect", { container });
  }
}

/** A request by the name of its method: a part of the engine that is not there yet is not asked. */
function ask(
  client: EngineClient,
  method: string,
  params: { readonly container: string; readonly [key: string]: unknown },
): Promise<unknown> {
  if (!(method in methods)) return client.request("containers.inspect", { container: params.container });
  return client.request(method as MethodName, params as never);
}

/** `kill` answers before the end: the end is what is promised. */
async function killAndWait(client: EngineClient, container: string): Promise<void> {
  await client.request("containers.kill", { container, signal: "KILL" });
  await client.request("containers.wait", { container, condition: "stopped" }).catch((error) => {
    if (!(error instanceof EngineError && error.code === "not-found")) throw error;
  });
}

async function exec(client: EngineClient, container: string, mark: { file: string; text: string }): Promise<void> {
  const streamID = newStreamID();
  const script = `set -e; echo -n ${mark.text} >/${mark.file}; [ ! -d /v ] || echo -n ${mark.text} >/v/${mark.file}`;
  const command = ["sh", "-c", script];
  const fields = { container, command, environment: [], terminal: false, openStdin: false, privileged: false };
  const stream = await client.openStream(streamID);
  try {
    await client.request("containers.exec", { ...fields, streamID });
    stream.onOutput(() => undefined);
    const { exitCode } = await stream.ended;
    if (exitCode !== 0) throw new Error(`exec ended with ${exitCode}`);
  } finally {
    stream.close();
  }
}

async function* chunk(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
