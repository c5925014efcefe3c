import type { ContainerRecord } from "./container-record.ts";
import type { ContainerParts } from "./parts.ts";

/**
 * docker's attributes: image, name, the labels, and what the action adds. To be called after the change is durable. isRoutine: see
 * EventBus.
 */
export function publishEvent(
  parts: Pick<ContainerParts, "events">,
  record: ContainerRecord,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
  isRoutine = false,
): void {
  parts.events.publish({
    type: "container",
    action,
    id: record.id,
    attributes: { ...record.resolution.labels, image: record.request.image, name: record.name, ...attributes },
    isRoutine,
  });
}
