import { setTimeout as sleep } from "node:timers/promises";
import { releaseShm } from "./container-isolation.ts";
import type { ContainerParts } from "./parts.ts";

/**
 * Takes away all that a container has only while it runs: the runtime's record, cgroup and remaining processes, its place on the
 * network, its mounted file system. Every step is tried; the first failure is thrown. A success if there is nothing.
 */
export async function releaseSandbox(parts: ContainerParts, id: string): Promise<void> {
  await release(parts, id, () => parts.layers.unmount(id));
  // When conmon has written its last word.
  await parts.logs.unwatch(id);
}

/** The same, with the container's file system itself. */
export function releaseForGood(parts: ContainerParts, id: string): Promise<void> {
  return release(parts, id, () => parts.layers.remove(id));
}

async function release(parts: ContainerParts, id: string, releaseLayer: () => Promise<void>): Promise<void> {
  const { runtime, networks, sampler, volumes } = parts;
  sampler.unwatch(id);
  const results = await Promise.allSettled([
    runtime.delete(id).then(() => Promise.all([releaseLayer(), volumes.unmount(id)])),
    networks.find(id) === null ? undefined : networks.release(id),
    releaseShm(parts, id),
  ]);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** conmon writes an exit record when the process is gone; it must not be taken for one of the next run. */
export async function forgetExit(parts: ContainerParts, id: string): Promise<void> {
  const deadline = Date.now() + 2000;
  while (parts.runtime.isSupervised(id) && Date.now() < deadline) await sleep(1);
  parts.runtime.forget(id);
}
