import { setTimeout as sleep } from "node:timers/promises";
import type { ContainerSummary } from "../../engine/protocol/containers.ts";
import type { EngineClient } from "../../src/client/connection.ts";
import type { ChaosHost } from "./host.ts";

/** Milliseconds a list may take, on a busy machine, whatever a container or a runtime does. */
const slowest = 5000;

/** A client that only looks, as a dashboard does: its picture must be the engine's in the end, and a list never waits for a container. */
export class Watcher {
  readonly #client: EngineClient;
  readonly #find: (text: string) => void;
  readonly #seen = new Map<string, ContainerSummary>();
  readonly #lists: Promise<void>;
  #isClosed = false;
  #goesOn = true;

  private constructor(client: EngineClient, find: (text: string) => void) {
    this.#client = client;
    this.#find = find;
    client.onClose(() => {
      this.#isClosed = true;
    });
    this.#lists = this.#listAgainAndAgain();
  }

  static async begin(host: ChaosHost, find: (text: string) => void): Promise<Watcher> {
    const client = await host.connect("watcher");
    const watcher = new Watcher(client, find);
    await client.subscribe("state", { resume: null }, (item) => {
      if (item.type === "change") for (const id of item.removedContainers) watcher.#seen.delete(id);
      for (const container of item.containers) watcher.#seen.set(container.id, container);
    });
    return watcher;
  }

  async end(): Promise<void> {
    this.#goesOn = false;
    await this.#lists;
    if (!this.#isClosed) await this.#compare();
    this.#client.close();
  }

  async #listAgainAndAgain(): Promise<void> {
    while (this.#goesOn && !this.#isClosed) {
      const begin = performance.now();
      await this.#client.request("containers.list", { all: true }).catch(() => null);
      const took = performance.now() - begin;
      if (took > slowest) this.#find(`a list took ${Math.round(took)} ms`);
      await sleep(100);
    }
  }

  /** Both are there now, or a moment later. */
  async #compare(): Promise<void> {
    let difference = "";
    for (let attempt = 0; attempt < 40 && !this.#isClosed; attempt++) {
      const listed = await this.#client.request("containers.list", { all: true }).catch(() => null);
      if (listed === null) return;
      difference = differenceOf(listed, this.#seen);
      if (difference === "") return;
      await sleep(150);
    }
    this.#find(`the feed of states shows ${difference}`);
  }
}

function differenceOf(listed: readonly ContainerSummary[], seen: ReadonlyMap<string, ContainerSummary>): string {
  const text = (all: Iterable<ContainerSummary>) =>
    [...all].map(({ name, status, exitCode, pid }) => `${name} ${status} ${exitCode} ${pid}`).sort();
  const [wanted, shown] = [text(listed), text(seen.values())];
  if (JSON.stringify(wanted) === JSON.stringify(shown)) return "";
  return `${shown.filter((one) => !wanted.includes(one))}, not ${wanted.filter((one) => !shown.includes(one))}`;
}
