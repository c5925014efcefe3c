import * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import { decodeJson } from "../lib/json.ts";
import { type DiffID, isDiffID } from "../oci/digest.ts";
import type { ReadonlyLayer } from "./layer-store.ts";
import type { UnpackedTar } from "./layer-tasks.ts";

const record = z.object({
  version: z.literal(1),
  diffID: z.custom<DiffID>(isDiffID),
  size: z.number(),
  entries: z.number(),
  /** Byte paths of directories whose owner and mode have to come from the layers below. */
  implicit: z.array(z.string()),
  hasRoot: z.boolean(),
  /** False while the attributes of the implicit directories have not been copied from below. */
  settled: z.boolean(),
  /** Made here: packing it gives its diffID. */
  isOwn: z.optional(z.literal(true)),
});

/** `layer.json` beside a layer's `fs`. */
export type LayerRecord = Readonly<z.infer<typeof record>>;

/** The record of a layer just unpacked. */
export function recordOf({ diffID, size, entries, implicit, hasRoot }: UnpackedTar): LayerRecord {
  return { version: 1, diffID, size, entries, implicit: [...implicit], hasRoot, settled: implicit.length === 0 };
}

export function formatRecord(layer: LayerRecord): string {
  return JSON.stringify(layer);
}

/** Fails with `corrupt`. */
export function parseRecord(bytes: Buffer, path: string): LayerRecord {
  const parsed = record.safeParse(decodeJson(bytes, path));
  if (parsed.success) return parsed.data;
  throw new EngineError("corrupt", `${path} is no layer record`, { cause: parsed.error });
}

/** What the rest of the engine knows of a layer. */
export function summaryOf({ diffID, size, entries }: LayerRecord): ReadonlyLayer {
  return { diffID, size, entries };
}
