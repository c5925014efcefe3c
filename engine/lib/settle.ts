/**
 * Waits for all, then fails with the first failure. Unlike Promise.all nothing is still running when it rejects, so that what was
 * done can be undone.
 */
export async function settleAll<T extends readonly unknown[]>(
  works: {
    readonly [K in keyof T]: Promise<T[K]>;
  },
): Promise<T> {
  const results = await Promise.allSettled(works);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as unknown as T;
}

/**
 * Runs two works side by side. When one fails the other is aborted by the signal that it got; once both have ended, the first failure is
 * thrown.
 */
export async function runTogether<A, B>(
  signal: AbortSignal,
  one: (signal: AbortSignal) => Promise<A>,
  other: (signal: AbortSignal) => Promise<B>,
): Promise<[A, B]> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const failures: unknown[] = [];
  const orStop = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      failures.push(error);
      stop.abort();
      throw error;
    });
  const [first, second] = await Promise.allSettled([orStop(one(both)), orStop(other(both))]);
  if (first.status === "fulfilled" && second.status === "fulfilled") return [first.value, second.value];
  throw failures[0];
}
