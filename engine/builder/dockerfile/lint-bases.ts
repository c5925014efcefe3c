import { EngineError } from "../../errors.ts";
import { formatPlatform, parsePlatform } from "../../oci/platform.ts";
import { parseReference } from "../../oci/reference.ts";
import { Budget } from "./budget.ts";
import { expandWord } from "./expand.ts";
import { quote } from "./failure.ts";
import type { Findings } from "./lint-rules.ts";
import type { CheckScope } from "./lint-scope.ts";
import { headBudget, resolveGlobalArgs } from "./stages.ts";
import { didYouMean } from "./suggest.ts";
import type { Dockerfile, Stage } from "./types.ts";

type Args = ReadonlyMap<string, string>;

/** Looks at the images and platforms of all FROM. */
export function checkBases(dockerfile: Dockerfile, scope: CheckScope, findings: Findings): void {
  const options = { target: scope.target, platform: scope.platform ?? null };
  const defaults = orNull(() => resolveGlobalArgs(dockerfile, { ...options, buildArgs: {} }));
  if (defaults !== null) checkDefaults(dockerfile, defaults, findings);
  const args = orNull(() => resolveGlobalArgs(dockerfile, { ...options, buildArgs: scope.buildArgs }));
  if (args === null) return;
  const budget = new Budget(headBudget);
  const declared = dockerfile.metaArgs.flatMap((each) => each.args.map(({ key }) => key));
  const known = new Set([...args.keys(), ...declared]);
  for (const stage of dockerfile.stages) {
    const base = readWord(stage.base, args, dockerfile, budget);
    checkDeclared(stage, base, known, findings);
    if (stage.platform === null) continue;
    const platform = readWord(stage.platform, args, dockerfile, budget);
    checkDeclared(stage, platform, known, findings);
    if (platform !== null) checkPlatform(stage, { written: stage.platform, ...platform }, args, findings);
  }
}

type Expanded = {
  readonly text: string;
  readonly found: ReadonlySet<string>;
  readonly missing: ReadonlySet<string>;
};

function readWord(word: string, args: Args, { directives }: Dockerfile, budget: Budget): Expanded | null {
  const found = new Set<string>();
  const missing = new Set<string>();
  const lookup = (name: string): string | undefined => {
    const value = args.get(name);
    (value === undefined ? missing : found).add(name);
    return value;
  };
  const text = orNull(() => expandWord(word, lookup, directives.escape, budget));
  return text === null ? null : { text, found, missing };
}

/** The build without any --build-arg has to work, too. */
function checkDefaults(dockerfile: Dockerfile, args: Args, findings: Findings): void {
  const budget = new Budget(headBudget);
  for (const { base, lines } of dockerfile.stages) {
    const image = readWord(base, args, dockerfile, budget);
    if (image === null) return;
    if (orNull(() => parseReference(image.text)) !== null) continue;
    const message = `Default value for ARG ${base} results in empty or invalid base image name`;
    findings.add("InvalidDefaultArgInFrom", { lines, comments: [] }, message);
  }
}

function checkDeclared(stage: Stage, word: Expanded | null, known: ReadonlySet<string>, findings: Findings): void {
  for (const name of word?.missing ?? []) {
    if (known.has(name) || !findings.wants("UndefinedArgInFrom", stage)) continue;
    findings.add("UndefinedArgInFrom", stage, `FROM argument '${name}' is not declared${didYouMean(name, known)}`);
  }
}

function checkPlatform(
  stage: Stage,
  { written, text, found, missing }: Expanded & { readonly written: string },
  args: Args,
  findings: Findings,
): void {
  const isTarget = found.size === 1 && missing.size === 0 && found.has("TARGETPLATFORM");
  if (isTarget && text === args.get("TARGETPLATFORM")) {
    const message = `Setting platform to predefined ${written} in FROM is redundant as this is the default behavior`;
    findings.add("RedundantTargetPlatform", stage, message);
  }
  if (found.size > 0 || missing.size > 0) return;
  const platform = orNull(() => parsePlatform(text));
  if (platform === null) return;
  // A stage that is named after its platform means it.
  const [os = "", architecture = ""] = formatPlatform(platform).split("/");
  const name = stage.name ?? "";
  if (name.includes(os) || name.includes(architecture)) return;
  const message = `FROM --platform flag should not use constant value ${quote(text)}`;
  findings.add("FromPlatformFlagConstDisallowed", stage, message);
}

/** What is wrong is told elsewhere. */
export function orNull<T>(work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (error instanceof EngineError) return null;
    throw error;
  }
}
