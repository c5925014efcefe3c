import { isPredefined, type NetworkRecord } from "./network-record.ts";
import type { PruneFilter } from "./network-service.ts";

/** Networks that nobody uses and the filter lets through; labels as images.prune has them: `key`, `key=value`, `!key`, … */
export function choosePrunable(
  networks: readonly NetworkRecord[],
  filter: PruneFilter,
  isUsed: (network: NetworkRecord) => boolean,
): NetworkRecord[] {
  const until = filter.until === null ? null : Date.parse(filter.until);
  return networks.filter(
    (network) =>
      !isPredefined(network) &&
      !isUsed(network) &&
      !filter.isNamed(network) &&
      (until === null || Date.parse(network.createdAt) < until) &&
      filter.labels.every((label) =>
        label.startsWith("!") ? !hasLabel(network.labels, label.slice(1)) : hasLabel(network.labels, label),
      ),
  );
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const [key = "", ...rest] = wanted.split("=");
  return Object.hasOwn(labels, key) && (rest.length === 0 || labels[key] === rest.join("="));
}
