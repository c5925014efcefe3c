/** An empty file in the root directory, docker's. */
export const containerMark = ".dockerenv";

/**
 * What the engine makes and mount points that a runtime makes where the image lacks them: no changes of the container's, and no part of
 * an image that is made of it. docker has the same in a layer of their own. Mount points of the user's mounts count, as docker's do.
 */
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
