import type * as z from "zod/mini";
import type { MethodName, MethodParams } from "../../engine/protocol/methods.ts";
import type { networkMethods } from "../../engine/protocol/networks.ts";
import type { EngineClient } from "../client/connection.ts";

type Methods = typeof networkMethods;

/** Requests about networks, of which not every engine knows: an older one says so. */
export function askNetworks<M extends keyof Methods>(
  client: EngineClient,
  method: M,
  params: z.infer<Methods[M]["params"]>,
): Promise<z.infer<Methods[M]["result"]>> {
  return client.request(method as string as MethodName, params as MethodParams<MethodName>) as Promise<
    z.infer<Methods[M]["result"]>
  >;
}
