import { posix } from "node:path";
import { Budget } from "./budget.ts";
import { expandInstruction, resolveArgs } from "./expand.ts";
import { quote } from "./failure.ts";
import { orNull } from "./lint-bases.ts";
import type { Findings, Place } from "./lint-rules.ts";
import type { CheckScope, IgnoreFile } from "./lint-scope.ts";
import { type ResolvedStage, resolveAllStages, resolveStages } from "./stages.ts";
import { didYouMean } from "./suggest.ts";
import type { ArgInstruction, Dockerfile, FileInstruction, Instruction, Lookup } from "./types.ts";

/** For all of a Dockerfile: from there on it is taken as it is written. */
const wholeBudget = 4;

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What a stage has after some of its instructions. */
type State = {
  readonly environment: Map<string, string>;
  /** ARGs, also those without a value. */
  readonly declared: Set<string>;
  /** False: the base image may have set more. */
  isKnown: boolean;
  hasWorkdir: boolean;
  hasShell: boolean;
};

type Context = {
  readonly dockerfile: Dockerfile;
  readonly scope: CheckScope;
  readonly findings: Findings;
  readonly globalArgs: ReadonlyMap<string, string>;
  readonly budget: Budget;
};

/** Goes through stages as a build does, and looks at their instructions. */
export function checkStageBodies(dockerfile: Dockerfile, scope: CheckScope, findings: Findings): void {
  const options = { target: scope.target, buildArgs: scope.buildArgs, platform: scope.platform ?? null };
  const all = orNull(() => resolveAllStages(dockerfile, options));
  if (all === null) return;
  const wanted =
    scope.stages ?? (scope.target === "" ? null : orNull(() => resolveStages(dockerfile, options).indexes));
  const indexes = wanted === null ? null : new Set(wanted);
  const states = new Map<number, State>();
  const budget = new Budget(wholeBudget);
  for (const resolved of all.stages) {
    const { index } = resolved.stage;
    if (indexes !== null && !indexes.has(index)) continue;
    const state = orNull(() => firstState(resolved, states, scope, budget));
    if (state === null) return;
    states.set(index, state);
    new BodyCheck({ dockerfile, scope, findings, globalArgs: all.globalArgs, budget }, state).check(resolved);
  }
}

function firstState(
  { base }: ResolvedStage,
  states: ReadonlyMap<number, State>,
  scope: CheckScope,
  budget: Budget,
): State {
  const parent = base.kind === "stage" ? states.get(base.index) : undefined;
  if (parent !== undefined) {
    budget.takeSteps(parent.environment.size + parent.declared.size);
    return { ...parent, environment: new Map(parent.environment), declared: new Set(parent.declared) };
  }
  const image = base.kind === "image" ? (scope.findImage?.(base.reference) ?? null) : null;
  const environment = new Map([["PATH", defaultPath]]);
  for (const variable of image?.environment ?? []) {
    const separator = variable.indexOf("=");
    if (separator > 0) environment.set(variable.slice(0, separator), variable.slice(separator + 1));
  }
  return {
    environment,
    declared: new Set(),
    isKnown: base.kind !== "image" || image !== null,
    hasWorkdir: false,
    hasShell: image?.hasShell ?? false,
  };
}

/** Check of one stage. */
class BodyCheck {
  readonly #context: Context;
  readonly #state: State;
  /** CMD, ENTRYPOINT and HEALTHCHECK: only the last of each counts. */
  readonly #last = new Map<string, Place>();

  constructor(context: Context, state: State) {
    this.#context = context;
    this.#state = state;
  }

  check({ triggers, stage }: ResolvedStage): void {
    for (const instruction of [...triggers, ...stage.instructions]) {
      if (instruction.name === "ARG") this.#checkArg(instruction);
      else this.#checkExpanded(instruction, this.#expand(instruction));
    }
  }

  /** Null where that fails: with what is known it may be wrong to say so. */
  #expand(instruction: Instruction): Instruction | null {
    const { directives } = this.#context.dockerfile;
    const { budget } = this.#context;
    // docker does not ask for those of EXPOSE.
    const lookup = instruction.name === "EXPOSE" ? this.#lookup() : this.#lookup(instruction);
    return orNull(() => expandInstruction(instruction, lookup, directives.escape, budget));
  }

  /** Of the stage's environment. place: of what is said of variables that are not there. */
  #lookup(place?: Place): Lookup {
    const { environment } = this.#state;
    return (name) => {
      const value = environment.get(name);
      if (value === undefined && place !== undefined) this.#noteUndefined(name, place);
      return value;
    };
  }

  #noteUndefined(name: string, place: Place): void {
    const { environment, declared, isKnown } = this.#state;
    if (!isKnown || declared.has(name) || name.startsWith("BUILDKIT_SBOM_SCAN_")) return;
    const { findings } = this.#context;
    if (!findings.wants("UndefinedVar", place)) return;
    const meant = didYouMean(name, environment.keys()).replace("mean ", "mean $");
    findings.add("UndefinedVar", place, `Usage of undefined variable '$${name}'${meant}`);
  }

  #checkArg(instruction: ArgInstruction): void {
    const { scope, globalArgs, dockerfile, budget } = this.#context;
    for (const { key } of instruction.args) this.#checkSecret("ARG", key, instruction);
    const resolved = orNull(() =>
      resolveArgs(instruction, {
        buildArgs: scope.buildArgs,
        globalArgs,
        lookup: this.#lookup(instruction),
        escape: dockerfile.directives.escape,
        budget,
      }),
    );
    for (const { key, value } of resolved ?? instruction.args) {
      this.#state.declared.add(key);
      if (value !== null) this.#state.environment.set(key, value);
    }
  }

  #checkExpanded(written: Instruction, expanded: Instruction | null): void {
    const instruction = expanded ?? written;
    switch (instruction.name) {
      case "ENV":
        for (const { key, value } of instruction.pairs) {
          this.#checkSecret("ENV", key, instruction);
          this.#state.environment.set(key, value);
        }
        this.#checkFormat(instruction, instruction.pairs);
        break;
      case "LABEL":
        this.#checkFormat(instruction, instruction.pairs);
        break;
      case "WORKDIR":
        this.#checkWorkdir(instruction, instruction.value);
        break;
      case "CMD":
      case "ENTRYPOINT":
        this.#checkOnce(instruction);
        this.#checkForm(instruction, instruction.command.form);
        break;
      case "HEALTHCHECK":
        this.#checkOnce(instruction);
        break;
      case "SHELL":
        this.#state.hasShell = true;
        break;
      case "EXPOSE":
        for (const port of instruction.values) this.#checkPort(instruction, port);
        break;
      case "ADD":
      case "COPY":
        this.#checkSources(instruction);
        break;
      default:
    }
  }

  #add(...finding: Parameters<Findings["add"]>): void {
    this.#context.findings.add(...finding);
  }

  #checkFormat(instruction: Instruction, pairs: readonly { readonly isLegacy?: boolean }[]): void {
    if (!pairs.some(({ isLegacy }) => isLegacy)) return;
    const { keyword } = instruction;
    const message = `"${keyword} key=value" should be used instead of legacy "${keyword} key value" format`;
    this.#add("LegacyKeyValueFormat", instruction, message);
  }

  #checkSecret(instruction: "ARG" | "ENV", key: string, place: Place): void {
    if (!hasSecretName(key)) return;
    const message = `Do not use ARG or ENV instructions for sensitive data (${instruction} ${quote(key)})`;
    this.#add("SecretsUsedInArgOrEnv", place, message);
  }

  /** Only the first of a stage and of those that it is based on: with it the others are right, too. */
  #checkWorkdir(place: Place, path: string): void {
    if (!this.#state.hasWorkdir && !path.startsWith("/")) {
      const message = `Relative workdir ${quote(path)} can have unexpected results if the base image changes`;
      this.#add("WorkdirRelativePath", place, message);
    }
    this.#state.hasWorkdir = true;
  }

  #checkOnce(instruction: Instruction): void {
    const before = this.#last.get(instruction.name);
    if (before !== undefined) {
      const message = `Multiple ${instruction.keyword} instructions should not be used in the same stage because only the last one will be used`;
      // docker tells the one that is lost.
      this.#add("MultipleInstructionsDisallowed", { lines: before.lines, comments: instruction.comments }, message);
    }
    this.#last.set(instruction.name, instruction);
  }

  #checkForm(instruction: Instruction, form: "exec" | "shell"): void {
    if (form === "exec" || this.#state.hasShell) return;
    const message = `JSON arguments recommended for ${instruction.keyword} to prevent unintended behavior related to OS signals`;
    this.#add("JSONArgsRecommended", instruction, message);
  }

  #checkPort(place: Place, text: string): void {
    const separator = text.lastIndexOf(":");
    const protocol = text.slice(separator + 1).split("/")[1] ?? "";
    if (protocol !== protocol.toLowerCase()) {
      this.#add("ExposeProtoCasing", place, `Defined protocol '${text}' in EXPOSE instruction should be lowercase`);
    }
    if (separator > 0) {
      const message = `EXPOSE instruction should not define an IP address or host-port mapping, found '${text}'`;
      this.#add("ExposeInvalidFormat", place, message);
    }
  }

  #checkSources(instruction: FileInstruction): void {
    const ignore = this.#context.scope.ignore ?? null;
    // With exceptions one would have to look at the files themselves.
    if (ignore === null || instruction.from !== null || ignore.patterns.some((pattern) => pattern.startsWith("!")))
      return;
    const heredocs = new Set(instruction.heredocs.map(({ name }) => `<<${name}`));
    for (const source of instruction.sources) {
      if (heredocs.has(source) || isRemote(source) || !isIgnored(source, ignore)) continue;
      const verb = instruction.name === "ADD" ? "Add" : "Copy";
      const message = `Attempting to ${verb} file ${quote(cleaned(source))} that is excluded by .dockerignore`;
      this.#add("CopyIgnoredFile", instruction, message);
    }
  }
}

function isRemote(source: string): boolean {
  return /^(?:https?|git|ssh):\/\/|^git@/.test(source);
}

function cleaned(source: string): string {
  const path = posix.normalize(source);
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

function isIgnored(source: string, ignore: IgnoreFile): boolean {
  const path = cleaned(source);
  if (path === "." || path === "/") return ignore.patterns.some((pattern) => ["*", "**", "**/*"].includes(pattern));
  return !path.startsWith("/") && ignore.matches(path);
}

const secret = /(?:_|^)(?:apikey|auth|credential|credentials|key|password|pword|passwd|secret|token)(?:_|$)/i;
const harmless = /(?:_|^)(?:public|file|version)(?:_|$)/i;

function hasSecretName(key: string): boolean {
  return secret.test(key) && !harmless.test(key);
}
