import { resolve } from "node:path";
import type { MountRequest } from "../../../engine/protocol/create-request.ts";
import { splitCsv } from "./csv.ts";
import { parseTarget, propagations } from "./mount-target.ts";
import { parseBytes } from "./sizes.ts";
import { refused, UsageError } from "./usage-error.ts";
import type { VolumeDefaults } from "./volumes.ts";

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
    createSource: true,
    options: options.filter((option) => option !== "" && option !== "ro" && option !== "rw"),
  };
}

type Field = { readonly key: string; readonly value: string };
type Mount = { readonly text: string; readonly fields: readonly Field[] };

/** `--mount type=bind|volume|tmpfs,source=…,target=…,…`: one CSV record of key[=value]. */
export function parseMount(text: string, defaults: VolumeDefaults): MountRequest {
  const mount = { text, fields: splitCsv(text).map((field) => splitField(text, field)) };
  const type = find(mount, "type") ?? "volume";
  const make = Object.hasOwn(makers, type) ? makers[type] : undefined;
  if (make === undefined) throw refused(invalid(mount, `unknown type "${type}", want bind, volume or tmpfs`));
  const stranger = mount.fields.find(({ key }) => /^(bind|volume|tmpfs)-/.test(key) && !key.startsWith(`${type}-`));
  if (stranger !== undefined) refuse(mount, `${stranger.key} does not go with type=${type}`);
  return make(mount, defaults);
}

const makers: Readonly<Record<string, (mount: Mount, defaults: VolumeDefaults) => MountRequest>> = {
  bind: bindMount,
  volume: volumeMount,
  tmpfs: tmpfsMount,
};

/** Other spellings of a key, and the one that is meant. */
const aliases: Readonly<Record<string, string>> = {
  src: "source",
  dst: "target",
  destination: "target",
  ro: "readonly",
};
/** Keys that are a truth value, and may stand alone. */
const truths = ["readonly", "bind-nonrecursive", "volume-nocopy"];
const knownKeys = [
  ...truths,
  "type",
  "source",
  "target",
  "consistency",
  "bind-propagation",
  "bind-recursive",
  "volume-subpath",
  "volume-label",
  "volume-driver",
  "volume-opt",
  "tmpfs-size",
  "tmpfs-mode",
];

function splitField(text: string, field: string): Field {
  const equals = field.indexOf("=");
  const written = (equals === -1 ? field : field.slice(0, equals)).toLowerCase();
  const key = aliases[written] ?? written;
  if (!knownKeys.includes(key)) throw new UsageError(`invalid mount "${text}": unknown key "${written}"`);
  if (equals === -1 && !truths.includes(key)) throw new UsageError(`invalid mount "${text}": ${written} needs a value`);
  return { key, value: equals === -1 ? "true" : field.slice(equals + 1) };
}

function bindMount(mount: Mount, { directory }: VolumeDefaults): MountRequest {
  const source = find(mount, "source") ?? "";
  if (source === "") throw refused(invalid(mount, "source is missing"));
  const propagation = find(mount, "bind-propagation");
  if (propagation !== undefined && !propagations.includes(propagation)) {
    refuse(mount, `unknown bind-propagation "${propagation}", want ${propagations.join(", ")}`);
  }
  return {
    ...common(mount),
    type: "bind",
    source: resolve(directory, source),
    ...(propagation === undefined ? {} : { propagation }),
    ...parseRecursion(mount),
  };
}

/** What becomes of mounts below the source. */
function parseRecursion(mount: Mount): Pick<MountRequest, "nonRecursive" | "recursiveReadOnly"> {
  const recursive = find(mount, "bind-recursive") ?? "enabled";
  if (!["enabled", "disabled", "writable", "readonly"].includes(recursive)) {
    refuse(mount, `bind-recursive is enabled, disabled, writable or readonly, not "${recursive}"`);
  }
  if (recursive === "disabled" || isTrue(mount, "bind-nonrecursive")) return { nonRecursive: true };
  if (recursive === "enabled") return {};
  if (!isTrue(mount, "readonly")) refuse(mount, `bind-recursive=${recursive} goes with readonly only`);
  if (recursive === "writable") return { recursiveReadOnly: "never" };
  if (find(mount, "bind-propagation") !== "rprivate") {
    refuse(mount, "bind-recursive=readonly goes with bind-propagation=rprivate only");
  }
  return { recursiveReadOnly: "always" };
}

function volumeMount(mount: Mount, { driver }: VolumeDefaults): MountRequest {
  const subpath = find(mount, "volume-subpath") ?? "";
  if (subpath.startsWith("/")) refuse(mount, `volume-subpath "${subpath}" is not relative`);
  return {
    ...common(mount),
    type: "volume",
    source: find(mount, "source") ?? "",
    volume: {
      noCopy: isTrue(mount, "volume-nocopy"),
      subpath,
      driver: find(mount, "volume-driver") ?? driver,
      driverOptions: pairs(mount, "volume-opt"),
      labels: pairs(mount, "volume-label"),
    },
  };
}

function tmpfsMount(mount: Mount): MountRequest {
  if (find(mount, "source") !== undefined) throw refused(invalid(mount, "a tmpfs has no source"));
  const size = find(mount, "tmpfs-size");
  const mode = find(mount, "tmpfs-mode");
  if (mode !== undefined && !/^[0-7]{1,5}$/.test(mode)) refuse(mount, `tmpfs-mode "${mode}" is no octal number`);
  return {
    ...common(mount),
    type: "tmpfs",
    source: "",
    options: [
      ...(size === undefined ? [] : [`size=${parseBytes("tmpfs-size", size)}`]),
      ...(mode === undefined ? [] : [`mode=${mode}`]),
    ],
  };
}

function common(mount: Mount): Pick<MountRequest, "target" | "readOnly" | "createSource" | "options"> {
  const target = find(mount, "target");
  if (target === undefined || target === "") refuse(mount, "target is missing");
  return {
    target: parseTarget(`mount "${mount.text}"`, target),
    readOnly: isTrue(mount, "readonly"),
    createSource: false,
    options: [],
  };
}

/** The last one wins. */
function find(mount: Mount, key: string): string | undefined {
  return mount.fields.findLast((field) => field.key === key)?.value;
}

/** `key=value` of each field of this key. */
function pairs(mount: Mount, key: string): Record<string, string> {
  const values = mount.fields.filter((field) => field.key === key).map(({ value }) => value);
  return Object.fromEntries(
    values.map((value) => {
      const equals = value.indexOf("=");
      return equals === -1 ? [value, ""] : [value.slice(0, equals), value.slice(equals + 1)];
    }),
  );
}

function isTrue(mount: Mount, key: string): boolean {
  const value = find(mount, key);
  if (value === undefined || /^(0|f|false)$/i.test(value)) return false;
  if (/^(1|t|true)$/i.test(value)) return true;
  return refuse(mount, `${key} is true or false, not "${value}"`);
}

function refuse(mount: Mount, reason: string): never {
  throw new UsageError(invalid(mount, reason));
}

function invalid({ text }: Mount, reason: string): string {
  return `invalid mount "${text}": ${reason}`;
}
