import { setTimeout as sleep } from "node:timers/promises";
import type { EngineClient } from "../../src/client/connection.ts";
import { adoptThings, findOf, inventory, look } from "./checks.ts";
import { ChaosClient } from "./client.ts";
import { doFault } from "./faults.ts";
import type { ChaosHost } from "./host.ts";
import { Slot } from "./model.ts";
import { planRound, type Shape } from "./plan.ts";
import { actOnThing } from "./things.ts";
import { Watcher } from "./watcher.ts";

export type StormOptions = Shape & {
  readonly seed: number;
  /** The first round. */
  readonly from: number;
  /** Milliseconds. */
  readonly lasts: number;
  readonly report: (line: string) => void;
};

/** Seconds that what takes its time (clean-up, restarts by policy, a guard's next look) may take. */
const patience = 15;
/** Rounds after which everything is removed, and nothing may be left. */
const era = 6;
/** Descriptors that come and go by themselves: of files read just now, of connections just closed. */
const descriptorSlack = 4;

/**
 * Lets clients loose on an engine and breaks things around it, round after round. Gives what was not as promised; the first finding ends it,
 * since later ones may come of it.
 */
export async function storm(host: ChaosHost, options: StormOptions): Promise<string[]> {
  const run = new Storm(host, options);
  const deadline = Date.now() + options.lasts;
  await run.begin();
  for (let round = options.from; Date.now() < deadline && run.findings.length === 0; round++) await run.round(round);
  if (run.findings.length === 0) await run.clear();
  return run.findings;
}

class Storm {
  readonly findings: string[] = [];
  readonly #host: ChaosHost;
  readonly #options: StormOptions;
  readonly #clients: readonly ChaosClient[];
  #baseline: string[] = [];
  #descriptors = 0;
  #goesOn = false;
  #disturbed = 0;
  #disturbedUntil = 0;
  #name = "start";

  constructor(host: ChaosHost, options: StormOptions) {
    this.#host = host;
    this.#options = options;
    const first = planRound(options.seed, 0, options).commands[0]?.[0]?.wish;
    if (first === undefined) throw new Error("a storm without clients");
    const storm = this;
    const around = {
      get goesOn() {
        return storm.#goesOn;
      },
      wasDisturbedSince: (begin: number) => this.#disturbed > 0 || this.#disturbedUntil > begin,
      find: (text: string) => this.#find(text),
    };
    this.#clients = Array.from({ length: options.clients }, (_, client) => {
      const slots = Array.from({ length: options.slots }, (_unused, slot) => new Slot(`c${client}-${slot}`, first));
      return new ChaosClient(client, slots, around);
    });
  }

  async begin(): Promise<void> {
    await this.#start();
    using client = await this.#host.connect("storm");
    for (let attempt = 0; attempt < 200 && (await client.request("images.list", {})).length === 0; attempt++)
      await sleep(50);
    this.#baseline = inventory(this.#host);
    this.#descriptors = this.#host.descriptors().length;
  }

  async round(round: number): Promise<void> {
    const { commands, fault } = planRound(this.#options.seed, round, this.#options);
    this.#name = `round ${round} (${fault.kind})`;
    const connections = await Promise.all(this.#clients.map((_client, index) => this.#host.connect(`c${index}`)));
    using control = await this.#host.connect("storm");
    const watcher = await Watcher.begin(this.#host, (text) => this.#find(text));
    const asked = this.#asked;
    this.#goesOn = true;
    const work = Promise.all(
      this.#clients.map((client, index) => client.run(connections[index] as EngineClient, commands[index] ?? [])),
    );
    await sleep(fault.after);
    await doFault(
      {
        host: this.#host,
        client: control,
        slots: this.#clients.map(({ slots }) => slots),
        beginDisturbance: () => {
          this.#disturbed++;
          for (const slot of this.#clients.flatMap(({ slots }) => slots)) slot.mayFailByPolicy = true;
        },
        endDisturbance: () => {
          this.#disturbed--;
          this.#disturbedUntil = performance.now() + 1000;
        },
        find: (text) => this.#find(text),
      },
      fault,
    );
    await sleep(fault.lasts);
    this.#goesOn = false;
    await work;
    await watcher.end();
    for (const connection of connections) connection.close();
    await this.#check();
    this.#options.report(
      `${this.#name}: ${this.#asked - asked} requests${this.findings.map((text) => `\n  ${text}`).join("")}`,
    );
    if (round % era === era - 1 && this.findings.length === 0) await this.clear();
  }

  /** Brings the engine back where it is down, and compares with the model until it is right, or time is up. */
  async #check(): Promise<void> {
    for (const crash of this.#host.crashes()) this.#find(crash);
    if (!this.#host.isUp) await this.#start();
    this.#host.freeDisk();
    using client = await this.#host.connect("storm");
    let wrong: string[] = [];
    for (const deadline = Date.now() + patience * 1000; ; await sleep(150)) {
      const before = wrong;
      wrong = await look(this.#host, client, this.#clients);
      if (wrong.length === 0) break;
      if (Date.now() < deadline) continue;
      // What is there in one look only is a container on its way from one life to the next.
      wrong = wrong.filter((text) => before.includes(text));
      break;
    }
    for (const text of wrong) this.#find(text);
    const listed = await client.request("containers.list", { all: true });
    for (const slot of this.#clients.flatMap(({ slots }) => slots)) slot.adopt(findOf(slot, listed));
    await adoptThings(client, this.#clients);
  }

  /** Removes all there is: nothing may be left of it. */
  async clear(): Promise<void> {
    this.#name = `${this.#name}, everything removed`;
    this.#host.jumpClock(0);
    using client = await this.#host.connect("storm");
    const listed = await client.request("containers.list", { all: true });
    for (const { id } of listed) {
      await client.request("containers.remove", { container: id, force: true, volumes: true }).catch((error) => {
        if (!/no such container/.test(String(error))) this.#find(`remove: ${error}`);
      });
    }
    for (const { things, slots } of this.#clients) {
      for (const slot of slots) slot.forget();
      for (const thing of things) {
        const verb = thing.kind === "tag" ? "untag" : thing.kind === "volume" ? "removeVolume" : "removeNetwork";
        await actOnThing(client, verb, thing).catch((error) => {
          if (error.code !== "not-found") this.#find(`${verb} ${thing.name}: ${error}`);
        });
        thing.forget();
      }
    }
    await this.#compare();
  }

  async #compare(): Promise<void> {
    let wrong: string[] = [];
    for (const deadline = Date.now() + patience * 1000; ; await sleep(200)) {
      const now = inventory(this.#host);
      const open = this.#host.descriptors();
      wrong = [
        ...now.filter((line) => !this.#baseline.includes(line)).map((line) => `left: ${line}`),
        ...this.#baseline.filter((line) => !now.includes(line)).map((line) => `lost: ${line}`),
        ...(open.length > this.#descriptors + descriptorSlack
          ? [`${open.length} open files, at the start ${this.#descriptors}: ${open.join(" ")}`]
          : []),
      ];
      if (wrong.length === 0 || Date.now() > deadline) break;
    }
    for (const text of wrong) this.#find(text);
  }

  async #start(): Promise<void> {
    const finding = await this.#host.start();
    if (finding !== null) throw new Error(finding);
  }

  get #asked(): number {
    return this.#clients.reduce((sum, { asked }) => sum + asked, 0);
  }

  #find(text: string): void {
    this.findings.push(`${this.#name}: ${text}`);
  }
}
