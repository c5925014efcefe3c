import { setTimeout as sleep } from "node:timers/promises";
import type { CreateRequest } from "../../engine/protocol/create-request.ts";
import { emptyCreateRequest } from "../../engine/protocol/defaults.ts";
import type { EngineClient } from "../../src/client/connection.ts";
import { loadImages } from "../../src/client/upload.ts";
import { eventually, openSession, starterImage, type TestEngine } from "./engine.ts";
import { findOrphans, findTraces } from "./fault-traces.ts";

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** What the engine said of a container: `asked` for means that a request is under way whose answer never came. */
type Promised = {
  existence: "asked" | "made" | "leaving" | "gone";
  run: "no" | "asked" | "started" | "stopping";
  /** Of one that ends by itself. */
  readonly exitCode: number | null;
  readonly autoRemove: boolean;
};

export type StormOptions = {
  readonly kills: number;
  readonly seed: number;
  readonly archive: Buffer;
  readonly report?: (line: string) => void;
};

/**
 * Kills an engine again and again while clients run, exec, remove and load at once, and looks after each restart whether all that the
 * engine ever answered is true and nothing is there that nobody owns. Gives what is wrong.
 */
export async function storm(engine: TestEngine, options: StormOptions): Promise<string[]> {
  const findings: string[] = [];
  const work = new Work(engine, randomOf(options.seed), options.archive);
  await work.prepare();
  const random = randomOf(options.seed + 1);
  for (let round = 1; round <= options.kills; round++) {
    const clients = work.begin();
    await sleep(10 + random() * 500);
    await engine.stop("SIGKILL");
    await clients;
    // Now and then the next one does not even come up.
    for (let stillborn = 0; random() < 0.25 && stillborn < 3; stillborn++) {
      const start = engine.start().catch(() => null);
      await sleep(20 + random() * 330);
      await engine.stop("SIGKILL");
      await start;
    }
    await engine.start();
    const found = await work.check();
    findings.push(...found.map((text) => `round ${round}: ${text}`));
    options.report?.(
      `round ${round}: ${work.count} containers asked for${found.map((text) => `\n  ${text}`).join("")}`,
    );
    await work.tidy();
  }
  return findings;
}

class Work {
  readonly #engine: TestEngine;
  readonly #random: () => number;
  readonly #archive: Buffer;
  readonly #promised = new Map<string, Promised>();
  readonly #ids = new Map<string, string>();
  #survivor = { id: "", pid: 0 };
  count = 0;

  constructor(engine: TestEngine, random: () => number, archive: Buffer) {
    this.#engine = engine;
    this.#random = random;
    this.#archive = archive;
  }

  async prepare(): Promise<void> {
    const { client } = this.#engine;
    const port = { hostAddress: "127.0.0.1", hostPort: 17_171, containerPort: 80, protocol: "tcp" } as const;
    const command = ["sh", "-c", "i=0; while :; do echo $i; i=$((i+1)); sleep 0.1; done"];
    const { id } = await client.request("containers.create", {
      ...emptyCreateRequest(starterImage),
      name: "survivor",
      command,
      ports: [port],
    });
    await client.request("containers.start", { container: id });
    const pid = (await client.request("containers.list", { all: true })).find((one) => one.id === id)?.pid ?? 0;
    this.#survivor = { id, pid };
  }

  /** Ends when the engine has. */
  async begin(): Promise<void> {
    const clients = [this.#runAndRemove(), this.#short(), this.#auto(), this.#exec(), this.#load()];
    await Promise.all(clients.map((client) => client.catch(() => null)));
  }

  /** What is not as it was promised. */
  async check(): Promise<string[]> {
    const { client, config, pid } = this.#engine;
    const wrong: string[] = [];
    const look = async () => {
      const listed = await client.request("containers.list", { all: true });
      wrong.length = 0;
      wrong.push(...this.#broken(listed), ...findOrphans(config, listed, pid), ...this.#leftovers());
      return wrong.length === 0;
    };
    await eventually(look, 6).catch(() => null);
    return wrong;
  }

  /** Removes what there is: names and ports are free afterwards. */
  async tidy(): Promise<void> {
    const { client } = this.#engine;
    const listed = await client.request("containers.list", { all: true });
    const others = listed.filter(({ id }) => id !== this.#survivor.id);
    await Promise.all(
      others.map(({ id }) => client.request("containers.remove", { container: id, force: true, volumes: true })),
    );
    this.#promised.clear();
    for (const { references, id } of await client.request("images.list", {})) {
      if (!references.some((name) => name.startsWith(starterImage))) {
        await client.request("images.remove", { image: id, force: true });
      }
    }
  }

  #broken(
    listed: readonly { id: string; name: string; status: string; exitCode: number | null; pid: number | null }[],
  ) {
    const survivor = listed.find(({ id }) => id === this.#survivor.id);
    const wrong = survivor?.status === "running" && survivor.pid === this.#survivor.pid ? [] : ["the survivor is gone"];
    for (const [name, promised] of this.#promised) {
      const found = listed.find((container) => container.name === name);
      const reason = found === undefined ? missingReason(promised) : brokenReason(promised, found);
      if (reason !== null) wrong.push(`${name}: ${reason} (${JSON.stringify(promised)})`);
    }
    return wrong;
  }

  /** Of works that were cut off. */
  #leftovers(): string[] {
    return findTraces(this.#engine.config, this.#engine.pid)
      .filter(({ what }) => what.startsWith("ingest") || /\.(new|gone)-/.test(what) || what.startsWith("process"))
      .map(({ what }) => `left over: ${what}`);
  }

  async #create(change: Partial<CreateRequest>, exitCode: number | null): Promise<[string, Promised, EngineClient]> {
    const { client } = this.#engine;
    const name = `c-${++this.count}`;
    const promised: Promised = { existence: "asked", run: "no", exitCode, autoRemove: change.autoRemove === true };
    this.#promised.set(name, promised);
    const request = { ...emptyCreateRequest(starterImage), name, ...change };
    this.#ids.set(name, (await client.request("containers.create", request)).id);
    promised.existence = "made";
    promised.run = "asked";
    await client.request("containers.start", { container: name });
    promised.run = "started";
    return [name, promised, client];
  }

  async #runAndRemove(): Promise<void> {
    for (;;) {
      const port = { hostAddress: "", hostPort: 17_172, containerPort: 80, protocol: "tcp" } as const;
      const [container, promised, client] = await this.#create({ command: ["sleep", "300"], ports: [port] }, null);
      promised.run = "stopping";
      if (this.#random() < 0.5) await client.request("containers.stop", { container, timeout: 0 });
      promised.existence = "leaving";
      await client.request("containers.remove", { container, force: true, volumes: true });
      promised.existence = "gone";
    }
  }

  async #short(): Promise<void> {
    for (let code = 1; ; code = (code % 99) + 1) {
      const seconds = (this.#random() * 0.5).toFixed(2);
      const command = ["sh", "-c", `sleep ${seconds}; exit ${code}`];
      await this.#create({ command, network: this.#random() < 0.5 ? "none" : "bridge" }, code);
      await sleep(this.#random() * 200);
    }
  }

  async #auto(): Promise<void> {
    for (;;) {
      const [container, promised, client] = await this.#create({ command: ["true"], autoRemove: true }, 0);
      await client.request("containers.wait", { container, condition: "removed" }).catch((error) => {
        if (!String(error).includes("no such container")) throw error;
      });
      promised.existence = "gone";
    }
  }

  async #exec(): Promise<void> {
    const container = this.#survivor.id;
    const { client } = this.#engine;
    const base = { container, environment: [], privileged: false, openStdin: false };
    for (;;) {
      const { stream } = await openSession(this.#engine, (streamID) =>
        client.request("containers.exec", {
          ...base,
          command: ["sh", "-c", "sleep 0.05; exit 3"],
          terminal: this.#random() < 0.3,
          streamID,
        }),
      );
      await stream.ended;
    }
  }

  async #load(): Promise<void> {
    const { client } = this.#engine;
    const archive = this.#archive;
    for (;;) {
      const { images } = await loadImages(client, chunksOf(archive));
      for (const { id } of images) await client.request("images.remove", { image: id, force: true });
    }
  }
}

async function* chunksOf(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += 65_536) yield bytes.subarray(start, start + 65_536);
}

function missingReason({ existence, run, autoRemove }: Promised): string | null {
  if (existence !== "made") return null;
  return autoRemove && run !== "no" ? null : "it was made, and is not there";
}

function brokenReason(promised: Promised, found: { status: string; exitCode: number | null }): string | null {
  const { status, exitCode } = found;
  if (promised.existence === "gone") return `it was removed, and is ${status}`;
  if (status === "removing" || status === "dead") return `it is ${status}`;
  if (promised.existence !== "made") return null;
  if (promised.autoRemove && promised.run === "started") return `it ends and is to be removed, and is ${status}`;
  if (promised.exitCode !== null) {
    const isRight =
      status === "exited" ? exitCode === promised.exitCode : promised.run === "asked" && status === "created";
    return isRight ? null : `it should have exited with ${promised.exitCode}, and is ${status} with ${exitCode}`;
  }
  if (promised.run === "started" && status !== "running") return `it was started, and is ${status}`;
  return null;
}
