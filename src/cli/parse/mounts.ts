import { isAbsolute, normalize, resolve } from "node:path";
import type { MountRequest } from "../../../engine/protocol/create-request.ts";
import { parseBytes } from "./sizes.ts";
import { UsageError } from "./usage-error.ts";

const propagations = ["rprivate", "rslave", "rshared", "private", "slave", "shared"];
/** Options of `-v` that change nothing on a Linux host without SELinux. */
const withoutEffect = ["z", "Z", "cached", "delegated", "consistent", "nocopy"];

/** `-v source:target[:options]`; relative sources are taken from `directory`. */
export function parseVolume(text: string, directory: string): MountRequest {
  const [source = "", target, options = "", ...more] = text.split(":");
  if (target === undefined)
    throw new UsageError(`volume "${text}": anonymous volumes are not supported yet, want source:target`);
  if (more.length > 0 || source === "") throw new UsageError(`invalid volume "${text}": want source:target[:options]`);
  if (!/^[./~]/.test(source)) {
    throw new UsageError(`volume "${text}": named volumes are not supported yet, want a path such as ./${source}`);
  }
  return {
    type: "bind",
    source: resolve(directory, source),
    target: parseTarget(`volume "${text}"`, target),
    createSource: true,
    options: [],
    ...parseVolumeOptions(text, options),
  };
}

function parseVolumeOptions(text: string, options: string): { readOnly: boolean; propagation?: string } {
  let readOnly = false;
  let propagation: string | undefined;
  for (const option of options.split(",").filter((word) => word !== "")) {
    if (option === "ro" || option === "readonly") readOnly = true;
    else if (propagations.includes(option)) propagation = option;
    else if (option !== "rw" && !withoutEffect.includes(option)) {
      throw new UsageError(`invalid volume "${text}": unknown option "${option}"`);
    }
  }
  return { readOnly, ...(propagation === undefined ? {} : { propagation }) };
}

/** `--tmpfs target[:options]` */
export function parseTmpfs(text: string): MountRequest {
  const colon = text.indexOf(":");
  const target = colon === -1 ? text : text.slice(0, colon);
  const options = colon === -1 ? [] : text.slice(colon + 1).split(",");
  return {
    type: "tmpfs",
    source: "",
    target: parseTarget(`tmpfs "${text}"`, target),
    readOnly: options.includes("ro"),
    createSource: false,
    options: options.filter((option) => option !== "" && option !== "ro" && option !== "rw"),
  };
}

/** `--mount type=bind,source=…,target=…,readonly` and `type=tmpfs,…`: one CSV record of key[=value]. */
export function parseMount(text: string, directory: string): MountRequest {
  const fields = new Map(splitCsv(text).map((field) => splitField(text, field)));
  const type = fields.get("type") ?? "volume";
  if (type === "bind") return bindMount(text, fields, directory);
  if (type === "tmpfs") return tmpfsMount(text, fields);
  if (type === "volume")
    throw new UsageError(`mount "${text}": volumes are not supported yet, want type=bind or type=tmpfs`);
  throw new UsageError(`invalid mount "${text}": unknown type "${type}", want bind or tmpfs`);
}

/** Other spellings of a key, and the one that is meant. */
const aliases: Readonly<Record<string, string>> = {
  src: "source",
  dst: "target",
  destination: "target",
  ro: "readonly",
};
const knownKeys = [
  "type",
  "source",
  "target",
  "readonly",
  "bind-propagation",
  "tmpfs-size",
  "tmpfs-mode",
  "consistency",
];

function splitField(text: string, field: string): [string, string] {
  const equals = field.indexOf("=");
  const written = (equals === -1 ? field : field.slice(0, equals)).toLowerCase();
  const key = aliases[written] ?? written;
  if (!knownKeys.includes(key)) throw new UsageError(`invalid mount "${text}": unknown key "${written}"`);
  if (equals === -1 && key !== "readonly") throw new UsageError(`invalid mount "${text}": ${written} needs a value`);
  return [key, equals === -1 ? "true" : field.slice(equals + 1)];
}

function bindMount(text: string, fields: ReadonlyMap<string, string>, directory: string): MountRequest {
  const source = fields.get("source") ?? "";
  if (source === "") throw new UsageError(`invalid mount "${text}": source is missing`);
  const propagation = fields.get("bind-propagation");
  if (propagation !== undefined && !propagations.includes(propagation)) {
    throw new UsageError(`invalid mount "${text}": unknown bind-propagation "${propagation}"`);
  }
  return {
    type: "bind",
    source: resolve(directory, source),
    target: parseTarget(`mount "${text}"`, fields.get("target") ?? ""),
    readOnly: parseTruth(text, fields.get("readonly")),
    createSource: false,
    options: [],
    ...(propagation === undefined ? {} : { propagation }),
  };
}

function tmpfsMount(text: string, fields: ReadonlyMap<string, string>): MountRequest {
  const size = fields.get("tmpfs-size");
  const mode = fields.get("tmpfs-mode");
  if (fields.has("source")) throw new UsageError(`invalid mount "${text}": a tmpfs has no source`);
  return {
    type: "tmpfs",
    source: "",
    target: parseTarget(`mount "${text}"`, fields.get("target") ?? ""),
    readOnly: parseTruth(text, fields.get("readonly")),
    createSource: false,
    options: [
      ...(size === undefined ? [] : [`size=${parseBytes("tmpfs-size", size)}`]),
      ...(mode === undefined ? [] : [`mode=${mode}`]),
    ],
  };
}

function parseTarget(what: string, target: string): string {
  if (!isAbsolute(target)) throw new UsageError(`invalid ${what}: target "${target}" is not an absolute path`);
  const path = normalize(target).replace(/(.)\/+$/, "$1");
  if (path === "/") throw new UsageError(`invalid ${what}: the target may not be /`);
  return path;
}

function parseTruth(text: string, value: string | undefined): boolean {
  if (value === undefined || value === "false" || value === "0") return false;
  if (value === "true" || value === "1") return true;
  throw new UsageError(`invalid mount "${text}": readonly is true or false, not "${value}"`);
}

/** One CSV record: fields may stand in double quotes, which a pair of them escapes. */
function splitCsv(text: string): string[] {
  const fields = text.match(/("(?:[^"]|"")*"|[^,])+/g) ?? [];
  return fields.map((field) =>
    field.replaceAll(/"((?:[^"]|"")*)"/g, (_, inner: string) => inner.replaceAll('""', '"')),
  );
}
