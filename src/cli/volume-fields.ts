import type { VolumeSummary } from "../../engine/protocol/volumes.ts";
import { formatBytesFinely } from "../format/bytes.ts";
import { anyHolds, type Filters, labelsHold, parsePattern, parseTruthFilter } from "./filters.ts";
import { joinLabels, labelReader } from "./label-fields.ts";
import type { Fields, ListingSpec } from "./listing.ts";

export const volumeListing: ListingSpec = {
  headers: {
    Name: "VOLUME NAME",
    Driver: "DRIVER",
    Scope: "SCOPE",
    Availability: "AVAILABILITY",
    Group: "GROUP",
    Status: "STATUS",
    Mountpoint: "MOUNTPOINT",
    Label: (key) => key,
    Labels: "LABELS",
    Links: "LINKS",
    Size: "SIZE",
  },
  columns: ["Driver", "Name"],
  quietField: "Name",
};

/** A volume as docker's `volume ls` shows it, with what docker knows only in `system df`: its size, and who uses it. */
export function volumeFields(volume: VolumeSummary): Fields {
  const { labels } = volume;
  return {
    Availability: "N/A",
    Driver: volume.driver,
    Group: "N/A",
    Label: labelReader(labels),
    Labels: joinLabels(labels),
    Links: String(volume.usedBy.length),
    Mountpoint: volume.mountpoint,
    Name: volume.name,
    Scope: "local",
    Size: volume.size === null ? "N/A" : formatBytesFinely(volume.size),
    Status: "N/A",
  };
}

/** Keys of `volume ls --filter`. */
export const volumeFilterKeys = ["dangling", "driver", "label", "name"];

export function filterVolumes(volumes: readonly VolumeSummary[], filters: Filters): VolumeSummary[] {
  const dangling = parseTruthFilter(filters, "dangling");
  return volumes.filter(
    (volume) =>
      anyHolds(filters, "driver", (value) => volume.driver === value) &&
      anyHolds(filters, "name", (value) => parsePattern(value).test(volume.name)) &&
      labelsHold(filters, volume.labels) &&
      (dangling === null || dangling === (volume.usedBy.length === 0)),
  );
}
