import { randomBytes } from "node:crypto";
import { EngineError } from "../errors.ts";
import { settleAll } from "../lib/settle.ts";
import type { DiffID } from "../oci/digest.ts";
import type { CreateRequest } from "../protocol/create-request.ts";
import { refusePinning } from "./bind-propagation.ts";
import { checkSpec } from "./bundle.ts";
import { checkRequest, checkSources } from "./check-request.ts";
import { publishEvent } from "./container-events.ts";
import { chooseIDs } from "./container-isolation.ts";
import { createName, parseName } from "./container-names.ts";
import { checkNetworks } from "./container-networks.ts";
import { type ContainerRecord, initialState } from "./container-record.ts";
import type { CreateOptions } from "./container-service.ts";
import { abandonRecord, claimsOf, fillVolumes, insertWithVolumes } from "./container-volumes.ts";
import { pinJoined } from "./joined-containers.ts";
import { pinLinks } from "./links.ts";
import type { ContainerParts } from "./parts.ts";
import { resolveMounts } from "./resolve-mounts.ts";
import { resolveRequest } from "./resolve-request.ts";

/** Claims the name, then makes the writable layer. Leaves nothing where it fails. */
export async function createContainer(
  parts: ContainerParts,
  asked: CreateRequest,
  options: CreateOptions,
): Promise<{ id: string; warnings: string[] }> {
  // Mostly it is started next.
  parts.runtime.expectProcess();
  const request = pinLinks(parts, pinJoined(parts, asked));
  const warnings = checkRequest(request);
  parts.logs.check(request);
  checkNetworks(parts, request, options);
  await checkSources(request.mounts);
  const id = createID(parts);
  const image = parts.images.resolve(request.image);
  const mounts = resolveMounts(parts, request, image.config.volumes);
  refusePinning(request.mounts, parts.config);
  const draft: ContainerRecord = {
    id,
    name: request.name ? parseName(request.name) : "",
    imageID: image.id,
    createdAt: new Date().toISOString(),
    request,
    resolution: { ...resolveRequest(id, request, image), ...(mounts === null ? {} : { mounts }) },
    state: initialState,
  };
  warnings.push(...(await checkSpec(parts, draft)));
  const claims = claimsOf(draft);
  for (const one of claims) parts.volumes.check(one);
  // Behind the queue's door, so that nobody starts or removes it half made.
  const record = await parts.queue.run(id, async () => {
    if (claims.length > 0) await parts.volumes.settled(claims.map(({ name }) => name));
    const claimed = claim(parts, draft);
    try {
      if (claims.length > 0) await parts.volumes.make(id);
      const ids = chooseIDs(parts, request);
      await settleAll([parts.layers.prepare(id, image.chain as readonly DiffID[], ids), parts.table.settled()]);
      if (claims.length > 0) await fillVolumes(parts, claimed);
    } catch (error) {
      await parts.layers.remove(id).catch((second) => parts.log.error("undo of create failed", { id, error: second }));
      await abandonRecord(parts, id);
      throw EngineError.wrap(`create container ${claimed.name}`, error);
    }
    return claimed;
  });
  publishEvent(parts, record, "create");
  return { id, warnings };
}

/** In one turn of the event loop: nobody picks the same name, or removes the image, in between. */
function claim(parts: ContainerParts, draft: ContainerRecord): ContainerRecord {
  parts.images.resolve(draft.imageID);
  const name = draft.name || createName((taken) => parts.table.isNameTaken(taken));
  const record = { ...draft, name };
  insertWithVolumes(parts, record);
  return record;
}

/** 64 hex digits as docker's, never all decimal in the first 12: a hostname of digits only is taken for a number. */
function createID(parts: ContainerParts): string {
  for (;;) {
    const id = randomBytes(32).toString("hex");
    if (!/^\d{12}/.test(id) && parts.table.find(id) === null) return id;
  }
}
