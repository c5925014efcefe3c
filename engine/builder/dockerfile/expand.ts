import { EngineError } from "../../errors.ts";
import { Budget } from "./budget.ts";
import { atLine, quote } from "./failure.ts";
import { readMountFields, writeMountFields } from "./mount-fields.ts";
import { readShellWord, type ShellWord, type WordOptions } from "./shell-word.ts";
import type { ArgInstruction, Dockerfile, FileInstruction, Heredoc, Instruction, Lookup, Pair } from "./types.ts";

type Escape = Dockerfile["directives"]["escape"];

/**
 * One word of it: quotes and escapes are taken out, `$x`, `${x}`, `${x:-d}`, `${x-d}`, `${x:+a}`, `${x+a}`, `${x:?e}`, `${x?e}`, `${x#p}`,
 * `${x##p}`, `${x%p}`, `${x%%p}`, `${x/p/r}` and `${x//p/r}` resolved; blanks stay. Fails with `invalid-argument`, in docker's words.
 */
export function expandWord(word: string, lookup: Lookup, escapeToken: Escape, budget = new Budget()): string {
  return readWord(word, { escapeToken, lookup, budget }).text;
}

/** The same, split at blanks that are not quoted; also at those of values. No word is empty. */
export function expandWords(
  word: string,
  lookup: Lookup,
  escapeToken: Escape,
  budget = new Budget(),
): readonly string[] {
  return readWord(word, { escapeToken, lookup, budget, splits: true }).words;
}

function readWord(word: string, options: WordOptions): ShellWord {
  try {
    return readShellWord(word, options);
  } catch (error) {
    throw EngineError.wrap(`failed to process ${quote(word)}`, error);
  }
}

/**
 * The instruction with its variables resolved where docker resolves them; quotes and escapes go there, too. That is in ADD, COPY (not in
 * --from and --exclude), ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME, WORKDIR, defaults of ARG, and values of RUN's --mount: others come
 * back as they are. lookup: of before the instruction; only an ARG sees those before it in the same line. For ARG see also resolveArgs.
 * Fails with `invalid-argument` and the instruction's line.
 */
export function expandInstruction<I extends Instruction>(
  instruction: I,
  lookup: Lookup,
  escapeToken: Escape,
  budget?: Budget,
): I;
export function expandInstruction(
  instruction: Instruction,
  lookup: Lookup,
  escapeToken: Escape,
  budget = new Budget(),
): Instruction {
  return atLine(instruction.lines.first, () => expand(instruction, { lookup, escapeToken, budget }));
}

function expand(instruction: Instruction, options: WordOptions): Instruction {
  const one = (word: string): string => readWord(word, options).text;
  switch (instruction.name) {
    case "ADD":
    case "COPY":
      return expandFiles(instruction, options);
    case "ENV":
    case "LABEL":
      return { ...instruction, pairs: instruction.pairs.map((pair): Pair => ({ ...pair, ...expandPair(pair, one) })) };
    case "EXPOSE":
      return {
        ...instruction,
        values: instruction.values.flatMap((value) => readWord(value, { ...options, splits: true }).words),
      };
    case "VOLUME":
      return { ...instruction, values: instruction.values.map(one) };
    case "USER":
    case "WORKDIR":
    case "STOPSIGNAL":
      return { ...instruction, value: one(instruction.value) };
    case "ARG":
      return { ...instruction, args: declare(instruction, () => undefined, options) };
    case "RUN":
      return { ...instruction, mounts: instruction.mounts.map((mount) => expandMount(mount, one)) };
    default:
      return instruction;
  }
}

function expandPair({ key, value }: Pair, one: (word: string) => string): Pair {
  return { key: one(key), value: one(value) };
}

function expandFiles(instruction: FileInstruction, options: WordOptions): FileInstruction {
  const one = (word: string): string => readWord(word, options).text;
  const orNull = (word: string | null): string | null => (word === null ? null : one(word) || null);
  const heredocs = new Set(instruction.heredocs.map(({ name }) => `<<${name}`));
  return {
    ...instruction,
    sources: instruction.sources.map((source) => (heredocs.has(source) ? source : one(source))),
    target: one(instruction.target),
    chown: orNull(instruction.chown),
    chmod: orNull(instruction.chmod),
    checksum: orNull(instruction.checksum),
    heredocs: instruction.heredocs.map((heredoc) => expandHeredoc(heredoc, options)),
  };
}

/** Quotes have no meaning in it, and the escape is a backslash whatever the Dockerfile says. */
function expandHeredoc(heredoc: Heredoc, options: WordOptions): Heredoc {
  if (!heredoc.expand) return heredoc;
  const content = readWord(heredoc.content, { ...options, escapeToken: "\\", ignoresQuotes: true }).text;
  return { ...heredoc, content };
}

function expandMount(mount: string, one: (word: string) => string): string {
  const fields = readMountFields(mount);
  return writeMountFields(fields.map(({ key, value }) => ({ key, value: value === null ? null : one(value) })));
}

type Declared = { readonly key: string; readonly value: string | null };

export type ArgScope = {
  readonly buildArgs: Readonly<Record<string, string>>;
  /** Of ARGs before the first FROM, and the predefined ones: what `ARG x` takes over. */
  readonly globalArgs: ReadonlyMap<string, string>;
  /** Of the stage, before the instruction. */
  readonly lookup: Lookup;
  readonly escape: Escape;
  readonly budget?: Budget;
};

/**
 * What an ARG of a stage sets, in its order: a build argument goes before the default, the default before a global value. null: it is
 * declared, and has no value. Fails with `invalid-argument` and the instruction's line, but for no default that is not used.
 */
export function resolveArgs(
  instruction: ArgInstruction,
  { buildArgs, globalArgs, lookup, escape: escapeToken, budget = new Budget() }: ArgScope,
): Declared[] {
  const given = (key: string, hasDefault: boolean): string | undefined => {
    if (Object.hasOwn(buildArgs, key)) return buildArgs[key];
    return hasDefault ? undefined : globalArgs.get(key);
  };
  const options = { lookup, escapeToken, budget };
  return atLine(instruction.lines.first, () => declare(instruction, given, options));
}

function declare(
  instruction: ArgInstruction,
  given: (key: string, hasDefault: boolean) => string | undefined,
  options: WordOptions,
): Declared[] {
  const own = new Map<string, string>();
  const lookup: Lookup = (name) => own.get(name) ?? options.lookup(name);
  return instruction.args.map(({ key, value }) => {
    const fallback = (): string | null => (value === null ? null : readWord(value, { ...options, lookup }).text);
    const resolved = given(key, value !== null) ?? fallback();
    if (resolved !== null) own.set(key, resolved);
    return { key, value: resolved };
  });
}
