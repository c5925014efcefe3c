import { EngineError } from "../errors.ts";
import type { BuildService } from "./build-service.ts";

/** Stands where the builder will be. */
export function openNoBuilds(): BuildService {
  const refuse = (): never => {
    throw new EngineError("unimplemented", "images cannot be built yet");
  };
  return {
    run: async () => refuse(),
    list: () => [],
    inspect: refuse,
    cancel: refuse,
    retry: refuse,
    remove: refuse,
    debug: async () => refuse(),
    watch: () => () => {},
    usage: async () => [],
    prune: async () => ({ removed: [], bytes: 0 }),
    onChange: () => () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}
