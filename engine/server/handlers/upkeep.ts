import type { Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";

type UpkeepMethods = "images.prune" | "system.diskUsage" | "system.fsck";

export function upkeepHandlers({ images, containers }: ServerParts): Pick<Handlers, UpkeepMethods> {
  return {
    "images.prune": ({ dryRun, ...options }) => images.prune(options, dryRun),
    "system.fsck": async ({ repair }, call) => {
      const report = await images.fsck(repair, { signal: call.signal, onProgress: call.report });
      return { ...report, findings: [...report.findings, ...(await containers.fsck(repair))] };
    },
    "system.diskUsage": async () => {
      const [ofImages, ofContainers] = await Promise.all([images.diskUsage(), containers.diskUsage()]);
      return {
        ...ofImages,
        containers: ofContainers,
        volumes: { total: 0, active: 0, size: 0, reclaimable: 0, items: [] },
      };
    },
  };
}
