import type { Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";

type TransferMethods = "images.search" | "registries.login";

export function transferHandlers({ registries }: ServerParts): Pick<Handlers, TransferMethods> {
  return {
    "images.search": ({ term, limit, credentials }, call) => registries.search(term, limit, credentials, call.signal),
    "registries.login": ({ registry, credentials }, call) => registries.login(registry, credentials, call.signal),
  };
}
