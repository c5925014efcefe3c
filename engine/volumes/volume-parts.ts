import { join } from "node:path";
import type { EventBus } from "../events/event-bus.ts";
import type { Archives } from "../layers/archives.ts";
import type { Trash } from "../layers/trash.ts";
import type { Batched } from "../lib/batched.ts";
import type { KeyedQueue } from "../lib/keyed-queue.ts";
import type { Tally } from "../lib/tally.ts";
import type { Log } from "../log.ts";
import type { VolumeMounts } from "./volume-mounts.ts";
import type { VolumeSizes } from "./volume-sizes.ts";
import type { VolumeTable } from "./volume-table.ts";

/** What the acts on volumes share. */
export type VolumeParts = {
  /** `<root>/volumes` */
  readonly directory: string;
  readonly table: VolumeTable;
  readonly mounts: VolumeMounts;
  readonly sizes: VolumeSizes;
  readonly archives: Archives;
  readonly trash: Trash;
  readonly events: EventBus;
  readonly log: Log;
  /** One act at a time a volume: making, mounting, filling, removing. */
  readonly queue: KeyedQueue;
  /** Names that an export or import is at work on. */
  readonly busy: Tally;
  /** Makes names in the volumes' directory durable: one sync for all who ask. */
  readonly namesSync: Batched;
};

export type VolumePaths = {
  /** Of the volume. */
  readonly directory: string;
  /** What containers see. */
  readonly data: string;
};

export function pathsOfVolume(directory: string, name: string): VolumePaths {
  const own = join(directory, name);
  return { directory: own, data: join(own, "_data") };
}

/** docker's attributes. To be called after the change is durable. */
export function publishVolumeEvent(
  { events }: Pick<VolumeParts, "events">,
  action: string,
  name: string,
  attributes: Readonly<Record<string, string>> = {},
): void {
  events.publish({ type: "volume", action, id: name, attributes: { driver: "local", ...attributes } });
}
