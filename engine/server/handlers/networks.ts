import { EngineError } from "../../errors.ts";
import type { networkMethods } from "../../protocol/networks.ts";
import type { Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";

type NetworkMethods = keyof typeof networkMethods;

export function networkHandlers({ networks, containers }: ServerParts): Pick<Handlers, NetworkMethods> {
  return {
    "networks.list": () => [...networks.list()],
    "networks.create": (request) => networks.create(request),
    "networks.inspect": ({ network }) => networks.inspect(network),
    "networks.remove": ({ network }) => networks.remove(network),
    "networks.connect": ({ network, container, settings }) =>
      done(containers.connect(container, { network, settings })),
    "networks.disconnect": ({ network, container, force }) => done(containers.disconnect(container, network, force)),
    "networks.prune": async ({ until, labels, dryRun }) => {
      if (until !== null && Number.isNaN(Date.parse(until))) {
        throw new EngineError("invalid-argument", `until ${JSON.stringify(until)} is no time`);
      }
      const isNamed = ({ id }: { id: string }) => containers.namesNetwork(id);
      return { removed: await networks.prune({ until, labels, dryRun, isNamed }) };
    },
    "networks.reload": () => done(networks.reload()),
  };
}

async function done(work: Promise<void>): Promise<Record<string, never>> {
  await work;
  return {};
}
