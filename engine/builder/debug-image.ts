import { EngineError } from "../errors.ts";
import { type DiffID, isDiffID } from "../oci/digest.ts";
import { hostPlatform } from "../oci/platform.ts";
import type { FailedState } from "./build-history.ts";
import type { BuilderParts } from "./solve/build.ts";
import { failedKey } from "./solve/keep-failed.ts";

const debugLabel = "gantry.build.failed";

/** Removes what `debugImage` has made for a build, unless somebody has named it or a container uses it. */
export async function removeDebugImage({ images }: BuilderParts, buildID: string): Promise<void> {
  const made = images
    .list()
    .filter(({ labels, references }) => labels[debugLabel] === buildID && references.length === 0);
  for (const { id } of made) await images.remove(id, false).catch(() => {});
}

/**
 * Makes an image without a name of what a failed command has left: with its variables, its user and its directory, and the shell as its command.
 * Fails with `not-found` where the cache has given it up.
 */
export async function debugImage(parts: BuilderParts, buildID: string, failed: FailedState): Promise<string> {
  using kept = await parts.cache.find(failedKey(buildID));
  if (kept === null) {
    throw new EngineError("not-found", "the file system of the step that failed is not kept any more", {
      hint: "build again",
    });
  }
  const chain: DiffID[] = failed.chain.filter(isDiffID);
  const shell = failed.shell[0] ?? "/bin/sh";
  const { id } = await parts.images.assemble({
    config: {
      ...hostPlatform(),
      created: kept.createdAt,
      config: {
        Env: failed.environment,
        User: failed.user,
        WorkingDir: failed.workingDirectory,
        Cmd: [shell],
        Labels: { [debugLabel]: buildID },
      },
      history: chain.map(() => ({ created: kept.createdAt, created_by: "failed step" })),
    },
    chain,
    references: [],
  });
  return id;
}
