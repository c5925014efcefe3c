import { findGoDuration } from "../../protocol/go-duration.ts";
import { splitAtBlanks, trimStart } from "./blanks.ts";
import { quote, refuse } from "./failure.ts";
import { type Flags, readFlags } from "./flags.ts";
import { findHeredoc, type RawHeredoc, toHeredoc, withHeredocs } from "./heredocs.ts";
import { readMountFields } from "./mount-fields.ts";
import type { Source } from "./source.ts";
import type { Command, Instruction } from "./types.ts";
import { findJsonWords } from "./words.ts";

export function readCommand({ flags, rest }: Source): Command {
  readFlags(flags, {});
  return commandOf(rest, []);
}

function commandOf(text: string, heredocs: readonly RawHeredoc[]): Command {
  const args = findJsonWords(text);
  if (args !== null) return { form: "exec", args };
  const [first] = heredocs;
  if (first === undefined) return { form: "shell", text, heredocs: [] };
  const contents = heredocs.map(toHeredoc);
  const [only] = contents;
  if (only === undefined || findHeredoc(text) === null) {
    return { form: "shell", text: withHeredocs(text, heredocs), heredocs: contents };
  }
  // One heredoc and nothing else is a script, also for a shell that knows no heredocs.
  if (!only.content.startsWith("#!")) return { form: "shell", text: only.content, heredocs: contents };
  return { form: "shell", text: `/dev/pipes/${only.name}`, heredocs: contents, script: only };
}

const networks = ["default", "none", "host"];
const securities = ["insecure", "sandbox"];

export function readRun(source: Source): Instruction {
  const { text, many } = readFlags(source.flags, { mount: "many", network: "text", security: "text" });
  const network = text("network");
  if (network !== null && !networks.includes(network)) refuse(`invalid network mode ${quote(network)}`);
  const security = text("security");
  if (security !== null && !securities.includes(security)) refuse(`security ${quote(security)} is not valid`);
  const mounts = many("mount");
  for (const mount of mounts) checkMount(mount);
  const command = commandOf(source.rest, source.heredocs);
  return { ...source.common, name: "RUN", command, mounts, network, security };
}

/** What can be said before variables are expanded. */
function checkMount(mount: string): void {
  const from = readMountFields(mount).find(({ key }) => key === "from")?.value ?? "";
  const variable = from.indexOf("$");
  if (variable !== -1 && variable !== from.length - 1) {
    refuse("'from' doesn't support variable expansion, define alias stage instead");
  }
}

const healthcheckFlags = {
  interval: "text",
  timeout: "text",
  "start-period": "text",
  "start-interval": "text",
  retries: "text",
} as const;

export function readHealthcheck({ common, flags, rest }: Source): Instruction {
  const [kind, after] = splitAtBlanks(rest);
  const type = kind.toUpperCase();
  if (type === "") refuse("HEALTHCHECK requires at least one argument");
  if (type === "NONE") {
    if (after !== null) refuse("HEALTHCHECK NONE takes no arguments");
    return { ...common, name: "HEALTHCHECK", check: null };
  }
  const given = readFlags(flags, healthcheckFlags);
  if (type !== "CMD") refuse(`Unknown type ${quote(type)} in HEALTHCHECK (try CMD)`);
  const command = commandOf(trimStart(after ?? ""), []);
  const isEmpty = command.form === "exec" ? command.args.length === 0 : command.text === "";
  if (isEmpty) refuse("Missing command after HEALTHCHECK CMD");
  const check = {
    command,
    interval: readTime(given, "interval"),
    timeout: readTime(given, "timeout"),
    startPeriod: readTime(given, "start-period"),
    startInterval: readTime(given, "start-interval"),
    retries: readRetries(given.text("retries")),
  };
  return { ...common, name: "HEALTHCHECK", check };
}

/** Nanoseconds. */
function readTime({ text }: Flags, name: string): number {
  const value = text(name);
  if (value === null) return 0;
  const time = value.length > 64 ? null : findGoDuration(value);
  if (time === null || time > 2n ** 63n - 1n) return refuse(`time: invalid duration ${quote(value)}`);
  if (time !== 0n && time < 1_000_000n) refuse(`Interval ${quote(name)} cannot be less than 1ms`);
  return Number(time);
}

function readRetries(text: string | null): number {
  if (text === null) return 0;
  if (!/^[+-]?\d{1,20}$/.test(text)) refuse(`strconv.ParseInt: parsing ${quote(text)}: invalid syntax`);
  const retries = Number(text);
  if (retries < 0) refuse(`--retries cannot be negative (${retries})`);
  if (retries > 2 ** 31 - 1) refuse(`strconv.ParseInt: parsing ${quote(text)}: value out of range`);
  return retries;
}
