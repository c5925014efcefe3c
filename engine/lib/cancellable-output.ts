import { EngineError } from "../errors.ts";

type Output<Bytes extends Uint8Array> = (bytes: Bytes) => Promise<void>;

/** The same output, but it fails with `cancelled` when `signal` aborts, also while whoever takes the bytes takes none. */
export function cancellableOutput<Bytes extends Uint8Array>(
  output: Output<Bytes>,
  signal: AbortSignal,
  what: string,
): Output<Bytes> {
  return (bytes) =>
    new Promise((resolve, reject) => {
      const cancel = (): void => reject(new EngineError("cancelled", `${what} was cancelled`));
      if (signal.aborted) {
        cancel();
        return;
      }
      signal.addEventListener("abort", cancel, { once: true });
      const done = (): void => signal.removeEventListener("abort", cancel);
      output(bytes).finally(done).then(resolve, reject);
    });
}
