import type { BuildService } from "../builder/build-service.ts";
import type { EngineConfig } from "../config.ts";
import type { ContainerService } from "../containers/container-service.ts";
import type { EventBus } from "../events/event-bus.ts";
import type { Operations } from "../events/operations.ts";
import type { ImageService } from "../images/image-service.ts";
import type { FileBrowser } from "../layers/files/file-browser.ts";
import type { Log } from "../log.ts";
import type { LogReader } from "../logs/log-reader.ts";
import type { StatsSampler } from "../metrics/stats-sampler.ts";
import type { NetworkService } from "../networks/network-service.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import type { VolumeService } from "../volumes/volume-service.ts";

/** What the engine is, as the handshake and `system.info` tell it. */
export type EngineIdentity = {
  /** New at every start. */
  readonly epoch: string;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly cgroupMode: "v1" | "v2" | "hybrid";
  readonly runtime: string;
  readonly runtimeVersion: string;
};

/** Everything that requests reach. */
export type ServerParts = {
  readonly config: EngineConfig;
  readonly identity: EngineIdentity;
  readonly containers: ContainerService;
  readonly images: ImageService;
  readonly networks: NetworkService;
  readonly volumes: VolumeService;
  readonly builds: BuildService;
  readonly files: FileBrowser;
  readonly registries: RegistryClient;
  readonly sampler: StatsSampler;
  readonly logs: LogReader;
  readonly events: EventBus;
  readonly operations: Operations;
  readonly log: Log;
  /** Begins the engine's orderly end. */
  readonly shutdown: () => void;
};
