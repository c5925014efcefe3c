import type { ContainerSummary } from "../../../engine/protocol/containers.ts";
import { formatBytes } from "../../format/bytes.ts";
import { screenText } from "../../format/screen-text.ts";
import type { Volume } from "../../store/mirror.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { type Line, span } from "../../theme/tokens.ts";
import { createdSpans } from "../images/details-page.ts";
import { sortedPairs } from "../networks/details-page.ts";
import { field, heading, page, pairs } from "../page.ts";

/** All about a volume, to be read by a person. `users`: containers that name it. */
export function volumePage(volume: Volume, users: readonly ContainerSummary[], now: number): Line[] {
  const { name, anonymous, driver, mountpoint, size } = volume;
  const kept = "made for a container without a name given; goes with it by rm -v, and by prune";
  return page(
    [
      ...field("Name", name, "strong"),
      ...field("Anonymous", anonymous ? kept : ""),
      ...field("Driver", driver),
      ...field("Created", createdSpans(volume.createdAt, now)),
      ...field("Path", mountpoint),
      ...field("Size", size === null ? [[span("not looked at yet", "muted")]] : formatBytes(size)),
    ],
    field("Options", pairs(sortedPairs(volume.options))),
    field("Labels", pairs(sortedPairs(volume.labels))),
    heading(
      `Containers ${users.length === 0 ? "" : users.length}`.trim(),
      users.length === 0 ? [{ spans: [span("none", "muted")] }] : users.map((user) => userLine(user, name)),
    ),
  );
}

function userLine(user: ContainerSummary, volume: string): Line {
  const live = user.pid !== null;
  const places = user.mounts.filter(({ name }) => name === volume);
  return {
    spans: [
      span(`${live ? glyphs.dot : glyphs.ring} `, live ? "ok" : "faint"),
      span(screenText(user.name), live ? "text" : "muted"),
      ...places.flatMap(({ target, readOnly }) => [
        span("  at ", "faint"),
        span(screenText(target)),
        span(readOnly ? " read-only" : "", "muted"),
      ]),
      span(live ? "" : `  ${user.status}`, "muted"),
    ],
    indent: 4,
  };
}
