import type { Descriptor } from "../oci/descriptor.ts";
import type { Answer } from "./answer.ts";
import { cutFailure } from "./answer.ts";
import type { Endpoint } from "./endpoint.ts";
import { RegistryFailure } from "./failures.ts";
import { Retries } from "./retry.ts";

export type BlobName = {
  readonly repository: string;
  readonly blob: Descriptor;
  /** For messages. */
  readonly what: string;
};

/** Bytes between two failures that count as progress, so that a registry that cuts after each byte does not go on for ever. */
const progress = 1024 * 1024;
const leastPart = 64 * 1024;

/**
 * A blob's bytes from `offset` on, over as many requests as it takes; a position in the blob, kept in `at`, tells a caller that
 * goes on elsewhere where this one ended.
 */
export async function* downloadBlob(
  endpoint: Endpoint,
  name: BlobName,
  at: { position: number },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const { size } = name.blob;
  const retries = new Retries(endpoint.patience);
  const range = { isKnown: true };
  let failedAt = at.position;
  while (at.position < size) {
    try {
      const answer = await request(endpoint, name, range.isKnown ? at.position : 0, signal);
      if (answer.status === 416) await readWhole(answer, name, range);
      else yield* readFrom(answer, name, at);
    } catch (error) {
      // All is there; how the connection ended does not matter.
      if (at.position === size && isTransient(error)) return;
      if (at.position - failedAt >= progress) retries.reset();
      failedAt = at.position;
      await retries.next(error, signal);
    }
  }
}

/** A registry that finds a part out of range may still give the whole. */
async function readWhole(answer: Answer, name: BlobName, range: { isKnown: boolean }): Promise<void> {
  await answer.discard();
  if (!range.isKnown) throw wrongLength(answer, name, "fewer");
  range.isKnown = false;
}

function isTransient(error: unknown): boolean {
  return error instanceof RegistryFailure && error.isTransient;
}

function request(
  endpoint: Endpoint,
  { repository, blob, what }: BlobName,
  from: number,
  signal: AbortSignal,
): Promise<Answer> {
  const headers: Record<string, string> = from === 0 ? {} : { range: `bytes=${from}-` };
  const expected = from === 0 ? [200] : [200, 206, 416];
  return endpoint.ask({ method: "GET", at: `${repository}/blobs/${blob.digest}`, headers, expected, what, signal });
}

async function* readFrom(answer: Answer, name: BlobName, at: { position: number }): AsyncGenerator<Uint8Array, void> {
  const { size } = name.blob;
  const from = at.position;
  // Where a part was asked for and the whole comes, what is there already is read over.
  let cursor = startOf(answer, name, at.position);
  for await (const chunk of answer.chunks()) {
    const part = chunk.subarray(Math.min(Math.max(0, at.position - cursor), chunk.length));
    cursor += chunk.length;
    if (part.length === 0) continue;
    if (cursor > size) throw wrongLength(answer, name, "more");
    at.position = cursor;
    // What follows can only be the end, or a lie.
    if (cursor === size) answer.expectEnd();
    yield part;
  }
  if (at.position === size) return;
  if (answer.header("transfer-encoding") === "chunked") throw wrongLength(answer, name, "fewer");
  // A registry may give less than was asked for, but not next to nothing each time.
  if (answer.status !== 206 || at.position - from < leastPart) throw cutFailure(answer.who);
}

/** Position in the blob of the answer's first byte. Fails with `corrupt` where the head contradicts the descriptor. */
function startOf(answer: Answer, name: BlobName, position: number): number {
  const { size } = name.blob;
  const type = answer.header("content-type") ?? "";
  const range =
    answer.status === 206
      ? /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(answer.header("content-range") ?? "")
      : null;
  const start = answer.status === 206 ? Number(range?.[1] ?? Number.NaN) : 0;
  const total = range?.[3] === undefined || range[3] === "*" ? size : Number(range[3]);
  const length = answer.length;
  const isWhole = length === null || start + length === size || (answer.status === 206 && start + length < size);
  if (start !== (answer.status === 206 ? position : 0) || total !== size || !isWhole) {
    answer.destroy();
    if (/^text\/html/i.test(type)) {
      throw new RegistryFailure("corrupt", `${answer.who} answered with a web page instead of ${name.what}`);
    }
    throw wrongLength(answer, name, "other");
  }
  return start;
}

function wrongLength(answer: Answer, { what, blob }: BlobName, amount: "more" | "fewer" | "other"): RegistryFailure {
  const given = amount === "other" && answer.length !== null ? `a length of ${answer.length}` : `${amount} bytes`;
  return new RegistryFailure("corrupt", `${answer.who} gives ${given} for ${what}, whose size is ${blob.size}`);
}
