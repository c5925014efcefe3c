import { realpath } from "node:fs/promises";
import { posix } from "node:path";
import type { EngineConfig } from "../config.ts";
import { EngineError } from "../errors.ts";
import { listMounts } from "../host/mountinfo.ts";
import type { MountRequest } from "../protocol/create-request.ts";

/**
 * What a bind does with later mounts. One that takes the engine's own mounts along (of `/`, say) gets their ends as well where the host shares
 * its mounts, as docker does it: else the container would hold file systems of others that the engine mounts anew.
 */
export function propagationOf(
  { type, source, propagation }: MountRequest,
  { root }: Pick<EngineConfig, "root">,
): string {
  if (type !== "bind") return propagation ?? "";
  return propagation || (holdsRoot(source, root) ? "rslave" : "rprivate");
}

/** Fails with `invalid-argument` where somebody wants such a bind to keep what it took. */
export function refusePinning(mounts: readonly MountRequest[], { root }: Pick<EngineConfig, "root">): void {
  const bad = mounts.find((mount) => {
    const isKeeping = mount.propagation !== undefined && !/^r(slave|shared)$/.test(mount.propagation);
    return mount.type === "bind" && isKeeping && mount.nonRecursive !== true && holdsRoot(mount.source, root);
  });
  if (bad === undefined) return;
  throw new EngineError(
    "invalid-argument",
    `bind source ${bad.source} holds the engine's own mounts: its propagation has to be rslave or rshared`,
    {
      hint: "leave the propagation out",
      exitCode: 125,
    },
  );
}

function holdsRoot(source: string, root: string): boolean {
  const path = posix.normalize(`${source}/`);
  return `${root}/`.startsWith(path);
}

/**
 * Refuses a propagation that the source's own mount does not have: mounts would come through to nobody (docker's ensureShared and
 * ensureSharedOrSlave). Fails with `failed-precondition`.
 */
export async function checkPropagation(mounts: readonly MountRequest[]): Promise<void> {
  const asking = mounts.filter(
    ({ type, propagation }) => type === "bind" && /^r?(shared|slave)$/.test(propagation ?? ""),
  );
  if (asking.length === 0) return;
  const all = listMounts();
  for (const { source, propagation = "" } of asking) {
    const path = await realpath(source).catch(() => source);
    const isAbove = (target: string) => path === target || path.startsWith(target === "/" ? "/" : `${target}/`);
    // The deepest, and of those at one place the one that was mounted last.
    const [above] = all
      .filter(({ target }) => isAbove(target))
      .sort((one, other) => other.target.length - one.target.length || other.id - one.id);
    const has = above?.propagation ?? [];
    const isShared = has.some((word) => word.startsWith("shared:"));
    const isSlave = has.some((word) => word.startsWith("master:"));
    if (isShared || (isSlave && propagation.endsWith("slave"))) continue;
    const wanted = propagation.endsWith("shared") ? "a shared mount" : "a shared or slave mount";
    throw new EngineError(
      "failed-precondition",
      `bind source ${source} is mounted on ${above?.target ?? "/"}, which is not ${wanted}`,
      {
        hint: `make it one with: mount --make-shared ${above?.target ?? "/"}; or leave the propagation out`,
        exitCode: 125,
      },
    );
  }
}
