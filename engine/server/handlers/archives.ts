import type { Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";
import { download } from "./download.ts";

type ArchiveMethods = "images.save";

export function archiveHandlers({ images }: ServerParts): Pick<Handlers, ArchiveMethods> {
  return {
    "images.save": ({ streamID, ...request }, call) =>
      download(streamID, call, (output, work) => images.save(request, output, work)),
  };
}
