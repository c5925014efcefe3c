import type { lifecycleMethods } from "../../protocol/lifecycle.ts";
import type { Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";

export function lifecycleHandlers({ containers }: ServerParts): Pick<Handlers, keyof typeof lifecycleMethods> {
  return {
    "containers.update": ({ container, resources, restartPolicy }) =>
      containers.update(container, { resources, restartPolicy }),
    "containers.prune": (filter) => containers.prune(filter),
    "checkpoints.create": async ({ container, checkpoint, leaveRunning }) => {
      await containers.checkpoints.create(container, checkpoint, leaveRunning);
      return {};
    },
    "checkpoints.list": ({ container }) => containers.checkpoints.list(container),
    "checkpoints.remove": async ({ container, checkpoint }) => {
      await containers.checkpoints.remove(container, checkpoint);
      return {};
    },
    "checkpoints.restore": async ({ container, checkpoint }) => {
      await containers.checkpoints.restore(container, checkpoint);
      return {};
    },
  };
}
