import { exportShown } from "../../containers/shown-export.ts";
import type { archiveMethods } from "../../protocol/archives.ts";
import type { Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";
import { download } from "./download.ts";
import { upload } from "./images.ts";

type ArchiveMethods = keyof typeof archiveMethods;

export function archiveHandlers(parts: ServerParts): Pick<Handlers, ArchiveMethods> {
  const { images, containers } = parts;
  return {
    "images.save": ({ streamID, ...request }, call) =>
      download(streamID, call, (output, work) => images.save(request, output, work)),
    "containers.export": ({ container, streamID }, call) =>
      download(streamID, call, (output, work) => exportShown(parts, container, { output, work })),
    "containers.commit": ({ container, ...request }, call) =>
      containers.archives.commit(container, request, { signal: call.signal, onProgress: call.report }),
    "containers.statPath": ({ container, path }) => containers.archives.statPath(container, path),
    "containers.copyOut": ({ container, streamID, ...from }, call) =>
      download(streamID, call, (output, work) => containers.archives.copyOut(container, from, { output, work })),
    "containers.copyIn": ({ container, streamID, ...options }, call) =>
      upload(streamID, call, (tar, work) => containers.archives.copyIn(container, options, { tar, work })),
  };
}
