import { cgroupParentOf } from "./container-isolation.ts";
import type { ContainerRecord } from "./container-record.ts";
import type { ContainerParts } from "./parts.ts";

/** Begins to sample a running container and to look after its log. */
export function watchContainer(parts: ContainerParts, record: ContainerRecord): void {
  const { id, request, state } = record;
  if (state.pid === null) return;
  parts.logs.watch(record);
  parts.sampler.watch({
    container: id,
    cgroupPath: `${cgroupParentOf(parts, request)}/${id}`,
    pid: state.pid,
    hasNetwork: request.network !== "host",
    nanoCpus: request.resources.nanoCpus,
  });
}
