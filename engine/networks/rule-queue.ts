import { runNft } from "../host/network-tools.ts";

type Waiting = { readonly script: string; readonly resolve: () => void; readonly reject: (error: unknown) => void };

/**
 * Applies nft scripts one after the other, in the order they came. Those that come while one is being applied are joined into one
 * transaction, so that eight containers started at once cost two runs of nft and not eight; if the joined one is refused, each is
 * tried by itself and only the one at fault fails.
 */
export class RuleQueue {
  #waiting: Waiting[] = [];
  #running: Promise<void> | null = null;

  /** Resolves when the kernel has taken it. */
  apply(script: string): Promise<void> {
    if (script === "") return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ script, resolve, reject });
      this.#running ??= this.#drain();
    });
  }

  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      await runBatch(batch);
    }
    this.#running = null;
  }
}

async function runBatch(batch: readonly Waiting[]): Promise<void> {
  try {
    await runNft(batch.map(({ script }) => script).join(""));
    for (const { resolve } of batch) resolve();
  } catch (error) {
    if (batch.length === 1) for (const { reject } of batch) reject(error);
    else for (const one of batch) await runBatch([one]);
  }
}
