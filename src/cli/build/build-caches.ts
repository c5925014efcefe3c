import { resolve } from "node:path";
import type { CacheExport, CacheLocation } from "../../../engine/protocol/builds.ts";
import { checkKeys, parseFields, wrong } from "./build-fields.ts";

/** How the caches' layers are to be written, which has no effect here: they are OCI's, packed as for any push. */
const formKeys = ["oci-mediatypes", "image-manifest", "compression", "compression-level", "force-compression"];

/** `--cache-from NAME`, `type=registry,ref=…`, `type=local,src=…` */
export function parseCacheFrom(text: string, directory: string): CacheLocation {
  return locationOf(text, directory, ["src", "ref"]);
}

/** `--cache-to NAME`, `type=registry,ref=…`, `type=local,dest=…`, with `mode=min|max`. */
export function parseCacheTo(text: string, directory: string): CacheExport {
  const location = locationOf(text, directory, ["dest", "ref", "mode", ...formKeys]);
  const mode = (isBare(text) ? undefined : parseFields(text).get("mode")) ?? "min";
  if (mode !== "min" && mode !== "max") throw wrong(`invalid mode "${mode}" in '${text}': want min or max`);
  return { ...location, mode };
}

/** An image's name and nothing else. */
function isBare(text: string): boolean {
  return !text.includes("=");
}

function locationOf(text: string, directory: string, keys: readonly string[]): CacheLocation {
  if (isBare(text)) return { type: "registry", reference: text };
  const fields = parseFields(text);
  const type = fields.get("type") ?? "";
  if (type === "") throw wrong(`type required in '${text}'`);
  if (type !== "registry" && type !== "local") {
    throw wrong(`cache type "${type}" is not supported: want registry or local`);
  }
  checkKeys(text, fields, ["type", ...keys]);
  if (type === "registry") return { type, reference: required(text, fields, "ref") };
  const key = keys.includes("dest") ? "dest" : "src";
  return { type, path: resolve(directory, required(text, fields, key)) };
}

function required(text: string, fields: ReadonlyMap<string, string>, key: string): string {
  const value = fields.get(key) ?? "";
  if (value === "") throw wrong(`'${text}' lacks ${key}`);
  return value;
}
