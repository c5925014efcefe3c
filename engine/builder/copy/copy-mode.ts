import { EngineError } from "../../errors.ts";

/** Gives a file's new permission bits (with setuid, setgid, sticky) from its old ones. */
export type ModeChange = { readonly apply: (mode: number, isDirectory: boolean) => number };

const keep: ModeChange = { apply: (mode) => mode };

/** `--chmod`: octal, or symbolic as of chmod(1), with no umask. Null: modes stay. Fails with `invalid-argument`. */
export function parseMode(text: string | null): ModeChange {
  if (text === null || text === "") return keep;
  if (/^[0-9]+$/.test(text)) {
    const mode = /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
    if (!(mode <= 0o7777)) {
      throw new EngineError(
        "invalid-argument",
        `invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777`,
      );
    }
    return { apply: () => mode };
  }
  const clauses = text.split(",").map((clause) => parseClause(clause, text));
  return {
    apply: (mode, isDirectory) => clauses.reduce((current, change) => change(current, isDirectory), mode),
  };
}

type Change = (mode: number, isDirectory: boolean) => number;

/** Who are its bits, for u, g and o. */
const shifts: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };

function parseClause(clause: string, whole: string): Change {
  const match = /^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)$/.exec(clause);
  if (match === null) throw new EngineError("invalid-argument", `invalid chmod parameter: '${whole}'`);
  const [, people = "", actions = ""] = match;
  const who = people === "" || people.includes("a") ? ["u", "g", "o"] : [...new Set(people)];
  const changes = [...actions.matchAll(/([-+=])([rwxXstugo]*)/g)].map(
    ([, operator = "", permissions = ""]): Change =>
      (mode, isDirectory) =>
        change(mode, { who, operator, bits: (person) => bitsFor(person, permissions, { mode, isDirectory }) }),
  );
  return (mode, isDirectory) => changes.reduce((current, next) => next(current, isDirectory), mode);
}

type Action = { readonly who: readonly string[]; readonly operator: string; readonly bits: (person: string) => number };

function change(mode: number, { who, operator, bits }: Action): number {
  let result = mode;
  for (const person of who) {
    const wanted = bits(person);
    if (operator === "-") result &= ~wanted;
    else result = (operator === "=" ? result & ~ownBits(person) : result) | wanted;
  }
  return result;
}

/** All that belongs to one of u, g, o. */
function ownBits(person: string): number {
  const special = { u: 0o4000, g: 0o2000, o: 0o1000 }[person] ?? 0;
  return special | (7 << (shifts[person] ?? 0));
}

function bitsFor(person: string, permissions: string, old: { mode: number; isDirectory: boolean }): number {
  const shift = shifts[person] ?? 0;
  let bits = 0;
  for (const permission of permissions) {
    const from = shifts[permission];
    if (from !== undefined) bits |= ((old.mode >> from) & 7) << shift;
    else bits |= permissionBits(permission, old) << shift;
    if (permission === "s") bits |= { u: 0o4000, g: 0o2000 }[person] ?? 0;
    if (permission === "t" && person === "o") bits |= 0o1000;
  }
  return bits;
}

function permissionBits(permission: string, { mode, isDirectory }: { mode: number; isDirectory: boolean }): number {
  if (permission === "r") return 4;
  if (permission === "w") return 2;
  if (permission === "x") return 1;
  return permission === "X" && (isDirectory || (mode & 0o111) !== 0) ? 1 : 0;
}
