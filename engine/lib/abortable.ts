import { EngineError } from "../errors.ts";

/** The same chunks until `signal` aborts; then fails with `cancelled`, also while the source keeps silent. */
export async function* abortable<T>(source: AsyncIterable<T>, signal: AbortSignal, what: string): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => {});
  const onAbort = (): void => reject(new EngineError("cancelled", `${what} was cancelled`));
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted]);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Not awaited: a source that keeps silent may never answer.
    Promise.resolve(iterator.return?.()).catch(() => {});
  }
}
