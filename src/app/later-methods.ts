import type * as z from "zod/mini";
import type { lifecycleMethods } from "../../engine/protocol/lifecycle.ts";
import type { networkMethods } from "../../engine/protocol/networks.ts";
import type { volumeMethods } from "../../engine/protocol/volumes.ts";
import type { Dashboard } from "./dashboard.ts";

type Later = typeof networkMethods & typeof volumeMethods & typeof lifecycleMethods;

export function ask<M extends keyof Later>(
  dashboard: Pick<Dashboard, "client">,
  method: M,
  params: z.infer<Later[M]["params"]>,
): Promise<z.infer<Later[M]["result"]>> {
  return dashboard.client.request(method as never, params as never) as never;
}
