import type { Repository } from "../../engine/registry/registry-client.ts";
import type { Patience } from "../../engine/registry/retry.ts";
import { type Fault, FaultProxy, type SeenRequest } from "./fault-proxy.ts";
import type { TestRegistry } from "./registry.ts";
import { openRepository, testClient } from "./registry-client.ts";

export type Scene = {
  readonly proxy: FaultProxy;
  readonly repository: Repository;
  readonly blobRequests: () => SeenRequest[];
};

/** Runs `act` with the repository `team/web` of a registry behind a proxy with these faults. */
export async function behindFaults(
  registry: TestRegistry,
  fault: FaultProxy["fault"],
  act: (scene: Scene) => Promise<void>,
  patience: Partial<Patience> = {},
): Promise<void> {
  await using proxy = await FaultProxy.start(registry.url);
  await using client = testClient({ patience });
  proxy.fault = fault;
  const repository = openRepository(client, `${proxy.address}/team/web`);
  await act({ proxy, repository, blobRequests: () => proxy.seen("GET", "/blobs/") });
}

/** Faults of the requests whose path holds `part`, by their count. */
export const faultsOf =
  (part: string) =>
  (fault: (count: number) => Fault | null): FaultProxy["fault"] =>
  (request, count) =>
    request.url.includes(part) ? fault(count) : null;
