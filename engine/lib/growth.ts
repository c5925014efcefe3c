/**
 * How far a file has grown, in memory that the thread which writes it shares with those that read it meanwhile. Layout: 32-bit words,
 * [turn, status], then a 64-bit size. The turn counts changes: it is what a reader sleeps on.
 */
export type Growth = SharedArrayBuffer;

const growing = 0;
const ended = 1;
const failed = 2;

/** Milliseconds a reader sleeps at most before it looks whether it is still wanted. */
const patience = 100;

function wordsOf(growth: Growth): Int32Array<SharedArrayBuffer> {
  return new Int32Array(growth, 0, 2);
}

function sizeOf(growth: Growth): BigInt64Array<SharedArrayBuffer> {
  return new BigInt64Array(growth, 8, 1);
}

export function newGrowth(size = 0): Growth {
  const growth = new SharedArrayBuffer(16);
  Atomics.store(sizeOf(growth), 0, BigInt(size));
  return growth;
}

/** These many bytes can be read now. */
export function growTo(growth: Growth, size: number): void {
  Atomics.store(sizeOf(growth), 0, BigInt(size));
  wake(growth);
}

/** No more bytes come; failed: those that are there are of no use. The first end counts. */
export function endGrowth(growth: Growth, hasFailed: boolean): void {
  Atomics.compareExchange(wordsOf(growth), 1, growing, hasFailed ? failed : ended);
  wake(growth);
}

function wake(growth: Growth): void {
  Atomics.add(wordsOf(growth), 0, 1);
  Atomics.notify(wordsOf(growth), 0);
}

export type Grown = { readonly size: number; readonly status: "growing" | "ended" | "failed" };

/**
 * Resolves as soon as there are more than `position` bytes or no more will come. For workers: `isCancelled` is asked now and then
 * and makes it return what is known.
 */
export async function waitForGrowth(growth: Growth, position: number, isCancelled: () => boolean): Promise<Grown> {
  const words = wordsOf(growth);
  for (;;) {
    const turn = Atomics.load(words, 0);
    const status = Atomics.load(words, 1);
    const size = Number(Atomics.load(sizeOf(growth), 0));
    if (status !== growing || size > position || isCancelled()) {
      return { size, status: status === growing ? "growing" : status === ended ? "ended" : "failed" };
    }
    // The thread stays free for what inflating in another one brings.
    const waiting = Atomics.waitAsync(words, 0, turn, patience);
    if (waiting.async) await waiting.value;
  }
}
