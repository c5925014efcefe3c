import type { ServerParts } from "../server/parts.ts";
import type { ApiCall } from "./api-call.ts";
import { byteOutput } from "./byte-output.ts";

/** Changes that are asked of the engine at once. */
const page = 2000;
const kinds = { changed: 0, added: 1, deleted: 2 } as const;

/** docker's list of what a container changed in its files, sent as it is found: it may be long. */
export async function sendChanges(containers: ServerParts["containers"], call: ApiCall): Promise<void> {
  const { id } = containers.get(call.param("id"));
  const output = byteOutput(call, { "Content-Type": "application/json" });
  let after: string | undefined;
  let isFirst = true;
  do {
    const { changes, next } = await containers.changes(id, page, after);
    const items = changes.map(({ path, kind }) => JSON.stringify({ Path: path, Kind: kinds[kind] }));
    if (items.length > 0) await output(Buffer.from(`${isFirst ? "[" : ","}${items.join(",")}`));
    isFirst &&= items.length === 0;
    after = next ?? undefined;
  } while (after !== undefined);
  if (isFirst) return call.reply(200, []);
  call.response.end("]\n");
}
