import type { BuildWarning } from "../../protocol/builds.ts";
import { quote } from "./failure.ts";
import { checkBases } from "./lint-bases.ts";
import { checkStageBodies } from "./lint-bodies.ts";
import { checkOptions, Findings, type Place } from "./lint-rules.ts";
import type { CheckScope } from "./lint-scope.ts";
import type { Dockerfile, Instruction, Stage } from "./types.ts";

/**
 * Looks for what docker's build checks find, in the order of lines. What is wrong and not only unwise is not told: parseDockerfile and
 * resolveStages do. Fails with `invalid-argument` for a build argument BUILDKIT_DOCKERFILE_CHECK that cannot be read.
 */
export function checkDockerfile(dockerfile: Dockerfile, scope: CheckScope): BuildWarning[] {
  const findings = new Findings(checkOptions(dockerfile, scope.buildArgs));
  for (const line of dockerfile.emptyContinuations) {
    findings.add("NoEmptyContinuation", { lines: { first: line }, comments: [] }, "Empty continuation line");
  }
  for (const each of dockerfile.metaArgs)
    checkDescription(
      each,
      "ARG",
      each.args.map(({ key }) => key),
      findings,
    );
  for (const stage of dockerfile.stages) {
    checkFrom(stage, findings);
    for (const instruction of stage.instructions) checkInstruction(instruction, findings);
  }
  checkStageNames(dockerfile, findings);
  checkCasing(dockerfile, findings);
  checkBases(dockerfile, scope, findings);
  checkStageBodies(dockerfile, scope, findings);
  return findings.warnings.toSorted((one, other) => one.line - other.line);
}

/** Why the build fails where the Dockerfile wants findings to be errors (`# check=error=true`); null: it does not. */
export function findLintFailure(
  dockerfile: Dockerfile,
  warnings: readonly BuildWarning[],
  buildArgs: CheckScope["buildArgs"] = {},
): string | null {
  if (warnings.length === 0 || !checkOptions(dockerfile, buildArgs).isError) return null;
  const rules = new Set(warnings.map(({ rule }) => rule));
  return `lint violation found for rules: ${[...rules].join(", ")}`;
}

function checkFrom(stage: Stage, findings: Findings): void {
  if (stage.as === null) return;
  const { keyword, name } = stage.as;
  if (name !== name.toLowerCase()) {
    findings.add("StageNameCasing", stage, `Stage name '${name}' should be lowercase`);
  }
  // One that has both cases itself is told by another rule.
  const wanted = caseOf(stage.keyword);
  if (wanted !== null && keyword !== wanted(keyword)) {
    findings.add("FromAsCasing", stage, `'${keyword}' and '${stage.keyword}' keywords' casing do not match`);
  }
  checkDescription(stage, "FROM", [stage.name ?? name], findings);
}

/** What brings words into the case that `word` has; null where it has both. */
function caseOf(word: string): ((other: string) => string) | null {
  if (word === word.toLowerCase()) return (other) => other.toLowerCase();
  return word === word.toUpperCase() ? (other) => other.toUpperCase() : null;
}

function checkInstruction(instruction: Instruction, findings: Findings): void {
  if (instruction.name === "MAINTAINER") {
    findings.add("MaintainerDeprecated", instruction, "Maintainer instruction is deprecated in favor of using label");
  }
  if (instruction.name === "ARG")
    checkDescription(
      instruction,
      "ARG",
      instruction.args.map(({ key }) => key),
      findings,
    );
}

/** The comment before a definition begins with its name. */
function checkDescription(place: Place, what: "ARG" | "FROM", keys: readonly string[], findings: Findings): void {
  const comment = place.comments.at(-1);
  const [first = ""] = keys;
  if (comment === undefined || keys.includes(comment.split(" ", 1)[0] ?? "")) return;
  const key = keys.length > 1 ? "<arg_key>" : first;
  findings.add(
    "InvalidDefinitionDescription",
    place,
    `Comment for ${what} should follow the format: \`# ${key} <description>\``,
  );
}

const reserved = ["context", "scratch"];

function checkStageNames({ stages }: Dockerfile, findings: Findings): void {
  const seen = new Set<string>();
  for (const stage of stages) {
    if (stage.name === null) continue;
    // What is written right before an instruction has no say here, as with docker.
    const place = { lines: stage.lines, comments: [] };
    if (reserved.includes(stage.name)) {
      const message = `Stage name should not use the same name as reserved stage ${quote(stage.name)}`;
      findings.add("ReservedStageName", place, message);
    }
    if (seen.has(stage.name)) {
      findings.add(
        "DuplicateStageName",
        place,
        `Duplicate stage name ${quote(stage.name)}, stage names should be unique`,
      );
    }
    seen.add(stage.name);
  }
}

function checkCasing({ stages }: Dockerfile, findings: Findings): void {
  const all = stages.flatMap((stage) => [stage, ...stage.instructions]);
  const lower = all.filter(({ keyword }) => keyword === keyword.toLowerCase()).length;
  const upper = all.filter(({ keyword }) => keyword === keyword.toUpperCase()).length;
  const isLower = lower > upper;
  for (const { keyword, lines } of all) {
    if (keyword === (isLower ? keyword.toLowerCase() : keyword.toUpperCase())) continue;
    const casing = isLower ? "lowercase" : "uppercase";
    const message = `Command '${keyword}' should match the case of the command majority (${casing})`;
    findings.add("ConsistentInstructionCasing", { lines, comments: [] }, message);
  }
}
