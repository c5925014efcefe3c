import { EngineError } from "../../errors.ts";
import type { MountRequest } from "../../protocol/create-request.ts";
import type { StepPlace } from "./step-place.ts";
import type { StepMount } from "./step-runner.ts";

/** What a step's mounts come from, ready; disposing takes away what was made for them. */
export type ReadyMounts = AsyncDisposable & { readonly list: readonly MountRequest[] };

/** Makes what the mounts of a step need on the host. */
export async function prepareMounts(_place: StepPlace, mounts: readonly StepMount[]): Promise<ReadyMounts> {
  await using made = new AsyncDisposableStack();
  const list = mounts.map((mount) => {
    if (mount.type === "tmpfs") return tmpfsOf(mount);
    if (mount.type === "bind") return bindOf(mount.source, mount.target, mount.readOnly);
    throw new EngineError("unimplemented", `mounts of type ${mount.type} are not there yet`);
  });
  const kept = made.move();
  return { list, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function tmpfsOf({ target, size }: Extract<StepMount, { type: "tmpfs" }>): MountRequest {
  // Programs may be run from it, as in BuildKit's.
  const options = ["exec", "dev", ...(size === null ? [] : [`size=${size}`])];
  return { type: "tmpfs", source: "", target, readOnly: false, createSource: false, options };
}

function bindOf(source: string, target: string, readOnly: boolean): MountRequest {
  return { type: "bind", source, target, readOnly, createSource: false, options: [] };
}
