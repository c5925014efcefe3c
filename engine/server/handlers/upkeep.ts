import type { Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";

type UpkeepMethods = "images.prune" | "system.diskUsage" | "system.fsck";

export function upkeepHandlers({ images, containers, volumes, networks }: ServerParts): Pick<Handlers, UpkeepMethods> {
  return {
    "images.prune": ({ dryRun, ...options }) => images.prune(options, dryRun),
    "system.fsck": async ({ repair }, call) => {
      const report = await images.fsck(repair, { signal: call.signal, onProgress: call.report });
      const others = [
        ...(await containers.fsck(repair)),
        ...(await volumes.fsck(repair)),
        ...(await networks.fsck(repair)),
      ];
      return { ...report, findings: [...report.findings, ...others] };
    },
    "system.diskUsage": async () => {
      const [ofImages, ofContainers, ofVolumes] = await Promise.all([
        images.diskUsage(),
        containers.diskUsage(),
        volumes.diskUsage(),
      ]);
      return {
        ...ofImages,
        containers: ofContainers,
        volumes: ofVolumes,
      };
    },
  };
}
