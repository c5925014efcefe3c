import { EngineError } from "../../errors.ts";
import { trim } from "./blanks.ts";
import { atLine, quote, refuse } from "./failure.ts";
import { readFlags } from "./flags.ts";
import { findHeredocs } from "./heredocs.ts";
import { readInstruction } from "./instructions.ts";
import { LineReader, type LogicalLine } from "./line-reader.ts";
import type { Source } from "./source.ts";
import type { ArgInstruction, Dockerfile, Instruction, Lines, Stage } from "./types.ts";
import { findJsonWords, splitPlain, splitStatement } from "./words.ts";

/** Characters. Of those that people write the longest have some 100,000. */
const longestFile = 4 * 1024 * 1024;
const mostInstructions = 10_000;

/**
 * Reads a Dockerfile. Fails with `invalid-argument` and docker's words: `dockerfile parse error on line 3: unknown instruction: FRM (did you
 * mean FROM?)`. Where docker's frontend for BuildKit has two ways (heredocs, flags of a later version), it is the newest one.
 */
export function parseDockerfile(text: string): Dockerfile {
  checkSize(text);
  const reader = new LineReader(text);
  const metaArgs: ArgInstruction[] = [];
  const stages: (Omit<Stage, "instructions"> & { readonly instructions: Instruction[] })[] = [];
  let count = 0;
  for (let line = reader.next(); line !== null; line = reader.next()) {
    const source = sourceOf(line, reader);
    atLine(line.lines.first, () => {
      if (++count > mostInstructions) refuse(`more than ${mostInstructions} instructions`);
      if (source.name === "FROM") {
        stages.push(readFrom(source, stages.length));
        return;
      }
      const instruction = readInstruction(source);
      const stage = stages.at(-1);
      if (stage !== undefined) stage.instructions.push(instruction);
      else if (instruction.name === "ARG") metaArgs.push(instruction);
      else refuse("no build stage in current context");
    });
  }
  if (count === 0) throw new EngineError("invalid-argument", "dockerfile parse error: file with no instructions");
  if (stages.length === 0) throw new EngineError("invalid-argument", "dockerfile contains no stages to build");
  return { text, directives: reader.directives, emptyContinuations: reader.emptyContinuations, metaArgs, stages };
}

/**
 * Reads one instruction, as an ONBUILD has it: not FROM. lines: what it is to be told as, the FROM's that brought it. Fails with
 * `invalid-argument`.
 */
export function parseInstruction(
  text: string,
  escapeToken: "\\" | "`" = "\\",
  lines: Lines = { first: 1, last: 1 },
): Instruction {
  checkSize(text);
  const source = atLine(lines.first, () => readTrigger(text, escapeToken));
  return atLine(lines.first, () => readInstruction({ ...source, common: { ...source.common, lines } }));
}

function readTrigger(text: string, escapeToken: "\\" | "`"): Source {
  const reader = new LineReader(text, escapeToken);
  const line = reader.next();
  if (line === null) return refuse("onbuild trigger should be a single expression");
  const source = sourceOf(line, reader);
  if (reader.next() !== null) refuse("onbuild trigger should be a single expression");
  return source;
}

function checkSize(text: string): void {
  if (text.length <= longestFile) return;
  throw new EngineError("invalid-argument", `the Dockerfile has more than ${longestFile} characters`);
}

function sourceOf(line: LogicalLine, reader: LineReader): Source {
  const { escape: escapeToken } = reader.directives;
  const statement = splitStatement(line.text, escapeToken);
  const words = mayHaveHeredocs(statement.keyword, statement.rest, escapeToken) ? findHeredocs(line.text) : [];
  const heredocs = atLine(line.lines.first, () => words.map((word) => reader.readHeredoc(word)));
  const lines = { first: line.lines.first, last: reader.line };
  const { keyword } = statement;
  return {
    ...statement,
    name: keyword.toUpperCase(),
    common: { lines, text: trim(line.text), keyword, comments: line.comments },
    heredocs,
    escapeToken,
  };
}

function mayHaveHeredocs(keyword: string, rest: string, escapeToken: string): boolean {
  const name = keyword.toUpperCase();
  if (name === "ONBUILD") {
    const trigger = splitStatement(rest, escapeToken);
    return trigger.keyword.toUpperCase() !== "ONBUILD" && mayHaveHeredocs(trigger.keyword, trigger.rest, escapeToken);
  }
  if (name !== "RUN" && name !== "COPY" && name !== "ADD") return false;
  return !isJson(rest);
}

function isJson(text: string): boolean {
  try {
    return findJsonWords(text) !== null;
  } catch {
    // It is refused soon; what follows is not part of it.
    return true;
  }
}

function readFrom({ common, flags, rest }: Source, index: number): Stage & { readonly instructions: Instruction[] } {
  const [base = "", keyword = "", name = "", ...more] = splitPlain(rest);
  const isNamed = keyword.toLowerCase() === "as" && name !== "" && more.length === 0;
  if (base === "" || (keyword !== "" && !isNamed)) refuse("FROM requires either one or three arguments");
  if (isNamed && !/^[a-z][a-z0-9_.-]*$/.test(name.toLowerCase())) {
    refuse(`invalid name for build stage: ${quote(name)}, name can't start with a number or contain symbols`);
  }
  const { text } = readFlags(flags, { platform: "text" });
  return {
    ...common,
    index,
    name: isNamed ? name.toLowerCase() : null,
    base,
    platform: text("platform"),
    as: isNamed ? { keyword, name } : null,
    instructions: [],
  };
}
