import type { MountRequest } from "../../protocol/create-request.ts";
import { openAgentSocket } from "./agent-socket.ts";
import { openSecretFiles } from "./secret-files.ts";
import type { StepPlace } from "./step-place.ts";
import type { StepMount } from "./step-runner.ts";

/** What a step's mounts come from, ready; disposing takes away what was made for them. */
export type ReadyMounts = AsyncDisposable & { readonly list: readonly MountRequest[] };

/** Makes what the mounts of a step need on the host. Fails with `failed-precondition` for an agent that is not there. */
export async function prepareMounts(place: StepPlace, mounts: readonly StepMount[]): Promise<ReadyMounts> {
  await using made = new AsyncDisposableStack();
  const files = await openSecretFiles(
    place.path("secrets"),
    mounts.filter((mount) => mount.type === "secret"),
  );
  made.use(files);
  const list: MountRequest[] = [];
  for (const [index, mount] of mounts.entries()) {
    if (mount.type === "tmpfs") list.push(tmpfsOf(mount));
    else if (mount.type === "bind") list.push(bindOf(mount.source, mount.target, mount.readOnly));
    else if (mount.type === "secret") list.push(bindOf(files.pathOf(mount), mount.target, true));
    else {
      const path = place.agentPath(index);
      made.use(await openAgentSocket(path, mount));
      list.push(bindOf(path, mount.target, false));
    }
  }
  const kept = made.move();
  return { list, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function tmpfsOf({ target, size }: Extract<StepMount, { type: "tmpfs" }>): MountRequest {
  // Programs may be run from it, and devices made in it, as in BuildKit's.
  const options = ["exec", "dev", ...(size === null ? [] : [`size=${size}`])];
  return { type: "tmpfs", source: "", target, readOnly: false, createSource: false, options };
}

function bindOf(source: string, target: string, readOnly: boolean): MountRequest {
  return { type: "bind", source, target, readOnly, createSource: false, options: [] };
}
