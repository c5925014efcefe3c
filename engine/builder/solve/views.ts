import { randomBytes } from "node:crypto";
import type { LayerStore } from "../../layers/layer-store.ts";
import { chainIDOf } from "../../oci/chain-id.ts";
import type { DiffID } from "../../oci/digest.ts";

const keyPrefix = "build-";

/** Names a writable layer of a build. Containers' ones are 64 hex digits. */
export function newWritableKey(): string {
  return `${keyPrefix}${randomBytes(12).toString("hex")}`;
}

/** Removes what builds of engines before this one have left. Before the first build, and after their processes have ended. */
export async function sweepWritable(layers: LayerStore): Promise<void> {
  const left = layers.listWritable().filter((key) => key.startsWith(keyPrefix));
  await Promise.all(left.map((key) => layers.remove(key)));
}

/** File systems of stages and images from which a build reads, mounted while it runs. Nobody writes into them. */
export class Views implements AsyncDisposable {
  readonly #layers: LayerStore;
  readonly #open = new Map<string, Promise<string>>();
  readonly #keys: string[] = [];

  constructor(layers: LayerStore) {
    this.#layers = layers;
  }

  /** Absolute directory. The chain is held by the caller. */
  open(chain: readonly DiffID[]): Promise<string> {
    const name = chainIDOf(chain) ?? "";
    const known = this.#open.get(name);
    if (known !== undefined) return known;
    const opened = this.#mount(chain);
    this.#open.set(name, opened);
    return opened;
  }

  async #mount(chain: readonly DiffID[]): Promise<string> {
    const key = newWritableKey();
    this.#keys.push(key);
    await this.#layers.preparePassing(key, chain);
    return this.#layers.mount(key, { isVolatile: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#open.values());
    await Promise.all(this.#keys.map((key) => this.#layers.remove(key)));
  }
}
