import type { BuildWarning } from "../../protocol/builds.ts";
import { findDirective, parseChecks } from "./directives.ts";
import type { CheckOptions, Dockerfile } from "./types.ts";

/** docker's build checks: https://docs.docker.com/reference/build-checks/ */
const descriptions = {
  StageNameCasing: "Stage names should be lowercase",
  FromAsCasing: "The 'as' keyword should match the case of the 'from' keyword",
  NoEmptyContinuation: "Empty continuation lines will become errors in a future release",
  ConsistentInstructionCasing: "All commands within the Dockerfile should use the same casing (either upper or lower)",
  DuplicateStageName: "Stage names should be unique",
  ReservedStageName: "Reserved words should not be used as stage names",
  JSONArgsRecommended:
    "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals",
  MaintainerDeprecated: "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
  UndefinedArgInFrom: "FROM command must use declared ARGs",
  WorkdirRelativePath:
    "Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes",
  UndefinedVar: "Variables should be defined before their use",
  MultipleInstructionsDisallowed: "Multiple instructions of the same type should not be used in the same stage",
  LegacyKeyValueFormat: "Legacy key/value format with whitespace separator should not be used",
  RedundantTargetPlatform:
    "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
  SecretsUsedInArgOrEnv: "Sensitive data should not be used in the ARG or ENV commands",
  InvalidDefaultArgInFrom: "Default value for global ARG results in an empty or invalid base image name",
  FromPlatformFlagConstDisallowed: "FROM --platform flag should not use a constant value",
  CopyIgnoredFile: "Attempting to Copy file that is excluded by .dockerignore",
  InvalidDefinitionDescription:
    "Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.",
  ExposeProtoCasing: "Protocol in EXPOSE instruction should be lowercase",
  ExposeInvalidFormat:
    "IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release",
} as const;

export type RuleName = keyof typeof descriptions;

/** Not made unless they are asked for. */
const experimental: ReadonlySet<RuleName> = new Set(["InvalidDefinitionDescription"]);

/** Where a finding belongs: an instruction, or a FROM. */
export type Place = { readonly lines: { readonly first: number }; readonly comments: readonly string[] };

/** Findings of one Dockerfile. More than these nobody reads. */
const mostFindings = 1_000;
const longestMessage = 1_000;

export class Findings {
  readonly warnings: BuildWarning[] = [];
  readonly #options: CheckOptions;
  readonly #merged = new WeakMap<readonly string[], CheckOptions>();

  constructor(options: CheckOptions) {
    this.#options = options;
  }

  /** False where `add` would do nothing. */
  wants(rule: RuleName, place: Place): boolean {
    if (this.warnings.length >= mostFindings) return false;
    const options = this.#optionsAt(place.comments);
    return experimental.has(rule) ? names(options.experimental, rule) : !names(options.skip, rule);
  }

  #optionsAt(comments: readonly string[]): CheckOptions {
    const known = this.#merged.get(comments) ?? merge(this.#options, comments);
    this.#merged.set(comments, known);
    return known;
  }

  /** Notes a finding, unless the Dockerfile says that it wants none of the kind: at its top, or right before the instruction. */
  add(rule: RuleName, place: Place, message: string): void {
    if (!this.wants(rule, place)) return;
    this.warnings.push({
      rule,
      message: message.slice(0, longestMessage),
      description: descriptions[rule],
      url: urlOf(rule),
      line: place.lines.first,
    });
  }
}

/** Those of the build argument BUILDKIT_DOCKERFILE_CHECK go before the Dockerfile's own. Fails with `invalid-argument`. */
export function checkOptions(dockerfile: Dockerfile, buildArgs: Readonly<Record<string, string>>): CheckOptions {
  const name = "BUILDKIT_DOCKERFILE_CHECK";
  const given = Object.hasOwn(buildArgs, name) ? buildArgs[name] : undefined;
  return given === undefined ? dockerfile.directives.check : parseChecks(given);
}

function names(list: readonly string[], rule: string): boolean {
  return list.includes(rule) || list.includes("all");
}

/** `# check=skip=…` before an instruction goes for it alone. One that cannot be read says nothing. */
function merge(options: CheckOptions, comments: readonly string[]): CheckOptions {
  const found = comments.map(findDirective).find((directive) => directive?.[0] === "check");
  if (found === undefined || found === null) return options;
  try {
    const own = parseChecks(found[1].split(" ", 1)[0] ?? "");
    return {
      skip: [...options.skip, ...own.skip],
      experimental: [...options.experimental, ...own.experimental],
      isError: options.isError,
    };
  } catch {
    return options;
  }
}

function urlOf(rule: RuleName): string {
  const slug = rule
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1-$2")
    .replace(/([a-z])([A-Z])/g, "$1-$2")
    .toLowerCase();
  return `https://docs.docker.com/go/dockerfile/rule/${slug}/`;
}
