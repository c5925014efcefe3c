import type { ServerParts } from "../../server/parts.ts";
import type { ApiCall } from "../api-call.ts";
import type { Route } from "../router.ts";

export function systemRoutes(_parts: ServerParts): Route[] {
  return [{ method: "GET", path: "/_ping", handle: ping }];
}

/** Headers are all that a client looks at. */
function ping({ response }: ApiCall): void {
  response.writeHead(200, {
    // The classic builder: a client with BuildKit would go by /grpc.
    "Builder-Version": "1",
    "Cache-Control": "no-cache, no-store, must-revalidate",
    Pragma: "no-cache",
    Swarm: "inactive",
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": 2,
  });
  response.end("OK");
}
