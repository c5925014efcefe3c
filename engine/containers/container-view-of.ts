import { posix } from "node:path";
import { EngineError } from "../errors.ts";
import type { ViewMount, ViewSpec } from "../layers/container-view.ts";
import { type BytePath, bytePathOf } from "../lib/byte-path.ts";
import type { MountRequest } from "../protocol/create-request.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord } from "./container-record.ts";
import { isAlive } from "./container-status.ts";
import { openMounts } from "./container-volumes.ts";
import type { ContainerParts } from "./parts.ts";
import { mountsOf, volumeMountsOf } from "./resolve-mounts.ts";

/** A container's file system, mounted with its volumes until it is disposed of. */
export type OpenView = { readonly view: ViewSpec } & AsyncDisposable;

/** Opens the file system of a container as its processes see it, but for what the kernel makes up (/proc, /sys, /dev). */
export async function openView(parts: ContainerParts, record: ContainerRecord): Promise<OpenView> {
  await using opening = new AsyncDisposableStack();
  opening.use(await parts.layers.keepMounted(record.id));
  const names = volumeMountsOf(record).map(({ source }) => source);
  if (names.length > 0) opening.use(await parts.volumes.hold(names));
  const { list } = opening.use(await openMounts(parts.volumes, record));
  const opened = opening.move();
  return { view: viewOf(parts, record, list), [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

function viewOf(
  parts: Pick<ContainerParts, "config" | "layers">,
  record: ContainerRecord,
  mounts: readonly MountRequest[],
): ViewSpec {
  const { id, request, state } = record;
  const wished = mountsOf(record);
  const own = mounts.map(({ type, source, target, readOnly }, index): ViewMount => {
    const isMapped = wished[index]?.type === "volume";
    return { target: relative(target), source: type === "bind" ? bytePathOf(source) : null, readOnly, isMapped };
  });
  const taken = new Set(own.map(({ target }) => target));
  const { hosts, hostname, resolvConf } = pathsOf(parts.config, id);
  const provided = [
    ["etc/hosts", hosts],
    ["etc/hostname", hostname],
    ["etc/resolv.conf", resolvConf],
  ].map(([target = "", source = ""]): ViewMount => {
    return { target, source: bytePathOf(source), readOnly: request.readOnlyRootfs };
  });
  return {
    root: bytePathOf(parts.layers.rootfsOf(id)),
    readOnly: request.readOnlyRootfs,
    pid: isAlive(state.status) ? state.pid : null,
    ids: parts.layers.idsOf(id),
    mounts: [...provided.filter(({ target }) => !taken.has(target)), ...own],
  };
}

/** Absolute and without `..`, as text alone tells; a `/` or `/.` at the end stays, since it says that a link there is followed. */
export function cleanPath(path: string): BytePath {
  if (path.includes("\0")) throw new EngineError("invalid-argument", "a path cannot contain NUL");
  if (path === "") throw new EngineError("invalid-argument", "a path is missing");
  const clean = posix.join("/", path).replace(/(?<=.)\/+$/, "");
  const ending = /(?:^|\/)\.\/*$/.test(path) ? "/." : path.endsWith("/") ? "/" : "";
  return bytePathOf(clean === "/" ? (ending === "/." ? "/." : "/") : `${clean}${ending}`);
}

function relative(target: string): BytePath {
  return bytePathOf(posix.join("/", target).replace(/^\/+|\/+$/g, ""));
}
