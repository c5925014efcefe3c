import type { Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";

type TransferMethods = "images.pull" | "images.push" | "images.search" | "registries.login";

export function transferHandlers({ images, registries }: ServerParts): Pick<Handlers, TransferMethods> {
  return {
    "images.pull": async (request, call) => ({
      images: await images.pull(request, { signal: call.signal, onProgress: call.report }),
    }),
    "images.push": async (request, call) => ({
      images: await images.push(request, { signal: call.signal, onProgress: call.report }),
    }),
    "images.search": ({ term, limit, credentials }, call) => registries.search(term, limit, credentials, call.signal),
    "registries.login": ({ registry, credentials }, call) => registries.login(registry, credentials, call.signal),
  };
}
