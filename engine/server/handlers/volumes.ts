import type { volumeMethods } from "../../protocol/volumes.ts";
import type { Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";
import { download } from "./download.ts";
import { upload } from "./images.ts";

type VolumeMethods = keyof typeof volumeMethods;

export function volumeHandlers({ volumes }: ServerParts): Pick<Handlers, VolumeMethods> {
  return {
    "volumes.list": () => [...volumes.list()],
    "volumes.create": (request) => volumes.create(request),
    "volumes.inspect": ({ volume, usage }) => volumes.inspect(volume, usage ?? false),
    "volumes.remove": async ({ volume, force }) => {
      await volumes.remove(volume, force);
      return {};
    },
    "volumes.prune": ({ dryRun, ...options }) => volumes.prune(options, dryRun),
    "volumes.export": ({ volume, streamID }, call) =>
      download(streamID, call, (output, { signal }) => volumes.export(volume, output, signal)),
    "volumes.import": ({ volume, streamID }, call) =>
      upload(streamID, call, (tar, { signal }) => volumes.import(volume, tar, signal)),
  };
}
