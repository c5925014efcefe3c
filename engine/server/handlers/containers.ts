import { listText } from "../../lib/json-text.ts";
import type { archiveMethods } from "../../protocol/archives.ts";
import type { lifecycleMethods } from "../../protocol/lifecycle.ts";
import type { Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";
import { attachHandlers } from "./attach.ts";

type ContainerMethods = Exclude<
  Extract<keyof Handlers, `containers.${string}` | "layers.ofContainer">,
  keyof typeof archiveMethods | keyof typeof lifecycleMethods
>;

export function containerHandlers(parts: ServerParts): Pick<Handlers, ContainerMethods> {
  const { containers } = parts;
  return {
    ...attachHandlers(parts),
    "containers.list": ({ all }) => listText(containers.list(all)),
    "containers.create": (request) => containers.create(request),
    "containers.start": ({ container }) => containers.start(container),
    "containers.stop": ({ container, timeout, signal }) => stopped(containers.stop(container, timeout, signal)),
    "containers.restart": ({ container, timeout, signal }) => done(containers.restart(container, timeout, signal)),
    "containers.kill": ({ container, signal }) => done(containers.kill(container, signal)),
    "containers.pause": ({ container }) => done(containers.pause(container)),
    "containers.unpause": ({ container }) => done(containers.unpause(container)),
    "containers.remove": ({ container, force, volumes }) => done(containers.remove(container, { force, volumes })),
    "containers.rename": ({ container, name }) => done(containers.rename(container, name)),
    "containers.wait": ({ container, condition }, call) => containers.wait(container, condition, call.signal),
    "containers.inspect": ({ container }) => containers.inspect(container),
    "containers.top": ({ container, arguments: args }) => containers.top(container, args),
    "containers.changes": ({ container, limit, after }) => containers.changes(container, limit, after),
    "containers.port": ({ container }) => [...containers.ports(container)],
    "layers.ofContainer": ({ container }) => containers.layersOf(container),
  };
}

async function stopped(work: Promise<{ stopped: boolean; hint: string | null }>) {
  const { stopped: wasRunning, hint } = await work;
  return hint === null ? { stopped: wasRunning } : { stopped: wasRunning, hint };
}

async function done(work: Promise<void>): Promise<Record<string, never>> {
  await work;
  return {};
}
