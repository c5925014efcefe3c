import type { ServerParts } from "../server/parts.ts";
import type { Route } from "./router.ts";
import { absentRoutes } from "./routes/absent.ts";
import { containerLifeRoutes } from "./routes/container-life.ts";
import { containerRoutes } from "./routes/containers.ts";
import { eventRoutes } from "./routes/events.ts";
import { imageTransferRoutes } from "./routes/image-transfers.ts";
import { imageRoutes } from "./routes/images.ts";
import { networkRoutes } from "./routes/networks.ts";
import { systemRoutes } from "./routes/system.ts";
import { volumeRoutes } from "./routes/volumes.ts";

/** All endpoints; where several fit, the first answers. */
export function createRoutes(parts: ServerParts): readonly Route[] {
  return [
    ...systemRoutes(parts),
    ...eventRoutes(parts),
    ...absentRoutes(parts),
    ...imageRoutes(parts),
    ...imageTransferRoutes(parts),
    ...containerRoutes(parts),
    ...containerLifeRoutes(parts),
    ...networkRoutes(parts),
    ...volumeRoutes(parts),
  ];
}
