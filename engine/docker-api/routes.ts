import type { ServerParts } from "../server/parts.ts";
import type { Route } from "./router.ts";
import { systemRoutes } from "./routes/system.ts";

/** All endpoints; where several fit, the first answers. */
export function createRoutes(parts: ServerParts): readonly Route[] {
  return [...systemRoutes(parts)];
}
