import type { ServerParts } from "../server/parts.ts";
import type { Route } from "./router.ts";
import { absentRoutes } from "./routes/absent.ts";
import { archiveRoutes } from "./routes/archives.ts";
import { attachRoutes } from "./routes/attach.ts";
import { buildRoutes } from "./routes/builds.ts";
import { checkpointRoutes } from "./routes/checkpoints.ts";
import { containerLifeRoutes } from "./routes/container-life.ts";
import { containerRoutes } from "./routes/containers.ts";
import { diskUsageRoutes } from "./routes/disk-usage.ts";
import { distributionRoutes } from "./routes/distribution.ts";
import { eventRoutes } from "./routes/events.ts";
import { execRoutes } from "./routes/execs.ts";
import { imageTransferRoutes } from "./routes/image-transfers.ts";
import { imageRoutes } from "./routes/images.ts";
import { logRoutes } from "./routes/logs.ts";
import { networkRoutes } from "./routes/networks.ts";
import { statsRoutes } from "./routes/stats.ts";
import { systemRoutes } from "./routes/system.ts";
import { volumeRoutes } from "./routes/volumes.ts";

/** All endpoints; where several fit, the first answers. */
export function createRoutes(parts: ServerParts): readonly Route[] {
  return [
    ...systemRoutes(parts),
    ...archiveRoutes(parts),
    ...attachRoutes(parts),
    ...execRoutes(parts),
    ...logRoutes(parts),
    ...eventRoutes(parts),
    ...diskUsageRoutes(parts),
    ...distributionRoutes(parts),
    ...absentRoutes(parts),
    ...imageRoutes(parts),
    ...imageTransferRoutes(parts),
    ...buildRoutes(parts),
    ...checkpointRoutes(parts),
    ...containerRoutes(parts),
    ...containerLifeRoutes(parts),
    ...statsRoutes(parts),
    ...networkRoutes(parts),
    ...volumeRoutes(parts),
  ];
}
