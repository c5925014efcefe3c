import type { Handlers } from "./call.ts";
import { archiveHandlers } from "./handlers/archives.ts";
import { buildHandlers } from "./handlers/builds.ts";
import { containerHandlers } from "./handlers/containers.ts";
import { filesHandlers } from "./handlers/files.ts";
import { imageHandlers } from "./handlers/images.ts";
import { lifecycleHandlers } from "./handlers/lifecycle.ts";
import { logHandlers } from "./handlers/logs.ts";
import { networkHandlers } from "./handlers/networks.ts";
import { systemHandlers } from "./handlers/system.ts";
import { transferHandlers } from "./handlers/transfers.ts";
import { upkeepHandlers } from "./handlers/upkeep.ts";
import { volumeHandlers } from "./handlers/volumes.ts";
import type { ServerParts } from "./parts.ts";
import { parseTopic } from "./topics.ts";

/** What answers each method. */
export function createHandlers(parts: ServerParts): Handlers {
  return {
    ...systemHandlers(parts),
    ...containerHandlers(parts),
    ...lifecycleHandlers(parts),
    ...imageHandlers(parts),
    ...logHandlers(parts),
    ...filesHandlers(parts),
    ...transferHandlers(parts),
    ...upkeepHandlers(parts),
    ...archiveHandlers(parts),
    ...volumeHandlers(parts),
    ...networkHandlers(parts),
    ...buildHandlers(parts),
    subscribe: ({ topic, params }, call) => ({ subscriptionID: call.subscribe(parseTopic(topic), params) }),
    unsubscribe: ({ subscriptionID }, call) => {
      call.unsubscribe(subscriptionID);
      return {};
    },
  };
}
