/** A part of a pattern. */
export type WildcardToken = {
  /**
   * One character as `source` says; any but slashes; any; or any that end with a slash, or none.
   */
  readonly kind: "one" | "name" | "rest" | "directories";
  /** As a regular expression (flag `u`). */
  readonly source: string;
};

export const anyName: WildcardToken = { kind: "name", source: "[^/]*" };
export const anyRest: WildcardToken = { kind: "rest", source: ".*" };
export const anyDirectories: WildcardToken = { kind: "directories", source: "(?:.*/)?" };

/** More would let a regular expression try for ever. */
const simple = 2;

/** Makes a test of whole texts. What it costs is never more than the length of the text times that of the pattern, or squared for simple ones. */
export function compileWildcards(tokens: readonly WildcardToken[]): (text: string) => boolean {
  if (tokens.filter(({ kind }) => kind !== "one").length <= simple) {
    const expression = new RegExp(`^${tokens.map(({ source }) => source).join("")}$`, "u");
    return (text) => expression.test(text);
  }
  const steps = tokens.map(({ kind, source }) => ({ kind, expression: new RegExp(`^${source}$`, "u") }));
  return (text) => walk(steps, text);
}

type Step = { readonly kind: WildcardToken["kind"]; readonly expression: RegExp };

/** Goes all ways at once: which parts of the pattern the text so far may have come to. */
function walk(steps: readonly Step[], text: string): boolean {
  let here = new Uint8Array(steps.length + 1);
  let next = new Uint8Array(steps.length + 1);
  enter(steps, here, 0);
  for (const character of text) {
    next.fill(0);
    for (let at = 0; at < steps.length; at++) if (here[at] === 1) take(steps, { at, character, next });
    [here, next] = [next, here];
  }
  return here[steps.length] === 1;
}

type Taking = { readonly at: number; readonly character: string; readonly next: Uint8Array };

function take(steps: readonly Step[], { at, character, next }: Taking): void {
  const step = steps[at];
  if (step === undefined) return;
  if (step.kind === "one") {
    if (step.expression.test(character)) enter(steps, next, at + 1);
  } else if (step.kind === "directories") {
    next[at] = 1;
    if (character === "/") enter(steps, next, at + 1);
  } else if (step.kind === "rest" || character !== "/") enter(steps, next, at);
}

/** A part that may be nothing may be passed at once. */
function enter(steps: readonly Step[], places: Uint8Array, at: number): void {
  let place = at;
  for (; place < steps.length && steps[place]?.kind !== "one"; place++) places[place] = 1;
  places[place] = 1;
}
