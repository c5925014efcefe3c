import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { EngineError } from "../errors.ts";
import { abortable } from "../lib/abortable.ts";
import { type Digest, digestOfHex } from "../oci/digest.ts";
import { shortID } from "./catalog.ts";
import type { LeasedBlobs } from "./leased-blobs.ts";

/** Reads a blob to see that its bytes are still those it is named after. Fails with `corrupt` where they are not. */
export async function requireWhole(
  blobs: Pick<LeasedBlobs, "pathOf">,
  digest: Digest,
  signal: AbortSignal,
): Promise<void> {
  const hash = createHash("sha256");
  const file = createReadStream(blobs.pathOf(digest), { highWaterMark: 1024 * 1024 });
  for await (const chunk of abortable(file, signal, "push")) hash.update(chunk);
  const actual = digestOfHex(hash.digest("hex"));
  if (actual !== digest) throw damaged(digest, `its bytes hash to ${actual}`);
}

export function damaged(digest: Digest, reason: string): EngineError {
  return new EngineError("corrupt", `blob ${shortID(digest)} was damaged on disk: ${reason}`, {
    hint: "`gantry engine fsck` finds what is damaged; pull or load the image again",
  });
}
