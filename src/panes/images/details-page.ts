import type { HistoryEntry, ImageSummary } from "../../../engine/protocol/images.ts";
import { fitSpans } from "../../components/spans.ts";
import { formatBytes } from "../../format/bytes.ts";
import { shortID } from "../../format/ids.ts";
import { screenText } from "../../format/screen-text.ts";
import { formatLocalTime } from "../../format/time.ts";
import { type Line, type Span, span } from "../../theme/tokens.ts";
import { age } from "../age.ts";
import { commandText } from "../layers/rows.ts";
import { commandLine, entriesAt, field, heading, keysAt, page, pairs, textAt, textsAt } from "../page.ts";

export type ImageFacts = {
  readonly image: ImageSummary;
  /** docker's inspect JSON. */
  readonly json: unknown;
  /** Newest first. */
  readonly history: readonly HistoryEntry[];
  /** Names of the containers made from it. */
  readonly users: readonly string[];
  readonly now: number;
};

/** All about an image, to be read by a person. */
export function imagePage({ image, json, history, users, now }: ImageFacts): Line[] {
  const config = (...path: readonly string[]) => ["Config", ...path];
  return page(
    [
      ...field("Names", image.references.length > 0 ? image.references : [[span("<none>", "muted")]], "strong"),
      ...field("ID", image.id),
      ...field("Digests", image.digests),
      ...field("Platform", platformOf(json)),
      ...field("Created", createdSpans(image.createdAt, now)),
      ...field("Author", textAt(json, "Author")),
      ...field("Size", sizeSpans(image)),
      ...field("Used by", users.length > 0 ? users.map(screenText).join(", ") : [[span("no container", "muted")]]),
    ],
    [
      ...field("Entrypoint", commandLine(textsAt(json, ...config("Entrypoint")))),
      ...field("Command", commandLine(textsAt(json, ...config("Cmd")))),
      ...field("Directory", textAt(json, ...config("WorkingDir"))),
      ...field("User", textAt(json, ...config("User"))),
      ...field("Ports", keysAt(json, ...config("ExposedPorts")).join("  ")),
      ...field("Volumes", keysAt(json, ...config("Volumes"))),
      ...field("Stop signal", textAt(json, ...config("StopSignal"))),
      ...field("Health check", commandLine(textsAt(json, ...config("Healthcheck", "Test")))),
      ...field("Environment", pairs(textsAt(json, ...config("Env")))),
      ...field("Labels", pairs(entriesAt(json, ...config("Labels")))),
    ],
    heading(
      "History, newest first",
      history.map((step) => historyLine(step, now)),
    ),
  );
}

function platformOf(json: unknown): string {
  return [textAt(json, "Os"), textAt(json, "Architecture"), textAt(json, "Variant")]
    .filter((part) => part !== "")
    .join("/");
}

export function createdSpans(time: string, now: number): Span[] {
  const passed = age(time, now);
  if (passed === "") return [];
  return [span(screenText(formatLocalTime(time))), span(`  ${passed} ago`, "muted")];
}

function sizeSpans({ size, sharedSize, layerCount }: ImageSummary): Span[] {
  const layers = `${layerCount} ${layerCount === 1 ? "layer" : "layers"}`;
  if (sharedSize === 0) return [span(formatBytes(size)), span(` in ${layers}, shared with no other image`, "muted")];
  return [
    span(formatBytes(size)),
    span(` in ${layers}: `, "muted"),
    span(formatBytes(size - sharedSize)),
    span(" its own, ", "muted"),
    span(formatBytes(sharedSize)),
    span(" shared with other images", "muted"),
  ];
}

const timeWidth = 5;
const sizeWidth = 10;
const idWidth = 14;

/** A step without a layer has neither size nor digest. */
function historyLine({ createdAt, size, diffID, createdBy, comment }: HistoryEntry, now: number): Line {
  return {
    spans: [
      ...fitSpans([span(age(createdAt, now), "muted")], timeWidth, "right"),
      ...fitSpans([span(diffID === null ? "" : formatBytes(size))], sizeWidth, "right"),
      span("  "),
      ...fitSpans([span(diffID === null ? "" : shortID(diffID), "faint")], idWidth),
      span(commandText(createdBy, comment), diffID === null ? "muted" : "text"),
    ],
    indent: timeWidth + sizeWidth + 2 + idWidth,
  };
}
