import { posix } from "node:path";
import { findBoolean } from "./directives.ts";
import { quote, refuse } from "./failure.ts";
import { readMountFields } from "./mount-fields.ts";
import { didYouMean } from "./suggest.ts";
import type { RawMount, RunMount } from "./types.ts";

const types = ["bind", "cache", "tmpfs", "secret", "ssh"] as const;
type MountType = (typeof types)[number];
const sharings = ["shared", "private", "locked"] as const;

/** Names of keys, and what they are short for. */
const keys: Readonly<Record<string, string>> = {
  type: "type",
  from: "from",
  source: "source",
  src: "source",
  target: "target",
  dst: "target",
  destination: "target",
  readonly: "readonly",
  ro: "readonly",
  readwrite: "readwrite",
  rw: "readwrite",
  required: "required",
  size: "size",
  id: "id",
  sharing: "sharing",
  mode: "mode",
  uid: "uid",
  gid: "gid",
  env: "env",
};

type Fields = {
  type: MountType;
  from: string;
  source: string;
  target: string;
  readOnly: boolean | null;
  required: boolean;
  size: number | null;
  id: string;
  sharing: "shared" | "private" | "locked" | null;
  mode: number | null;
  uid: number | null;
  gid: number | null;
  env: string | null;
};

/**
 * Reads the value of a `--mount`, its variables resolved. Targets are absolute in the result: those of bind, cache and tmpfs are relative to
 * `workingDirectory`, others to `/`. Fails with `invalid-argument`, in docker's words.
 */
export function parseRunMount(text: RawMount, workingDirectory: string): RunMount {
  const fields = readFields(text);
  checkFields(fields);
  switch (fields.type) {
    case "secret":
      return secretOf(fields);
    case "ssh":
      return sshOf(fields);
    default:
      return directoryOf(fields, workingDirectory);
  }
}

function readFields(text: string): Fields {
  const fields: Fields = {
    type: "bind",
    from: "",
    source: "",
    target: "",
    readOnly: null,
    required: false,
    size: null,
    id: "",
    sharing: null,
    mode: null,
    uid: null,
    gid: null,
    env: null,
  };
  for (const { key, value, text: field } of readMountFields(text)) {
    const name = Object.hasOwn(keys, key) ? keys[key] : undefined;
    if (value === null) setFlag(fields, name, field);
    else if (name === undefined) refuse(`unexpected key '${key}' in '${field}'${didYouMean(key, Object.keys(keys))}`);
    else Object.assign(fields, readField(fields, { name, key, value }));
  }
  return fields;
}

/** Of a key that stands alone. */
function setFlag(fields: Fields, name: string | undefined, field: string): void {
  if (name === "readonly") fields.readOnly = true;
  else if (name === "readwrite") fields.readOnly = false;
  else if (name === "required") fields.required = allowed(fields, ["secret", "ssh"], "required") && true;
  else refuse(`invalid field '${field}' must be a key=value pair`);
}

type Field = { readonly name: string; readonly key: string; readonly value: string };

function readField(fields: Fields, { name, key, value }: Field): Partial<Fields> {
  switch (name) {
    case "type":
      return { type: oneOf(types, value, "mount type") };
    case "sharing":
      return { sharing: oneOf(sharings, value, "sharing value") };
    case "readonly":
      return { readOnly: readBoolean(key, value) };
    case "readwrite":
      return { readOnly: !readBoolean(key, value) };
    case "required":
      allowed(fields, ["secret", "ssh"], key);
      return { required: readBoolean(key, value) };
    case "size":
      allowed(fields, ["tmpfs"], key);
      return { size: readSize(value) };
    case "mode":
      return { mode: readNumber(key, value, 8) };
    case "uid":
    case "gid":
      return { [name]: readNumber(key, value, 10) };
    default:
      return { [name]: value };
  }
}

function allowed(fields: Fields, only: readonly MountType[], key: string): boolean {
  return only.includes(fields.type) || refuse(`unexpected key '${key}' for mount type '${fields.type}'`);
}

function oneOf<T extends string>(values: readonly T[], text: string, what: string): T {
  const found = values.find((value) => value === text.toLowerCase());
  return found ?? refuse(`unsupported ${what} ${quote(text)}${didYouMean(text, values)}`);
}

function readBoolean(key: string, text: string): boolean {
  return findBoolean(text) ?? refuse(`invalid value for ${key}: ${text}`);
}

function readNumber(key: string, text: string, base: 8 | 10): number {
  const digits = base === 8 ? /^[0-7]{1,20}$/ : /^[0-9]{1,20}$/;
  const value = digits.test(text) ? Number.parseInt(text, base) : Number.NaN;
  return value <= 0xffff_ffff ? value : refuse(`invalid value ${text} for ${key}`);
}

/** `64m`, `1.5 GiB`, `1024`: in bytes, by powers of 1024. */
function readSize(text: string): number {
  const [, amount, unit = ""] = /^(\d{1,18}(?:\.\d{1,18})?) ?([kmgtp]?)(?:i?b)?$/i.exec(text) ?? [];
  if (amount === undefined) return refuse(`invalid value for size: ${text}`);
  return Math.floor(Number(amount) * 1024 ** ("kmgtp".indexOf(unit.toLowerCase() || "?") + 1));
}

function checkFields(fields: Fields): void {
  const { type, sharing } = fields;
  if (type === "bind" || type === "tmpfs") {
    for (const key of ["mode", "uid", "gid"] as const) {
      if (fields[key] !== null) refuse(`${key} not allowed for ${quote(type)} type mounts`);
    }
  }
  if (type === "secret") checkSecret(fields);
  if (type === "ssh" && fields.source !== "") refuse("ssh does not support source");
  if (sharing !== null && type !== "cache") refuse(`invalid cache sharing set for ${type} mount`);
}

function checkSecret({ from, sharing, source, target, id }: Fields): void {
  if (from !== "") refuse("secret mount should not have a from");
  if (sharing !== null) refuse("secret mount should not define sharing");
  if (source === "" && target === "" && id === "") refuse("invalid secret mount. one of source, target required");
  if (source !== "" && id !== "") refuse("both source and id can't be set");
}

function secretOf(fields: Fields): RunMount {
  const id = fields.source || fields.id || posix.basename(fields.target);
  const target = fields.target || (fields.env === null ? `/run/secrets/${posix.basename(id)}` : null);
  return {
    type: "secret",
    target: target === null ? null : posix.join("/", target),
    id,
    environment: fields.env === null ? null : fields.env || id,
    required: fields.required,
    mode: fields.mode ?? 0o400,
    uid: fields.uid ?? 0,
    gid: fields.gid ?? 0,
  };
}

function sshOf(fields: Fields): RunMount {
  return {
    type: "ssh",
    target: fields.target === "" ? null : posix.join("/", fields.target),
    id: fields.id || "default",
    required: fields.required,
    mode: fields.mode ?? 0o600,
    uid: fields.uid ?? 0,
    gid: fields.gid ?? 0,
  };
}

function directoryOf(fields: Fields, workingDirectory: string): RunMount {
  const isAbsolute = posix.isAbsolute(fields.target);
  const joined = isAbsolute ? posix.join(fields.target) : posix.join("/", workingDirectory, fields.target);
  const target = joined === "/" ? joined : joined.replace(/\/$/, "");
  if (target === "/") refuse(`invalid mount target ${quote(target)}`);
  if (fields.type === "tmpfs") return { type: "tmpfs", target, size: fields.size };
  const from = fields.from || null;
  const source = posix.join("/", fields.source);
  if (fields.type !== "cache") return { type: "bind", target, from, source, readWrite: fields.readOnly === false };
  return {
    type: "cache",
    target,
    id: fields.id || posix.normalize(fields.target).replace(/(?<=.)\/$/, ""),
    from,
    source,
    sharing: fields.sharing ?? "shared",
    mode: fields.mode ?? 0o755,
    uid: fields.uid ?? 0,
    gid: fields.gid ?? 0,
    readOnly: fields.readOnly ?? false,
  };
}
