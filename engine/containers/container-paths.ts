import { join } from "node:path";
import type { EngineConfig } from "../config.ts";

/**
 * Everything of one container, and its OCI bundle at once:
 *
 *   <root>/containers/<id>/
 *     config.json                        the runtime spec of the last start
 *     rootfs/ upper/ work/ layers.json   the layer store's
 *     hosts hostname resolv.conf         bind-mounted over the image's
 *     container.log*                     what conmon writes, and what was put aside of it (logs/README.md)
 *     checkpoints/<name>/                processes as files, see checkpoints.ts
 *     health.json                        results of the last health checks
 *     attach ctl winsz                   conmon's sockets and fifos while it runs
 */
export type ContainerPaths = {
  readonly directory: string;
  readonly spec: string;
  readonly log: string;
  readonly health: string;
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
};

export function pathsOf(config: EngineConfig, id: string): ContainerPaths {
  const directory = join(config.root, "containers", id);
  return {
    directory,
    spec: join(directory, "config.json"),
    log: join(directory, "container.log"),
    health: join(directory, "health.json"),
    hosts: join(directory, "hosts"),
    hostname: join(directory, "hostname"),
    resolvConf: join(directory, "resolv.conf"),
  };
}
