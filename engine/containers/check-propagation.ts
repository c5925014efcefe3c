import { realpath } from "node:fs/promises";
import { EngineError } from "../errors.ts";
import { listMounts } from "../host/mountinfo.ts";
import type { MountRequest } from "../protocol/create-request.ts";

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
