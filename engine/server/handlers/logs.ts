import type { Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";

export function logHandlers(parts: ServerParts): Pick<Handlers, "logs.page" | "stats.sample" | "stats.history"> {
  return {
    "logs.page": ({ container, before, limit, contains }) => {
      const source = parts.containers.logSource(container);
      return parts.logs.page(source.container, source.path, { before, limit, contains });
    },
    "stats.sample": ({ containers }) => parts.sampler.sample(containers.map((name) => parts.containers.get(name).id)),
    "stats.history": ({ container, seconds }) => parts.sampler.history(parts.containers.get(container).id, seconds),
  };
}
