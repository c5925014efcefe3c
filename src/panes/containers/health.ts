import { screenText } from "../../format/screen-text.ts";
import { type Line, type Span, span, type Tone } from "../../theme/tokens.ts";
import { age } from "../age.ts";
import { at, commandLine, field, heading, numberAt, textAt, textsAt } from "../page.ts";

/** As many results as docker keeps, and rows of output of each that are worth the room. */
const results = 5;
const outputRows = 4;

export const healthTones: Readonly<Record<string, Tone>> = { healthy: "ok", unhealthy: "error", starting: "info" };

/** How a container's health is asked for, and the last answers, the newest first. Nothing where it is not asked for. */
export function healthLines(json: unknown, now: number): Line[] {
  const test = textsAt(json, "Config", "Healthcheck", "Test");
  const log = at(json, "State", "Health", "Log");
  const answers = Array.isArray(log) ? log.slice(-results).reverse() : [];
  if ((test.length === 0 || test[0] === "NONE") && answers.length === 0) return [];
  const status = textAt(json, "State", "Health", "Status");
  const streak = numberAt(json, "State", "Health", "FailingStreak");
  return heading("Health", [
    ...field("Now", [
      [
        span(screenText(status || "not asked"), healthTones[status] ?? "muted"),
        span(streak > 0 ? `  ${streak} ${streak === 1 ? "failure" : "failures"} in a row` : "", "error"),
      ],
    ]),
    ...field("Check", checkText(test)),
    ...field("Every", timesOf(json)),
    ...answers.flatMap((answer: unknown) => answerLines(answer, now)),
  ]);
}

function checkText([kind = "", ...words]: readonly string[]): string {
  return kind === "CMD-SHELL" ? words.join(" ") : commandLine(words);
}

/** docker's own where the container has none: `30s, for at most 30s, 3 failures make it unhealthy`. */
function timesOf(json: unknown): string {
  const value = (name: string) => numberAt(json, "Config", "Healthcheck", name);
  const start = value("StartPeriod");
  const retries = value("Retries") || 3;
  return [
    seconds(value("Interval") || 30e9),
    `for at most ${seconds(value("Timeout") || 30e9)}`,
    `${retries} ${retries === 1 ? "failure makes" : "failures make"} it unhealthy`,
    start === 0 ? "" : `not within the first ${seconds(start)}`,
  ]
    .filter((part) => part !== "")
    .join(", ");
}

function seconds(nanoseconds: number): string {
  return nanoseconds >= 60e9 && nanoseconds % 60e9 === 0 ? `${nanoseconds / 60e9}m` : `${nanoseconds / 1e9}s`;
}

function answerLines(answer: unknown, now: number): Line[] {
  const exitCode = numberAt(answer, "ExitCode");
  const passed = age(textAt(answer, "Start"), now);
  const took = Date.parse(textAt(answer, "End")) - Date.parse(textAt(answer, "Start"));
  const rows = textAt(answer, "Output").trimEnd().split("\n").map(screenText);
  const shown = rows.slice(0, outputRows);
  const more = rows.length - shown.length;
  const head: Span[] = [
    span(exitCode === 0 ? "passed" : `exit ${exitCode}`, exitCode === 0 ? "ok" : "error"),
    span(Number.isNaN(took) ? "" : ` in ${took} ms`, "muted"),
  ];
  const output = shown
    .filter((row) => row !== "")
    .map((row, index): Span[] => [
      ...(index === 0 ? [...head, span("  ")] : [span("  ")]),
      span(row, exitCode === 0 ? "muted" : "text"),
    ]);
  const rest = more > 0 ? [[span(`  ${more} more rows`, "faint")]] : [];
  return field(passed === "" ? "" : `${passed} ago`, output.length === 0 ? [head] : [...output, ...rest]);
}
