import type { BuildResult, BuildWarning } from "../../../engine/protocol/builds.ts";
import { screenText } from "../../format/screen-text.ts";
import { lineTime, type StepView } from "./build-model.ts";
import { instructionRange, sourceExcerpt } from "./source-excerpt.ts";

export type Source = {
  readonly fileName: string;
  /** Empty: not known. */
  readonly text: string;
};

/** line: 1-based, of what is wrong; 0: no line is. */
export type Place = Source & { readonly line: number };

export type FailedStep = StepView & { readonly title: string };

/** What stands below the progress of a build that failed: the step's last output, its place in the Dockerfile, and the reason. */
export function failureLines(failed: FailedStep | null, place: Place, message: string): string[] {
  const { fileName, text, line } = place;
  const excerpt = line === 0 || text === "" ? [] : sourceExcerpt(fileName, text, instructionRange(text, line));
  return [...(failed === null ? [] : outputLines(failed)), ...excerpt, `ERROR: ${screenText(message)}`];
}

function outputLines({ step, tail, title }: FailedStep): string[] {
  const rule = "-".repeat(6);
  const output = tail.last(10).map(({ text, at }) => {
    const seconds = at === 0 ? "" : `${lineTime(step, at).toFixed(3)} `;
    return `${seconds}${screenText(text)}`;
  });
  return [rule, ` > ${screenText(title)}:`, ...output, rule];
}

/** What the checks found, after a build. */
export function warningLines(warnings: readonly BuildWarning[], hasColour: boolean): string[] {
  if (warnings.length === 0) return [];
  const title = ` ${warnings.length} warning${warnings.length === 1 ? "" : "s"} found (use --check to see them in full):`;
  const lines = warnings.map(
    ({ rule, message, line }) => ` - ${screenText(`${rule}: ${message}`)}${line === 0 ? "" : ` (line ${line})`}`,
  );
  return ["", hasColour ? `\x1b[1m\x1b[33m${title}\x1b[0m` : title, ...lines];
}

/** What `--check` prints. */
export function checkLines(warnings: readonly BuildWarning[], source: Source): string[] {
  if (warnings.length === 0) return ["Check complete, no warnings found."];
  const count = warnings.length === 1 ? "1 warning has" : `${warnings.length} warnings have`;
  const found = warnings.flatMap(({ rule, message, description, url, line }) => [
    "",
    `WARNING: ${screenText(rule)}${url === "" ? "" : ` - ${screenText(url)}`}`,
    ...(description === "" ? [] : [screenText(description)]),
    ...(message === description ? [] : [screenText(message)]),
    ...(line === 0 || source.text === "" ? [] : excerptAt(source, line)),
  ]);
  return [`Check complete, ${count} been found!`, ...found];
}

function excerptAt({ fileName, text }: Source, line: number): string[] {
  return sourceExcerpt(fileName, text, instructionRange(text, line));
}

/** docker's last words of the step that makes the image. */
export function imageLines({ imageID }: BuildResult, names: readonly string[]): string[] {
  if (imageID === null) return [];
  return [`writing image ${imageID}`, ...names.map((name) => `naming to ${screenText(name)}`)];
}
