import type { ServerParts } from "../server/parts.ts";
import type { Route } from "./router.ts";
import { networkRoutes } from "./routes/networks.ts";
import { systemRoutes } from "./routes/system.ts";
import { volumeRoutes } from "./routes/volumes.ts";

/** All endpoints; where several fit, the first answers. */
export function createRoutes(parts: ServerParts): readonly Route[] {
  return [...systemRoutes(parts), ...networkRoutes(parts), ...volumeRoutes(parts)];
}
