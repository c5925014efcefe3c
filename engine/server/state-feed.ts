import type { BuildService } from "../builder/build-service.ts";
import type { ContainerService } from "../containers/container-service.ts";
import type { Operations } from "../events/operations.ts";
import type { ImageService } from "../images/image-service.ts";
import { Listeners } from "../lib/listeners.ts";
import type { NetworkService } from "../networks/network-service.ts";
import type { ContainerSummary } from "../protocol/containers.ts";
import type { ImageSummary } from "../protocol/images.ts";
import type { StateItem } from "../protocol/state.ts";
import type { VolumeService } from "../volumes/volume-service.ts";

type Change = {
  readonly containers: readonly string[];
  readonly images: readonly string[];
  readonly operations: boolean;
  readonly volumes?: boolean;
  readonly networks?: boolean;
  readonly builds?: boolean;
};

export type StateSources = {
  readonly containers: ContainerService;
  readonly images: ImageService;
  readonly operations: Operations;
  readonly volumes: VolumeService;
  readonly networks: NetworkService;
  readonly builds: BuildService;
};

/** More than this many changes missed: a snapshot is shorter. */
const keptChanges = 1000;

/**
 * Numbers every change of containers, images, networks, volumes, builds and operations, and remembers which objects the last ones touched. A reader holds
 * only the revision it has seen: what it gets is made from the values of now, so that two changes of one object become one.
 */
export class StateFeed implements Disposable {
  readonly #sources: StateSources;
  readonly #listeners = new Listeners<number>();
  readonly #detach: (() => void)[];
  readonly #changes: Change[] = [];
  #revision = 0;
  #images = new Map<string, string>();
  #containerIDs = new Set<string>();
  #pendingImages = false;
  #areImagesStale = true;

  constructor(sources: StateSources) {
    this.#sources = sources;
    this.#detach = [
      sources.containers.onChange((ids) => this.#touchContainers(ids)),
      sources.images.onChange(() => this.#touchImages()),
      sources.operations.onChange(() => this.#record({ containers: [], images: [], operations: true })),
      sources.networks.onChange(() => this.#record({ containers: [], images: [], operations: false, networks: true })),
      sources.volumes.onChange(() => this.#record({ containers: [], images: [], operations: false, volumes: true })),
      sources.builds.onChange(() => this.#record({ containers: [], images: [], operations: false, builds: true })),
    ];
  }

  get revision(): number {
    return this.#revision;
  }

  onChange(listener: (revision: number) => void): () => void {
    return this.#listeners.add(listener);
  }

  snapshot(): StateItem {
    this.#diffImages();
    return {
      type: "snapshot",
      revision: this.#revision,
      containers: [...this.#sources.containers.list(true)],
      images: [...this.#sources.images.list()],
      networks: [...this.#sources.networks.list()],
      volumes: [...this.#sources.volumes.list()],
      builds: [...this.#sources.builds.list()],
      operations: this.#sources.operations.list(),
    };
  }

  /** All that changed after `revision`, or null if nothing did. A snapshot where that is no longer known. */
  since(revision: number): StateItem | null {
    if (this.#areImagesStale) this.#diffImages();
    const missed = this.#revision - revision;
    if (missed === 0) return null;
    if (missed < 0 || missed > this.#changes.length) return this.snapshot();
    return this.#merge(this.#changes.slice(-missed));
  }

  [Symbol.dispose](): void {
    for (const detach of this.#detach) detach();
  }

  #merge(changes: readonly Change[]): StateItem {
    const containerIDs = new Set(changes.flatMap((change) => change.containers));
    const imageIDs = new Set(changes.flatMap((change) => change.images));
    const containers = new Map<string, ContainerSummary>();
    for (const summary of containerIDs.size > 0 ? this.#sources.containers.list(true) : []) {
      if (containerIDs.has(summary.id)) containers.set(summary.id, summary);
    }
    const images = new Map<string, ImageSummary>();
    for (const summary of imageIDs.size > 0 ? this.#sources.images.list() : []) {
      if (imageIDs.has(summary.id)) images.set(summary.id, summary);
    }
    return {
      type: "change",
      revision: this.#revision,
      containers: [...containers.values()],
      removedContainers: [...containerIDs].filter((id) => !containers.has(id)),
      images: [...images.values()],
      removedImages: [...imageIDs].filter((id) => !images.has(id)),
      ...(changes.some((change) => change.networks) ? { networks: [...this.#sources.networks.list()] } : {}),
      ...(changes.some((change) => change.volumes) ? { volumes: [...this.#sources.volumes.list()] } : {}),
      ...(changes.some((change) => change.builds) ? { builds: [...this.#sources.builds.list()] } : {}),
      operations: changes.some((change) => change.operations) ? this.#sources.operations.list() : null,
    };
  }

  #touchContainers(ids: readonly string[]): void {
    this.#record({ containers: ids, images: [], operations: false });
    // An image's row names the containers made from it.
    const known = new Set(this.#sources.containers.list(true).map((summary) => summary.id));
    if (ids.some((id) => known.has(id) !== this.#containerIDs.has(id))) this.#touchImages();
    this.#containerIDs = known;
  }

  /** Image changes come without names: the next look compares. Once a tick, and only while somebody looks. */
  #touchImages(): void {
    this.#areImagesStale = true;
    if (this.#pendingImages || this.#listeners.size === 0) return;
    this.#pendingImages = true;
    setImmediate(() => {
      this.#pendingImages = false;
      this.#diffImages();
    });
  }

  #diffImages(): void {
    if (!this.#areImagesStale) return;
    this.#areImagesStale = false;
    const now = new Map(this.#sources.images.list().map((summary) => [summary.id, JSON.stringify(summary)]));
    const before = this.#images;
    this.#images = now;
    const touched = [...new Set([...before.keys(), ...now.keys()])].filter((id) => before.get(id) !== now.get(id));
    if (touched.length > 0) this.#record({ containers: [], images: touched, operations: false });
  }

  #record(change: Change): void {
    this.#revision += 1;
    this.#changes.push(change);
    if (this.#changes.length > keptChanges) this.#changes.shift();
    this.#listeners.emit(this.#revision);
  }
}
