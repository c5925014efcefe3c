import type { Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";

type UpkeepMethods = "images.prune" | "system.diskUsage";

export function upkeepHandlers({ images, containers }: ServerParts): Pick<Handlers, UpkeepMethods> {
  return {
    "images.prune": ({ dryRun, ...options }) => images.prune(options, dryRun),
    "system.diskUsage": async () => {
      const [ofImages, ofContainers] = await Promise.all([images.diskUsage(), containers.diskUsage()]);
      return { ...ofImages, containers: ofContainers };
    },
  };
}
