import { EngineError } from "../errors.ts";

/** A driver by docker's name, and docker's options for it. */
export type LogChoice = { readonly driver: string; readonly options: Readonly<Record<string, string>> };

/** How much of a log is kept. */
export type LogLimits = {
  /** Bytes at which the file conmon writes is rotated; null: never. */
  readonly maxSize: number | null;
  /** Files, that one included. */
  readonly maxFiles: number;
  /** Rotated files are compressed. */
  readonly compress: boolean;
};

export type LogPlan = { readonly driver: "local" | "json-file" | "none"; readonly limits: LogLimits };

/** docker's `local` driver. */
const defaults: LogLimits = { maxSize: 20 * 1024 * 1024, maxFiles: 5, compress: true };
const unlimited: LogLimits = { maxSize: null, maxFiles: 1, compress: false };

/** Taken, and told by `logs --details`; the others have no effect, since conmon writes at the container's pace. */
const commonOptions = ["labels", "labels-regex", "env", "env-regex", "tag"];
const builtInOptions = ["mode", "max-buffer-size"];
const sizeOptions = ["max-size", "max-file", "compress"];

/**
 * What a choice comes to. Refuses in docker's words what docker refuses, with `invalid-argument`. A `json-file` without sizes is bounded
 * as `local` is, since docker's own way fills disks: `max-size=-1` asks for that.
 */
export function planLog({ driver, options }: LogChoice): LogPlan {
  if (driver === "none") return { driver, limits: unlimited };
  checkMode(options);
  if (driver !== "local" && driver !== "json-file") refuse(`logger: no log driver named '${driver}' is registered`);
  const known = new Set([...sizeOptions, ...commonOptions, ...builtInOptions]);
  const unknown = Object.keys(options).find((name) => !known.has(name));
  if (unknown !== undefined) {
    refuse(
      driver === "local"
        ? `unknown log opt '${unknown}' for log driver local`
        : `unknown log opt '${unknown}' for json-file log driver`,
    );
  }
  return { driver, limits: driver === "local" ? planLocal(options) : planJsonFile(options) };
}

function checkMode(options: LogChoice["options"]): void {
  const mode = options.mode ?? "";
  if (!["", "blocking", "non-blocking"].includes(mode)) refuse(`logger: logging mode not supported: ${mode}`);
  const size = options["max-buffer-size"];
  if (size === undefined) return;
  if (mode !== "non-blocking") refuse("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  if (parseSize(size, 1024) === null) refuse(`error parsing option max-buffer-size: invalid size: '${size}'`);
}

function planLocal(options: LogChoice["options"]): LogLimits {
  const size = options["max-size"] ?? "";
  const maxSize = size === "" ? defaults.maxSize : size === "-1" ? null : parseSize(size, 1000);
  if (maxSize === null && size !== "-1") refuse(`invalid value for max-size: ${size}: invalid size: '${size}'`);
  const file = options["max-file"];
  const maxFiles = file === undefined ? defaults.maxFiles : findInteger(file);
  if (maxFiles === null) refuse(`invalid value for max-file: ${file}: strconv.Atoi: parsing "${file}": invalid syntax`);
  if (maxFiles < 0) refuse("max-file must not be negative");
  const compress = findBoolean(options.compress, true);
  if (compress === null) {
    refuse(`invalid boolean value for compress: strconv.ParseBool: parsing "${options.compress}": invalid syntax`);
  }
  if (options.compress !== undefined && compress && maxFiles <= 1) {
    refuse("compression cannot be enabled when max file count is 1");
  }
  return limitsOf(maxSize, maxFiles, compress);
}

function planJsonFile(options: LogChoice["options"]): LogLimits {
  const size = options["max-size"];
  const maxSize = size === undefined ? defaults.maxSize : size === "-1" ? null : parseSize(size, 1000);
  if (maxSize === null && size !== "-1") refuse(`invalid size: '${size}'`);
  if (maxSize === 0) refuse("max-size must be a positive number");
  const file = options["max-file"];
  // With a size and no count docker keeps one file.
  const count = file === undefined ? (size === undefined ? defaults.maxFiles : 1) : findInteger(file);
  if (count === null) refuse(`strconv.Atoi: parsing "${file}": invalid syntax`);
  if (count < 1) refuse("max-file cannot be less than 1");
  const compress = findBoolean(options.compress, size === undefined);
  if (compress === null) refuse(`strconv.ParseBool: parsing "${options.compress}": invalid syntax`);
  if (options.compress !== undefined && compress && (count === 1 || maxSize === null)) {
    refuse("compress cannot be true when max-file is less than 2 or max-size is not set");
  }
  return limitsOf(maxSize, count, compress);
}

function limitsOf(maxSize: number | null, maxFiles: number, compress: boolean): LogLimits {
  // docker's `local` takes 0 of both for the smallest there is.
  const files = Math.max(1, maxFiles);
  return { maxSize: maxSize === null ? null : Math.max(1, maxSize), maxFiles: files, compress: compress && files > 1 };
}

/** `10m`, `1.5 GB`, `1024`, in bytes; null for anything else. docker counts these sizes in powers of 1000. */
function parseSize(text: string, base: number): number | null {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text);
  if (match === null) return null;
  const power = "kmgtp".indexOf((match[2] ?? "").toLowerCase() || "?") + 1;
  return Math.floor(Number(match[1]) * base ** power);
}

function findInteger(text: string): number | null {
  return /^[+-]?\d{1,9}$/.test(text) ? Number(text) : null;
}

/** Go's strconv.ParseBool. */
function findBoolean(text: string | undefined, absent: boolean): boolean | null {
  if (text === undefined) return absent;
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  return ["0", "f", "F", "false", "FALSE", "False"].includes(text) ? false : null;
}

function refuse(message: string): never {
  throw new EngineError("invalid-argument", message, { exitCode: 125 });
}
