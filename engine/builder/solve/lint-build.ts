import { EngineError } from "../../errors.ts";
import { PathPatterns } from "../copy/path-patterns.ts";
import { checkDockerfile, findLintFailure } from "../dockerfile/lint.ts";
import type { BaseImage, IgnoreFile } from "../dockerfile/lint-scope.ts";
import type { Dockerfile } from "../dockerfile/types.ts";
import type { Build } from "./build.ts";

/** Tells what docker's build checks find. Fails with `invalid-argument` where the Dockerfile wants that. */
export function lintDockerfile(build: Build, dockerfile: Dockerfile, ignored: readonly string[] | null): void {
  const { buildArgs, target } = build.request;
  const warnings = checkDockerfile(dockerfile, {
    buildArgs,
    target,
    ignore: ignored === null ? null : ignoreFile(ignored),
    findImage: (reference) => findImage(build, reference),
  });
  for (const warning of warnings) build.log.warn(warning);
  const failure = findLintFailure(dockerfile, warnings);
  if (failure !== null) throw new EngineError("invalid-argument", failure);
}

export function warnOfUnusedArgs({ log }: Build, names: readonly string[]): void {
  if (names.length === 0) return;
  const message = `one or more build arguments were not consumed: ${names.join(", ").slice(0, 1_000)}`;
  log.warn({ rule: "UnusedBuildArgs", message, description: "Build arguments should be declared", url: "", line: 0 });
}

function ignoreFile(lines: readonly string[]): IgnoreFile {
  const patterns = new PathPatterns(lines);
  return { patterns: lines, matches: (path) => patterns.matchWhole(path).isMatched };
}

/** Only those that are here already: nothing is fetched for a warning. */
function findImage({ parts }: Build, reference: string): BaseImage | null {
  try {
    const { environment, shell } = parts.images.resolve(reference).config;
    return { environment, hasShell: shell !== undefined && shell.join(" ") !== "/bin/sh -c" };
  } catch {
    return null;
  }
}
