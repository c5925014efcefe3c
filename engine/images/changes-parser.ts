import { posix } from "node:path";
import { EngineError, messageOf } from "../errors.ts";
import { expandLine, splitWords } from "../lib/shell-words.ts";

/** The parts of an image's `config` that changes can set, in the form the image config has. */
export type RunConfigChange = {
  Env?: string[];
  Cmd?: string[];
  Entrypoint?: string[];
  User?: string;
  WorkingDir?: string;
  ExposedPorts?: Record<string, object>;
  Volumes?: Record<string, object>;
  Labels?: Record<string, string>;
  StopSignal?: string;
  OnBuild?: string[];
  Healthcheck?: Healthcheck;
};

/** Times in nanoseconds. */
export type Healthcheck = {
  Test: string[];
  Interval?: number;
  Timeout?: number;
  StartPeriod?: number;
  StartInterval?: number;
  Retries?: number;
};

type Instruction = (draft: RunConfigChange, rest: string) => void;

const portPattern = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i;
const signalPattern = /^(?:SIG)?[A-Z][A-Z0-9+-]{1,12}$|^[1-9]\d?$/;
const allInstructions = "CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR";

/**
 * Applies Dockerfile lines in order, as `docker import --change` does (docker's Dockerfile reference). Fails with `invalid-argument` and
 * the line.
 */
export function parseChanges(lines: readonly string[], base: RunConfigChange = {}): RunConfigChange {
  const draft = { ...base };
  for (const line of lines) {
    const text = line.trim();
    const [name = ""] = /^\S+/.exec(text) ?? [];
    const rest = text.slice(name.length).trimStart();
    const apply = instructions.get(name.toUpperCase());
    if (apply === undefined) {
      throw invalid(line, `${name === "" ? "an empty line" : name} is not possible here`, `use ${allInstructions}`);
    }
    try {
      if (rest === "") throw new Error("it needs a value");
      apply(draft, rest);
    } catch (error) {
      throw invalid(line, messageOf(error), `write it as in a Dockerfile: ${example(name.toUpperCase())}`);
    }
  }
  return draft;
}

const instructions: ReadonlyMap<string, Instruction> = new Map<string, Instruction>([
  [
    "CMD",
    (draft, rest) => {
      draft.Cmd = commandOf(rest);
    },
  ],
  [
    "ENTRYPOINT",
    (draft, rest) => {
      draft.Entrypoint = commandOf(rest);
    },
  ],
  ["ENV", setEnvironment],
  ["LABEL", setLabels],
  [
    "USER",
    (draft, rest) => {
      draft.User = expandLine(rest, lookupIn(draft));
    },
  ],
  ["WORKDIR", setWorkingDirectory],
  ["EXPOSE", exposePorts],
  ["VOLUME", addVolumes],
  ["STOPSIGNAL", setStopSignal],
  ["ONBUILD", addTrigger],
  ["HEALTHCHECK", setHealthcheck],
]);

function setEnvironment(draft: RunConfigChange, rest: string): void {
  const environment = new Map((draft.Env ?? []).map((pair): [string, string] => splitPair(pair)));
  for (const [name, value] of pairsOf(rest, draft)) environment.set(name, value);
  draft.Env = [...environment].map(([name, value]) => `${name}=${value}`);
}

function setLabels(draft: RunConfigChange, rest: string): void {
  const labels = new Map([...Object.entries(draft.Labels ?? {}), ...pairsOf(rest, draft)]);
  draft.Labels = Object.fromEntries(labels);
}

function setWorkingDirectory(draft: RunConfigChange, rest: string): void {
  draft.WorkingDir = posix.resolve("/", draft.WorkingDir ?? "/", expandLine(rest, lookupIn(draft)));
}

function exposePorts(draft: RunConfigChange, rest: string): void {
  const ports = splitWords(rest, lookupIn(draft)).flatMap(portsOf);
  draft.ExposedPorts = { ...draft.ExposedPorts, ...Object.fromEntries(ports.map((port) => [port, {}])) };
}

function addVolumes(draft: RunConfigChange, rest: string): void {
  const paths = jsonWords(rest) ?? splitWords(rest, lookupIn(draft));
  const relative = paths.find((path) => !path.startsWith("/"));
  if (relative !== undefined) throw new Error(`${JSON.stringify(relative)} is not an absolute path`);
  draft.Volumes = { ...draft.Volumes, ...Object.fromEntries(paths.map((path) => [path, {}])) };
}

function setStopSignal(draft: RunConfigChange, rest: string): void {
  const signal = expandLine(rest, lookupIn(draft)).toUpperCase();
  if (!signalPattern.test(signal)) throw new Error(`${JSON.stringify(rest)} is not a signal`);
  draft.StopSignal = signal;
}

/** Kept for a later build, which runs it; what cannot be one is refused now (docker's Dockerfile reference, "ONBUILD"). */
function addTrigger(draft: RunConfigChange, rest: string): void {
  const name = (/^\S+/.exec(rest)?.[0] ?? "").toUpperCase();
  if (["ONBUILD", "FROM", "MAINTAINER"].includes(name)) throw new Error(`${name} is not possible as a trigger`);
  draft.OnBuild = [...(draft.OnBuild ?? []), rest];
}

const healthFlags = {
  interval: "Interval",
  timeout: "Timeout",
  "start-period": "StartPeriod",
  "start-interval": "StartInterval",
  retries: "Retries",
} as const;
const durationUnits = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 } as const;

function setHealthcheck(draft: RunConfigChange, rest: string): void {
  const check: Healthcheck = { Test: [] };
  let text = rest;
  for (let flag = takeFlag(text); flag !== null; flag = takeFlag(text)) {
    const field = healthFlags[flag.name as keyof typeof healthFlags];
    if (field === undefined) throw new Error(`--${flag.name} is not known`);
    check[field] = field === "Retries" ? retriesOf(flag.value) : durationOf(flag.value);
    text = flag.rest;
  }
  const [kind = "", command = ""] = text.split(/\s+(.*)/s);
  if (kind.toUpperCase() === "NONE" && command === "") check.Test = ["NONE"];
  else if (kind.toUpperCase() === "CMD" && command !== "") {
    const words = jsonWords(command);
    check.Test = words === null ? ["CMD-SHELL", command] : ["CMD", ...words];
  } else throw new Error("it needs NONE, or CMD and a command");
  draft.Healthcheck = check;
}

function takeFlag(text: string): { name: string; value: string; rest: string } | null {
  const match = /^--([a-z-]+)=(\S*)\s*(.*)$/s.exec(text);
  return match === null ? null : { name: match[1] ?? "", value: match[2] ?? "", rest: match[3] ?? "" };
}

function retriesOf(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${JSON.stringify(text)} is not a number of retries`);
  return Number(text);
}

/** `1m30s` in nanoseconds, as Go writes times. */
function durationOf(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) {
    throw new Error(`${JSON.stringify(text)} is not a duration such as 30s`);
  }
  const nanoseconds = parts.reduce((sum, [, amount, unit]) => {
    return sum + Number(amount) * durationUnits[unit as keyof typeof durationUnits];
  }, 0);
  if (nanoseconds !== 0 && nanoseconds < durationUnits.ms) throw new Error(`${JSON.stringify(text)} is less than 1ms`);
  return Math.round(nanoseconds);
}

/** Exec form `["a", "b"]`, or shell form, which runs in a shell. */
function commandOf(rest: string): string[] {
  return jsonWords(rest) ?? ["/bin/sh", "-c", rest];
}

/** Null where the text is not a JSON array of strings: docker then takes it as shell form. */
function jsonWords(text: string): string[] | null {
  if (!text.startsWith("[")) return null;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((word) => typeof word === "string") ? value : null;
  } catch {
    return null;
  }
}

/** `K=V K2="V 2"`, or the old form `K the rest of the line`. */
function pairsOf(rest: string, draft: RunConfigChange): [string, string][] {
  const lookup = lookupIn(draft);
  const first = /^[^\s=]+/.exec(rest)?.[0] ?? "";
  if (rest[first.length] !== "=") {
    if (first === rest) throw new Error(`${JSON.stringify(rest)} has no value`);
    return [[first, expandLine(rest.slice(first.length).trim(), lookup)]];
  }
  return splitWords(rest, lookup).map((word) => {
    const [name, value] = splitPair(word);
    if (name === "" || !word.includes("=")) throw new Error(`${JSON.stringify(word)} is not of the form name=value`);
    return [name, value];
  });
}

function splitPair(pair: string): [string, string] {
  const equals = pair.indexOf("=");
  return equals === -1 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
}

function portsOf(word: string): string[] {
  const [, low = "", high = low, protocol = "tcp"] = portPattern.exec(word) ?? [];
  const [from, to] = [Number(low), Number(high)];
  if (low === "" || from < 1 || to > 65_535 || to < from) throw new Error(`${JSON.stringify(word)} is not a port`);
  return Array.from({ length: to - from + 1 }, (_, index) => `${from + index}/${protocol.toLowerCase()}`);
}

function lookupIn(draft: RunConfigChange): (name: string) => string | undefined {
  return (name) => draft.Env?.map(splitPair).find(([key]) => key === name)?.[1];
}

function example(name: string): string {
  const examples: Readonly<Record<string, string>> = {
    CMD: 'CMD ["nginx", "-g", "daemon off;"]',
    ENTRYPOINT: 'ENTRYPOINT ["/entrypoint.sh"]',
    ENV: "ENV MODE=fast",
    LABEL: 'LABEL maintainer="ops"',
    USER: "USER www-data",
    WORKDIR: "WORKDIR /srv",
    EXPOSE: "EXPOSE 80/tcp",
    VOLUME: "VOLUME /data",
    STOPSIGNAL: "STOPSIGNAL SIGQUIT",
    ONBUILD: "ONBUILD RUN make",
    HEALTHCHECK: "HEALTHCHECK --interval=30s CMD curl -f http://localhost/",
  };
  return examples[name] ?? name;
}

function invalid(line: string, reason: string, hint: string): EngineError {
  const shown = line.length > 80 ? `${line.slice(0, 80)}…` : line;
  return new EngineError("invalid-argument", `change ${JSON.stringify(shown)}: ${reason}`, { hint });
}
