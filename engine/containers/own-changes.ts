import type { FileChange, MountRequest } from "../protocol/containers.ts";

/** An empty file in the root directory, docker's. */
export const containerMark = ".dockerenv";

/** What the engine makes and mount points that a runtime makes where the image lacks them. */
export const mountPoints: readonly string[] = [
  `/${containerMark}`,
  "/dev",
  "/dev/console",
  "/dev/mqueue",
  "/dev/pts",
  "/dev/shm",
  "/etc/hostname",
  "/etc/hosts",
  "/etc/resolv.conf",
  "/proc",
  "/sbin/docker-init",
  "/sys",
];

/**
 * Leaves out what the engine and not the container changed: empty mount points, and the directories that count as changed only
 * because one was made in them. docker hides the same.
 */
export function withoutMountPoints(changes: readonly FileChange[], mounts: readonly MountRequest[]): FileChange[] {
  const hidden = new Set([...mountPoints, ...mounts.map(({ target }) => target.replace(/(.)\/+$/, "$1"))]);
  const isMountPoint = ({ path, kind, size }: FileChange) => hidden.has(path) && kind !== "deleted" && size === 0;
  const own = changes.filter((change) => !isMountPoint(change));
  const emptied = new Set(changes.filter(isMountPoint).flatMap(({ path }) => parentsOf(path)));
  const kept = new Set(
    own.filter(({ kind, path }) => kind !== "changed" || !emptied.has(path)).map(({ path }) => path),
  );
  const parentsOfKept = new Set([...kept].flatMap(parentsOf));
  return own.filter(({ path }) => kept.has(path) || parentsOfKept.has(path));
}

/** `/a/b/c` gives `/a/b` and `/a`. */
function parentsOf(path: string): string[] {
  const parts = path.split("/").slice(1, -1);
  return parts.map((_part, index) => `/${parts.slice(0, index + 1).join("/")}`);
}
