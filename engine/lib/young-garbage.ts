/** Long enough that what is in use at one collection is not at the next: who survives two is young no more. */
const interval = 8 * 1024 * 1024;
let passed = 0;

/**
 * To be called with the sizes of buffers that come, are used and are left. Their bytes lie outside V8's heap, so that it hardly ever collects
 * the young ones; it meets the sum of them with a collection of everything, 5 to 30 ms each 32 MB. A collection of the young ones takes 0.3 ms.
 * Does nothing in a Node without `--expose-gc`.
 */
export function leaveGarbage(bytes: number): void {
  passed += bytes;
  if (passed < interval) return;
  passed = 0;
  globalThis.gc?.({ type: "minor", execution: "sync" });
}

/** Gives the memory of bytes back at once, if nothing else lies in it. They are empty after that. */
export function releaseBytes({ buffer, byteOffset, length }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && byteOffset === 0 && length === buffer.byteLength) buffer.transfer(0);
}
