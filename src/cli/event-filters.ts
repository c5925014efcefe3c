import type { EngineEvent } from "../../engine/protocol/events.ts";
import { anyHolds, type Filters, labelsHold } from "./filters.ts";

/** Keys of `events --filter`. */
export const eventFilterKeys = ["container", "daemon", "event", "image", "label", "network", "scope", "type", "volume"];

/** As docker's engine looks at them: names and ids by their beginning, images with or without their tag. */
export function eventPasses(event: EngineEvent, filters: Filters): boolean {
  return (
    anyHolds(filters, "type", (value) => event.type === value) &&
    anyHolds(filters, "event", (value) => event.action === value || event.action.startsWith(`${value}:`)) &&
    anyHolds(filters, "scope", (value) => value === "local") &&
    (["container", "daemon", "network", "volume"] as const).every((type) =>
      anyHolds(filters, type, (value) => event.type === type && bearsName(event, value)),
    ) &&
    anyHolds(filters, "image", (value) => isOfImage(event, value)) &&
    labelsHold(filters, event.attributes)
  );
}

function bearsName({ id, attributes }: EngineEvent, value: string): boolean {
  return id.startsWith(value) || (attributes.name?.startsWith(value) ?? false);
}

function isOfImage({ id, type, attributes }: EngineEvent, value: string): boolean {
  const names = [type === "image" ? id : "", type === "image" ? attributes.name : attributes.image];
  return names.some((name) => name !== undefined && name !== "" && (name === value || withoutTag(name) === value));
}

/** A colon before the last slash belongs to a registry's port. */
function withoutTag(name: string): string {
  const colon = name.lastIndexOf(":");
  return colon > name.lastIndexOf("/") ? name.slice(0, colon) : name;
}
