import type { Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";

/** Lines in one answer: no screen is that high. */
const longestPage = 10_000;

export function logHandlers(parts: ServerParts): Pick<Handlers, "logs.page" | "stats.sample" | "stats.history"> {
  return {
    "logs.page": ({ container, before, after, limit, contains }) => {
      const source = parts.containers.logSource(container);
      const query = { before, after, limit: Math.min(limit, longestPage), contains };
      return parts.logs.page(source.container, source.path, query);
    },
    "stats.sample": ({ containers }) => parts.sampler.sample(containers.map((name) => parts.containers.get(name).id)),
    "stats.history": ({ container, seconds }) => parts.sampler.history(parts.containers.get(container).id, seconds),
  };
}
