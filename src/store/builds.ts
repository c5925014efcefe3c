import type { BuildEvent, BuildStep, BuildSummary, BuildWarning } from "../../engine/protocol/builds.ts";

/** What a step has written, safe to show, the newest last. `rest`: the line that has not ended, as it came. */
export type StepLog = { readonly lines: readonly string[]; readonly rest: string };

/** The build that somebody looks at: what the engine has told of it so far. */
export type WatchedBuild = {
  /** Empty while nobody looks at one. */
  readonly id: string;
  readonly steps: readonly BuildStep[];
  readonly logs: ReadonlyMap<number, StepLog>;
  readonly warnings: readonly BuildWarning[];
};

export const noBuild: WatchedBuild = { id: "", steps: [], logs: new Map(), warnings: [] };

const longestLog = 5_000;
/** A line that never ends must not be kept for ever. */
const longestLine = 16_384;

/** Takes up what the engine told, in the order in which it came. */
export function addBuildEvents(
  build: WatchedBuild,
  events: readonly BuildEvent[],
  clean: (text: string) => string,
): WatchedBuild {
  const steps = new Map(build.steps.map((step) => [step.id, step]));
  const texts = new Map<number, string>();
  const warnings = [...build.warnings];
  for (const event of events) {
    if (event.type === "step") steps.set(event.step.id, event.step);
    else if (event.type === "output") texts.set(event.step, (texts.get(event.step) ?? "") + event.text);
    else if (event.type === "warning") warnings.push(event.warning);
  }
  const logs = texts.size === 0 ? build.logs : new Map(build.logs);
  const written = logs as Map<number, StepLog>;
  for (const [step, text] of texts) written.set(step, addText(logs.get(step), text, clean));
  return { ...build, steps: [...steps.values()].sort((left, right) => left.id - right.id), logs, warnings };
}

function addText(log: StepLog | undefined, text: string, clean: (text: string) => string): StepLog {
  const parts = ((log?.rest ?? "") + text).split("\n");
  const rest = parts.pop() ?? "";
  const fresh = rest.length > longestLine ? [...parts, rest] : parts;
  const lines = [...(log?.lines ?? []), ...fresh.map((line) => clean(lastWritten(line)))];
  return { lines: lines.slice(-longestLog), rest: rest.length > longestLine ? "" : rest };
}

/** What stands in a row after all carriage returns, as those of progress bars. */
function lastWritten(line: string): string {
  const parts = line.replace(/\r+$/, "").split("\r");
  return parts.at(-1) ?? "";
}

/** All lines of a step, the one that is being written among them. */
export function linesOf(log: StepLog | undefined, clean: (text: string) => string): readonly string[] {
  if (log === undefined) return [];
  return log.rest === "" ? log.lines : [...log.lines, clean(lastWritten(log.rest))];
}

/** Index of the step the cursor is on; -1 where there is none. */
export function stepIndex(steps: readonly BuildStep[], wanted: number | null): number {
  const chosen = steps.findIndex(({ id }) => id === wanted);
  if (chosen !== -1) return chosen;
  const failed = steps.findIndex(({ status }) => status === "failed");
  if (failed !== -1) return failed;
  const running = steps.findIndex(({ status }) => status === "running");
  if (running !== -1) return running;
  return steps.findLastIndex(({ status }) => status !== "waiting");
}

/** Running ones first, then the last of the past. */
export function orderedBuilds(builds: readonly BuildSummary[]): readonly BuildSummary[] {
  const rank = ({ status }: BuildSummary) => (status === "running" ? 0 : 1);
  return builds.toSorted(
    (left, right) => rank(left) - rank(right) || right.startedAt.localeCompare(left.startedAt) || 0,
  );
}
