import type { EngineClient } from "../../src/client/connection.ts";
import { starterImage } from "../support/engine.ts";
import { type Mark, type Slot, statusesOf } from "./model.ts";
import type { ThingVerb } from "./plan.ts";

/** What containers of a client use beside themselves: tags of the image, volumes, networks. It is there, or not, or that is not known. */
export class Thing {
  readonly kind: "tag" | "volume" | "network";
  readonly name: string;
  there: ReadonlySet<boolean> = new Set([false]);
  /** Of a volume: files of finished commands. */
  marks: Mark[] = [];

  constructor(kind: Thing["kind"], name: string) {
    this.kind = kind;
    this.name = name;
  }

  forget(): void {
    this.there = new Set([false]);
    this.marks = [];
  }

  /** Takes note of an answer; false where it is none that may be. */
  settle(verb: ThingVerb, answer: string, slots: readonly Slot[]): boolean {
    const isMade = isMaking(verb);
    const possible = [...this.there].filter((there) => this.#answers(isMade, there, slots).includes(answer));
    if (possible.length === 0) return false;
    if (answer === "ok") this.there = new Set([isMade]);
    else this.there = new Set(possible);
    if (!this.there.has(true)) this.forget();
    return true;
  }

  /** It may have been done, or not. */
  blur(verb: ThingVerb): void {
    this.there = new Set([...this.there, isMaking(verb)]);
  }

  #answers(isMade: boolean, isThere: boolean, slots: readonly Slot[]): string[] {
    if (isMade) return isThere && this.kind === "network" ? ["already-exists"] : ["ok"];
    if (!isThere) return ["not-found"];
    const users = slots.filter(({ wish }) => wish.volume === this.name || wish.network === this.name);
    // By hand; also to one of this name that was there before: a start takes the one that is there now.
    const isJoined = slots.some((slot) => slot.joined.has(this.name) && !isGone(slot));
    if (this.kind === "tag" || (users.every(isGone) && !isJoined)) return ["ok"];
    if (this.kind === "volume")
      return users.some(isSurelyThere) ? ["failed-precondition"] : ["ok", "failed-precondition"];
    return users.some(isSurelyUp) ? ["failed-precondition"] : ["ok", "failed-precondition"];
  }
}

function isMaking(verb: ThingVerb): boolean {
  return verb === "tag" || verb === "makeVolume" || verb === "makeNetwork";
}

function isGone({ phases, wish }: Slot): boolean {
  return [...phases].every((phase) => statusesOf(phase, wish).every((status) => status === "absent"));
}

function isSurelyThere({ phases, wish }: Slot): boolean {
  return [...phases].every((phase) =>
    statusesOf(phase, wish).every((status) => status !== "absent" && status !== "removing"),
  );
}

function isSurelyUp({ phases, wish }: Slot): boolean {
  const alive = ["running", "paused"];
  return [...phases].every((phase) => statusesOf(phase, wish).every((status) => alive.includes(status)));
}

export function actOnThing(client: EngineClient, verb: ThingVerb, { name }: Thing): Promise<unknown> {
  switch (verb) {
    case "tag":
      return client.request("images.tag", { image: starterImage, reference: name });
    case "untag":
      return client.request("images.remove", { image: name, force: false });
    case "makeVolume":
      return client.request("volumes.create", { name, driver: "local", options: {}, labels: {} });
    case "removeVolume":
      return client.request("volumes.remove", { volume: name, force: false });
    case "makeNetwork": {
      const plain = {
        driver: "bridge",
        subnets: [],
        internal: false,
        enableIPv6: false,
        labels: {},
        options: {},
      } as const;
      return client.request("networks.create", { name, ...plain, subnets: [] });
    }
    case "removeNetwork":
      return client.request("networks.remove", { network: name });
  }
}
