import { readFile, statfs } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { EngineError } from "../../errors.ts";
import { findJson } from "../../lib/json.ts";

/** As docker: a tenth of the disk, at most 20 GB. */
const share = 0.1;
const most = 20e9;

const schema = z.object({
  builder: z.optional(
    z.object({
      "keep-storage": z.optional(z.string()),
      gc: z.optional(z.object({ enabled: z.optional(z.boolean()), defaultKeepStorage: z.optional(z.string()) })),
    }),
  ),
});

/**
 * Bytes that the build cache may keep: `builder.gc.defaultKeepStorage` of `<settings>/engine.json`, as in docker's daemon.json, or
 * `builder.keep-storage`; null without a limit (`builder.gc.enabled`: false). Fails with `failed-precondition` for a file that says
 * something else.
 */
export async function readKeepStorage(settings: string, root: string): Promise<number | null> {
  const path = join(settings, "engine.json");
  const parsed = schema.safeParse(findJson(await readFile(path, "utf8").catch(() => "{}")));
  if (!parsed.success) throw wrong(path, "builder is not as docker has it");
  const { builder } = parsed.data;
  if (builder?.gc?.enabled === false) return null;
  const text = builder?.["keep-storage"] ?? builder?.gc?.defaultKeepStorage;
  if (text !== undefined) return parseSize(text) ?? fail(path, `${JSON.stringify(text)} is no size`);
  const { blocks, bsize } = await statfs(root);
  return Math.min(most, Math.floor(blocks * bsize * share));
}

/** `20GB`, `512 MiB`, `1024`; null for anything else. Powers of 1000, with an i of 1024. */
export function parseSize(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(i?)b?$/i.exec(text.trim());
  if (match === null) return null;
  const power = "kmgtp".indexOf((match[2] ?? "").toLowerCase() || "?") + 1;
  return Math.floor(Number(match[1]) * (match[3] === "" ? 1000 : 1024) ** power);
}

function fail(path: string, what: string): never {
  throw wrong(path, what);
}

function wrong(path: string, what: string): EngineError {
  return new EngineError("failed-precondition", `${path}: ${what}`, {
    hint: 'write for example {"builder": {"gc": {"defaultKeepStorage": "10GB"}}}',
  });
}
