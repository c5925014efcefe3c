import type { BuildService } from "../../builder/build-service.ts";
import { EngineError } from "../../errors.ts";
import type { BuildRequest, BuildResult, buildMethods } from "../../protocol/builds.ts";
import type { ByteStream } from "../byte-stream.ts";
import type { Call, Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";
import { openDownload } from "./download.ts";
import { openUpload } from "./images.ts";

type BuildMethods = keyof typeof buildMethods;

export function buildHandlers({ builds }: ServerParts): Pick<Handlers, BuildMethods> {
  return {
    "builds.run": ({ request, detached }, call) => (detached ? begin(builds, request) : run(builds, request, call)),
    "builds.list": () => [...builds.list()],
    "builds.inspect": ({ build }) => builds.inspect(build),
    "builds.cancel": ({ build }) => {
      builds.cancel(build);
      return {};
    },
    "builds.retry": ({ build }) => ({ buildID: builds.retry(build) }),
    "builds.remove": ({ builds: names }) => {
      builds.remove(names);
      return {};
    },
    "builds.debug": ({ build }) => builds.debug(build),
    "builder.usage": () => builds.usage(),
    "builder.prune": (options) => {
      if (options.until !== null && Number.isNaN(Date.parse(options.until))) {
        throw new EngineError("invalid-argument", `until ${JSON.stringify(options.until)} is no time`);
      }
      return builds.prune(options);
    },
  };
}

/** Goes on when the client goes, so it cannot need any of the client's streams. What becomes of it is in the list of builds. */
function begin(builds: BuildService, request: BuildRequest): BuildResult {
  if (request.streamID !== undefined || request.outputStreamID !== undefined) {
    throw new EngineError(
      "invalid-argument",
      `build ${request.buildID}: it needs its client, so it cannot go on alone`,
    );
  }
  builds.run(request, { context: null, output: null }, new AbortController().signal).catch(() => undefined);
  return { imageID: null, digest: null, warnings: [] };
}

/** Cancelled when any of the client's connections goes before it has done its part. */
async function run(builds: BuildService, request: BuildRequest, call: Call): Promise<BuildResult> {
  const { streamID, outputStreamID } = request;
  const opened: ByteStream[] = [];
  try {
    const upload = streamID === undefined ? null : await openUpload(streamID, call);
    if (upload !== null) opened.push(upload.stream);
    const download = outputStreamID === undefined ? null : await openDownload(outputStreamID, call);
    if (download !== null) opened.push(download.stream);
    const torn = [upload, download].flatMap((transfer) => (transfer === null ? [] : [transfer.signal]));
    const streams = { context: upload?.chunks ?? null, output: download?.output ?? null };
    const result = await builds.run(request, streams, AbortSignal.any([call.signal, ...torn]));
    for (const stream of opened) stream.exit(null);
    return result;
  } catch (error) {
    for (const stream of opened) stream.fail(error);
    throw error;
  }
}
