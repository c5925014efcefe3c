import { EngineError } from "../errors.ts";
import type { ServerParts } from "../server/parts.ts";

type Wish = { readonly containers: ServerParts["containers"]; readonly name: string };

/** What is said in docker's words, which clients look for, where the name of a container is taken; any other error as it is. */
export function nameConflict(error: unknown, { containers, name }: Wish): unknown {
  if (!(error instanceof EngineError) || error.code !== "already-exists") return error;
  try {
    const { id, name: taken } = containers.get(name);
    return new EngineError(
      "already-exists",
      `Conflict. The container name "/${taken}" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
    );
  } catch {
    // It has gone since.
    return error;
  }
}
