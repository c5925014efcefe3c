import { EngineError } from "../errors.ts";

/** The same chunks until `signal` aborts; then fails with `cancelled`, also while the source keeps silent. */
export async function* abortable<T>(source: AsyncIterable<T>, signal: AbortSignal, what: string): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  const cancelled = (): EngineError => new EngineError("cancelled", `${what} was cancelled`);
  let reject: (error: EngineError) => void = () => {};
  const onAbort = (): void => reject(cancelled());
  signal.addEventListener("abort", onAbort, { once: true });
  // No Promise.race with one promise for the abort: it would keep every chunk alive until the end.
  const next = (): Promise<IteratorResult<T>> =>
    new Promise((resolve, fail) => {
      reject = fail;
      iterator.next().then(resolve, fail);
    });
  try {
    for (;;) {
      if (signal.aborted) throw cancelled();
      const result = await next();
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Not awaited: a source that keeps silent may never answer.
    Promise.resolve(iterator.return?.()).catch(() => {});
  }
}
