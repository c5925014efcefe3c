import type { ContainerSummary } from "../../../engine/protocol/containers.ts";
import type { Column } from "../../components/table.ts";
import { formatBytes } from "../../format/bytes.ts";
import { shortID } from "../../format/ids.ts";
import { screenText } from "../../format/screen-text.ts";
import type { Volume } from "../../store/mirror.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { span } from "../../theme/tokens.ts";
import { age } from "../age.ts";
import { type NetworkRow, userNames, userSpans, usersSpan } from "../networks/view-model.ts";

export type VolumeRow = {
  readonly id: string;
  readonly name: string;
  readonly anonymous: boolean;
  /** Bytes; null while nobody has looked. */
  readonly size: number | null;
  /** What is mounted there, where it is no plain directory: `tmpfs`, `nfs`, `bind /srv`. */
  readonly kind: string;
  readonly users: NetworkRow["users"];
  readonly age: string;
  readonly mountpoint: string;
};

export function volumeRow(volume: Volume, users: readonly ContainerSummary[], now: number): VolumeRow {
  return {
    id: volume.id,
    name: volumeName(volume),
    anonymous: volume.anonymous,
    size: volume.size,
    kind: kindOf(volume),
    users: userNames(users),
    age: age(volume.createdAt, now),
    mountpoint: screenText(volume.mountpoint),
  };
}

/** An anonymous one is called by the first of its 64 digits. */
export function volumeName({ name, anonymous }: Pick<Volume, "name" | "anonymous">): string {
  return screenText(anonymous ? shortID(name) : name);
}

function kindOf({ driver, options }: Volume): string {
  const type = options.type ?? "";
  const isBind = /(?:^|,)r?bind(?:,|$)/.test(options.o ?? "");
  const device = options.device ?? "";
  const words = [isBind ? "bind" : type === "none" ? "" : type, device === type ? "" : device];
  const text = words.filter((word) => word !== "").join(" ");
  return screenText(text === "" && driver !== "local" ? driver : text);
}

/** The most important first: what falls off a narrow screen has the highest priority number. */
export const volumeColumns: readonly Column<VolumeRow>[] = [
  {
    title: "NAME",
    minimum: 12,
    maximum: 40,
    priority: 0,
    spans: (row) => [
      span(row.name, row.anonymous ? "muted" : "strong"),
      span(row.anonymous ? " anonymous" : "", "faint"),
    ],
  },
  {
    title: "SIZE",
    minimum: 8,
    maximum: 8,
    priority: 1,
    align: "right",
    spans: (row) => [row.size === null ? span(glyphs.ellipsis, "faint") : span(formatBytes(row.size))],
  },
  { title: "KIND", optional: true, minimum: 5, maximum: 30, priority: 4, spans: (row) => [span(row.kind, "info")] },
  { title: "IN USE", minimum: 6, maximum: 6, priority: 2, align: "right", spans: (row) => [usersSpan(row.users)] },
  { title: "AGE", minimum: 4, maximum: 4, priority: 3, align: "right", spans: (row) => [span(row.age, "muted")] },
  { title: "CONTAINERS", optional: true, minimum: 12, maximum: 60, priority: 5, spans: (row) => userSpans(row.users) },
  { title: "PATH", minimum: 20, maximum: 60, priority: 6, spans: (row) => [span(row.mountpoint, "faint")] },
];
