import type { BuildStep, BuildSummary } from "../../../engine/protocol/builds.ts";
import { spread, wrapLine } from "../../components/spans.ts";
import { drawTable, windowStart } from "../../components/table.ts";
import { screenText } from "../../format/screen-text.ts";
import { linesOf, stepIndex, type WatchedBuild } from "../../store/builds.ts";
import { selectedIndex } from "../../store/selectors.ts";
import type { BuildsView } from "../../store/ui.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { emptyLine, type Line, line, type Span, span } from "../../theme/tokens.ts";
import {
  buildColumns,
  buildName,
  buildRow,
  buildTones,
  stepColumns,
  stepGlyph,
  stepRow,
  timeBetween,
} from "./view-model.ts";

export type BuildsInput = {
  readonly builds: readonly BuildSummary[];
  readonly watched: WatchedBuild;
  readonly now: number;
  /** What begins a build, or null where none may. */
  readonly newKey: string | null;
};

type Room = { readonly width: number; readonly height: number };

/** The builds, the steps of the one under the cursor, and what its step has written: as much of it as the level shows. */
export function buildLines(view: BuildsView, input: BuildsInput, room: Room): readonly Line[] {
  const build = input.builds[selectedIndex(input.builds, view.build)];
  if (build === undefined) return emptyLines(input.newKey);
  if (view.level === "log") return logLines(view, input, room);
  if (view.level === "steps")
    return [summaryLine(build, input.now, room.width), ...stepLines(view, input, { ...room, height: room.height - 1 })];
  const most = Math.max(2, Math.floor(room.height * 0.4) - 1);
  const list = listLines(view, input, { width: room.width, height: Math.min(most, input.builds.length) });
  const below = room.height - list.length - 2;
  if (below < 3) return list;
  return [
    ...list,
    emptyLine,
    summaryLine(build, input.now, room.width),
    ...stepTable(view, input, { width: room.width, height: below }, false),
  ];
}

function emptyLines(newKey: string | null): readonly Line[] {
  const way = newKey === null ? [] : [span(newKey, "key"), span(" begins one, ", "muted")];
  return [
    emptyLine,
    line(
      span("  nothing was built yet: ", "muted"),
      ...way,
      span("gantry build .", "accent"),
      span(" as well", "muted"),
    ),
  ];
}

function listLines({ build }: BuildsView, { builds, now }: BuildsInput, { width, height }: Room): Line[] {
  const selected = selectedIndex(builds, build);
  const { header, lines } = drawTable({
    columns: buildColumns,
    rows: builds.map((one) => buildRow(one, now)),
    width: width - 1,
    from: windowStart(builds.length, height, selected, 0),
    count: height,
    selected,
    selectedFill: "selection",
    gutter: (_row, isSelected) => span(isSelected ? glyphs.cursor : " ", "accent"),
  });
  return [header, ...lines];
}

/** Name and state of the build whose steps are shown. */
function summaryLine(build: BuildSummary, now: number, width: number): Line {
  const cached = build.cachedSteps === 0 ? "" : `  ${build.cachedSteps} cached`;
  const left: Span[] = [
    span(` ${buildName(build)} `, "title"),
    span(build.status, buildTones[build.status]),
    span(`  ${build.finishedSteps}/${build.steps} steps${cached}`, "muted"),
  ];
  return spread(left, [span(`${timeBetween(build.startedAt, build.endedAt, now)} `)], width - 1);
}

/** Steps above, what the one under the cursor has written below. */
function stepLines(view: BuildsView, input: BuildsInput, { width, height }: Room): Line[] {
  const { steps } = input.watched;
  if (steps.length === 0) return [line(span("  no step has begun", "muted"))];
  const count = Math.max(3, Math.min(steps.length, Math.floor(height * 0.55)));
  const table = stepTable(view, input, { width, height: count + 1 }, true);
  const left = height - table.length - 1;
  const step = steps[stepIndex(steps, view.step)];
  if (left < 2 || step === undefined) return table;
  return [...table, ruleLine(step, width), ...tail(step, input.watched, { width, height: left, back: 0 })];
}

function stepTable(
  view: BuildsView,
  { watched, now }: BuildsInput,
  { width, height }: Room,
  isChosen: boolean,
): Line[] {
  const { steps } = watched;
  if (steps.length === 0) return [line(span("  no step has begun", "muted"))];
  const chosen = stepIndex(steps, view.step);
  const count = Math.max(1, Math.min(steps.length, height - 1));
  const { header, lines } = drawTable({
    columns: stepColumns,
    rows: steps.map((step) => stepRow(step, now)),
    width: width - 1,
    from: windowStart(steps.length, count, chosen, 0),
    count,
    selected: isChosen ? chosen : -1,
    selectedFill: "selection",
    gutter: (row, isSelected) => (isSelected ? span(glyphs.cursor, "accent") : stepGlyph(row.status)),
  });
  return [header, ...lines];
}

function ruleLine(step: BuildStep, width: number): Line {
  const title = ` ${screenText(step.title)} `.slice(0, Math.max(0, width - 8));
  return line(
    span(` ${glyphs.horizontal}${glyphs.horizontal}`, "border"),
    span(title, "muted"),
    span(glyphs.horizontal.repeat(Math.max(0, width - title.length - 5)), "border"),
  );
}

/** The last lines that a step has written, at most `most` of them, and below them why it failed. */
function lastLines(step: BuildStep, watched: WatchedBuild, most: number): Line[] {
  const written = linesOf(watched.logs.get(step.id), screenText).slice(-most);
  const reason = step.error === "" ? [] : [line(span(screenText(step.error), "error"))];
  if (written.length + reason.length === 0) return [line(span(nothingOf(step), "muted"))];
  return [...written.map((text) => line(span(text))), ...reason];
}

function nothingOf({ status, note }: BuildStep): string {
  if (note !== "") return screenText(note);
  if (status === "cached") return "taken from the cache";
  return status === "waiting" ? "waits for others" : status === "running" ? "nothing was written yet" : "wrote nothing";
}

/** The last rows, `back` of them left out at the end. Only what may be seen is wrapped: a line takes a row at least. */
function tail(
  step: BuildStep,
  watched: WatchedBuild,
  { width, height, back }: Room & { readonly back: number },
): Line[] {
  const near = lastLines(step, watched, height + back);
  const rows = near.flatMap((row) => wrapLine(row, width - 3, 2));
  const end = Math.max(Math.min(height, rows.length), rows.length - back);
  return rows.slice(Math.max(0, end - height), end).map((row) => ({ spans: [span("  "), ...row.spans] }));
}

function logLines(view: BuildsView, { watched }: BuildsInput, room: Room): Line[] {
  const step = watched.steps[stepIndex(watched.steps, view.step)];
  if (step === undefined) return [line(span("  no step has begun", "muted"))];
  return tail(step, watched, { ...room, back: view.back });
}

/** How far back the log can be scrolled, in rows. */
export function logLength(view: BuildsView, watched: WatchedBuild): number {
  const step = watched.steps[stepIndex(watched.steps, view.step)];
  if (step === undefined) return 0;
  return linesOf(watched.logs.get(step.id), screenText).length + (step.error === "" ? 0 : 1);
}
