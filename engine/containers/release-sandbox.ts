import { setTimeout as sleep } from "node:timers/promises";
import type { ContainerParts } from "./parts.ts";

/**
 * Takes away all that a container has only while it runs: the runtime's record, cgroup and remaining processes, its place on the
 * network, its mounted file system. Every step is tried; the first failure is thrown. A success if there is nothing.
 */
export async function releaseSandbox(parts: ContainerParts, id: string): Promise<void> {
  const { runtime, networks, layers, sampler } = parts;
  sampler.unwatch(id);
  const results = await Promise.allSettled([
    runtime.delete(id).then(() => layers.unmount(id)),
    networks.find(id) === null ? undefined : networks.disconnect(id),
  ]);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** conmon writes an exit record when the process is gone; it must not be taken for one of the next run. */
export async function forgetExit(parts: ContainerParts, id: string): Promise<void> {
  const deadline = Date.now() + 2000;
  while (parts.runtime.isSupervised(id) && Date.now() < deadline) await sleep(5);
  parts.runtime.forget(id);
}
