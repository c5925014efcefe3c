import { mountPoints } from "../../containers/own-changes.ts";
import { EngineError } from "../../errors.ts";
import type { BrowsedView } from "../../layers/files/file-browser.ts";
import type { DiffID } from "../../oci/digest.ts";
import type { FileSubject } from "../../protocol/files.ts";
import type { Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";
import { download } from "./download.ts";

type FilesMethods = Extract<keyof Handlers, `files.${string}`>;

export function filesHandlers(parts: ServerParts): Pick<Handlers, FilesMethods> {
  const { files } = parts;
  const about = <T>(subject: FileSubject, look: () => Promise<T>) => named(subject, () => held(parts, subject, look));
  return {
    "files.list": ({ subject, ...query }, { signal }) =>
      about(subject, () => files.list(viewOf(parts, subject), query, signal)),
    "files.waste": ({ subject, limit }, { signal }) =>
      about(subject, () => files.waste(viewOf(parts, subject), limit, signal)),
    "files.read": ({ subject, ...page }, { signal }) =>
      about(subject, async () => {
        const { bytes, size } = await files.read(viewOf(parts, subject), page, signal);
        return { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64"), size };
      }),
    "files.archive": ({ subject, path, streamID }, call) =>
      download(streamID, call, (output, { signal }) =>
        about(subject, async () => {
          let bytes = 0;
          for await (const chunk of files.archive(viewOf(parts, subject), path, signal)) {
            bytes += chunk.length;
            await output(chunk);
          }
          return { bytes };
        }),
      ),
    "files.compare": async ({ left, right, ...page }, { signal }) => {
      const sides = { left: viewOf(parts, left), right: viewOf(parts, right) };
      const leftLayers = chainOf(parts, left);
      const rightLayers = chainOf(parts, right);
      const compared = await files.compare({ ...sides, ...page }, signal);
      const isShared = (diffID: DiffID) => rightLayers.includes(diffID);
      return {
        sharedLayers: leftLayers.filter(isShared),
        leftLayers: leftLayers.filter((diffID) => !isShared(diffID)),
        rightLayers: rightLayers.filter((diffID) => !leftLayers.includes(diffID)),
        ...compared,
      };
    },
  };
}

function viewOf({ images, containers, volumes }: ServerParts, { type, name, layer, view }: FileSubject): BrowsedView {
  if (type === "image") return { layers: { chain: images.resolve(name).chain }, layer, view };
  if (type === "volume") {
    return { layers: { key: `volume ${name}`, directory: volumes.pathOf(volumes.get(name).name) }, layer, view };
  }
  return { layers: { writable: containers.get(name).id, mountPoints }, layer, view };
}

function chainOf({ images, containers }: ServerParts, { type, name }: FileSubject): readonly DiffID[] {
  if (type === "volume") throw new EngineError("unimplemented", "volumes cannot be compared");
  return images.resolve(type === "image" ? name : containers.get(name).imageID).chain;
}

/** With what a volume's options say mounted, meanwhile. */
async function held<T>({ volumes }: ServerParts, { type, name }: FileSubject, look: () => Promise<T>): Promise<T> {
  if (type !== "volume") return await look();
  await using _held = await volumes.hold([volumes.get(name).name]);
  return await look();
}

async function named<T>({ name }: FileSubject, look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof EngineError && error.message.includes(name)) throw error;
    throw EngineError.wrap(`files of ${name}`, error);
  }
}
