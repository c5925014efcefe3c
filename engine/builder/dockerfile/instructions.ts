import { splitAtBlanks, trim } from "./blanks.ts";
import { readCommand, readHealthcheck, readRun } from "./commands.ts";
import { quote, refuse } from "./failure.ts";
import { readAdd, readCopy } from "./file-instructions.ts";
import { readFlags } from "./flags.ts";
import { withHeredocs } from "./heredocs.ts";
import type { Source } from "./source.ts";
import { didYouMean } from "./suggest.ts";
import type { Instruction, Pair } from "./types.ts";
import { findJsonWords, splitPlain, splitQuoted } from "./words.ts";

export const instructionNames = [
  "ADD",
  "ARG",
  "CMD",
  "COPY",
  "ENTRYPOINT",
  "ENV",
  "EXPOSE",
  "FROM",
  "HEALTHCHECK",
  "LABEL",
  "MAINTAINER",
  "ONBUILD",
  "RUN",
  "SHELL",
  "STOPSIGNAL",
  "USER",
  "VOLUME",
  "WORKDIR",
];

const readers: Readonly<Record<string, (source: Source) => Instruction>> = {
  ADD: readAdd,
  ARG: readArg,
  CMD: (source) => ({ ...source.common, name: "CMD", command: readCommand(source) }),
  COPY: readCopy,
  ENTRYPOINT: (source) => ({ ...source.common, name: "ENTRYPOINT", command: readCommand(source) }),
  ENV: (source) => ({ ...source.common, name: "ENV", pairs: readPairs(source) }),
  EXPOSE: readExpose,
  HEALTHCHECK: readHealthcheck,
  LABEL: (source) => ({ ...source.common, name: "LABEL", pairs: readPairs(source) }),
  MAINTAINER: (source) => ({ ...source.common, name: "MAINTAINER", value: readValue(source) }),
  ONBUILD: readOnbuild,
  RUN: readRun,
  SHELL: readShell,
  // docker does not look at its flags.
  STOPSIGNAL: (source) => ({ ...source.common, name: "STOPSIGNAL", value: readValue({ ...source, flags: [] }) }),
  USER: (source) => ({ ...source.common, name: "USER", value: readValue(source) }),
  VOLUME: readVolume,
  WORKDIR: (source) => ({ ...source.common, name: "WORKDIR", value: readValue(source) }),
};

/** Any instruction but FROM. Fails with `invalid-argument`, in docker's words. */
export function readInstruction(source: Source): Instruction {
  const reader = Object.hasOwn(readers, source.name) ? readers[source.name] : undefined;
  if (reader !== undefined) return reader(source);
  const { keyword } = source;
  const names = instructionNames.map((name) => (keyword === keyword.toLowerCase() ? name.toLowerCase() : name));
  const word = keyword === keyword.toLowerCase() ? keyword : keyword.toUpperCase();
  return refuse(`unknown instruction: ${keyword.slice(0, 200)}${didYouMean(word, names)}`);
}

function readValue({ name, flags, rest }: Source): string {
  if (rest === "") refuse(`${name} requires exactly one argument`);
  readFlags(flags, {});
  return rest;
}

/** `KEY=value …`, or `KEY value`: what comes first, a blank or a `=`, tells which. */
function readPairs({ name, flags, rest, escapeToken }: Source): Pair[] {
  readFlags(flags, {});
  const words = splitQuoted(rest, escapeToken);
  const [first] = words;
  if (first === undefined) return refuse(`${name} requires at least one argument`);
  if (!first.includes("=")) {
    const [key, value] = splitAtBlanks(rest);
    return [{ key, value: value ?? refuse(`${name} must have two arguments`), isLegacy: true }];
  }
  return words.map((word) => {
    const separator = word.indexOf("=");
    if (separator === -1) {
      refuse(`Syntax error - can't find = in ${quote(word)}. Must be of the form: name=value`);
    }
    if (separator === 0) refuse(`${name} names can not be blank`);
    return { key: word.slice(0, separator), value: word.slice(separator + 1) };
  });
}

/** docker does not look at its flags. */
function readArg({ common, rest, escapeToken }: Source): Instruction {
  const words = splitQuoted(rest, escapeToken);
  if (words.length === 0) refuse("ARG requires at least one argument");
  const args = words.map((word) => {
    const separator = word.indexOf("=");
    if (separator === 0) refuse("ARG names can not be blank");
    if (separator === -1) return { key: word, value: null };
    return { key: word.slice(0, separator), value: word.slice(separator + 1) };
  });
  return { ...common, name: "ARG", args };
}

function readExpose({ common, flags, rest }: Source): Instruction {
  const values = splitPlain(rest).sort();
  if (values.length === 0) refuse("EXPOSE requires at least one argument");
  readFlags(flags, {});
  return { ...common, name: "EXPOSE", values };
}

function readVolume({ common, flags, rest }: Source): Instruction {
  const values = findJsonWords(rest) ?? splitPlain(rest);
  if (values.length === 0) refuse("VOLUME requires at least one argument");
  readFlags(flags, {});
  const trimmed = values.map((value) => trim(value));
  if (trimmed.includes("")) refuse("VOLUME specified can not be an empty string");
  return { ...common, name: "VOLUME", values: trimmed };
}

function readShell({ common, flags, rest }: Source): Instruction {
  readFlags(flags, {});
  const args = findJsonWords(rest);
  if (args?.length === 0 || rest === "") refuse("SHELL requires at least one argument");
  return { ...common, name: "SHELL", args: args ?? refuse(`SHELL requires the arguments to be in JSON form`) };
}

function readOnbuild({ common, flags, rest, heredocs }: Source): Instruction {
  if (rest === "") refuse("ONBUILD requires at least one argument");
  readFlags(flags, {});
  const trigger = splitAtBlanks(rest)[0].toUpperCase();
  if (trigger === "ONBUILD") refuse("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger === "MAINTAINER" || trigger === "FROM") refuse(`${trigger} isn't allowed as an ONBUILD trigger`);
  return { ...common, name: "ONBUILD", trigger: withHeredocs(rest, heredocs) };
}
