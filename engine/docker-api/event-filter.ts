import { matchesLabels } from "../lib/label-filter.ts";
import { familiarName, parseReference } from "../oci/reference.ts";
import type { EngineEvent } from "../protocol/events.ts";
import type { Filters } from "./filters.ts";

/** Objects whose names are filters by themselves; of the last ones there are none here. */
const objects = ["container", "daemon", "network", "plugin", "volume", "node", "service", "secret", "config"];
/** Actions with more behind a colon, which these words alone mean as well. */
const prefixes = ["health_status", "exec_create", "exec_start"];

/** As moby's daemon/events/filter.go: objects by the beginning of their id or name, images with or without their tag. */
export function eventPasses(event: EngineEvent, filters: Filters): boolean {
  const holds = (key: string, isTrue: (value: string) => boolean) => filters.get(key)?.some(isTrue) ?? true;
  const { id, type, action, attributes } = event;
  const isWide = filters.get("event")?.some((value) => prefixes.includes(value)) ?? false;
  const names = [id, attributes.name ?? ""];
  const images = [id, (type === "image" ? attributes.name : attributes.image) ?? ""];
  return (
    holds("event", (value) => (isWide ? action.startsWith(value) : action === value)) &&
    holds("type", (value) => value === type) &&
    holds("scope", (value) => value === "local") &&
    objects.every((key) => holds(key, (value) => names.some((name) => name.startsWith(value)))) &&
    holds("image", (value) => images.some((name) => name === value || withoutTag(name) === value)) &&
    matchesLabels(attributes, filters.get("label") ?? [])
  );
}

function withoutTag(name: string): string {
  try {
    return familiarName(parseReference(name));
  } catch {
    return name;
  }
}
