import { EngineError } from "../errors.ts";
import type { ApiCall } from "./api-call.ts";

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "DELETE";

/**
 * One endpoint. `path` is that of moby's API description without its version: `/containers/{id}/json`; `{name...}` takes slashes, too, as
 * names of images have them. What the handler throws is answered with docker's error body.
 */
export type Route = {
  readonly method: Method;
  readonly path: string;
  /** Answers through the call; the answer may go on after it has resolved. */
  readonly handle: (call: ApiCall) => void | Promise<void>;
};

export type Match = { readonly route: Route; readonly params: Readonly<Record<string, string>> };

type Compiled = { readonly route: Route; readonly pattern: RegExp };

/** Finds the route of a request, the first that fits in the order given. */
export class Router {
  readonly #routes: readonly Compiled[];

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((route) => ({ route, pattern: compile(route.path) }));
  }

  /** path: without its version, still encoded. Null: there is none. */
  find(method: string, path: string): Match | null {
    for (const { route, pattern } of this.#routes) {
      if (route.method !== method) continue;
      const groups = pattern.exec(path)?.groups;
      if (groups !== undefined) return { route, params: decodeAll(groups) };
    }
    return null;
  }

  /** Whether there is such a path with any method. */
  knows(path: string): boolean {
    return this.#routes.some(({ pattern }) => pattern.test(path));
  }
}

function compile(path: string): RegExp {
  const source = path.replaceAll(/\{(\w+)(\.\.\.)?\}/g, (_, name: string, rest?: string) =>
    rest === undefined ? `(?<${name}>[^/]+)` : `(?<${name}>.+)`,
  );
  // A group in any case, so that `groups` is never undefined where it fits.
  return new RegExp(`^${source}(?<end>)$`);
}

function decodeAll(groups: Readonly<Record<string, string>>): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(groups).map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch (cause) {
    throw new EngineError("invalid-argument", "the path is not well encoded", { cause });
  }
}
