import { posix } from "node:path";
import { EngineError } from "../errors.ts";
import type { ViewMount, ViewSpec } from "../layers/container-view.ts";
import { type BytePath, bytePathOf } from "../lib/byte-path.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord } from "./container-record.ts";
import { isAlive } from "./container-status.ts";
import type { ContainerParts } from "./parts.ts";

/** The file system of a container as its processes see it, but for what the kernel makes up (/proc, /sys, /dev). */
export function viewOf(parts: Pick<ContainerParts, "config" | "layers">, record: ContainerRecord): ViewSpec {
  const { id, request, state } = record;
  const own = request.mounts.map(({ type, source, target, readOnly }): ViewMount => {
    return { target: relative(target), source: type === "bind" ? bytePathOf(source) : null, readOnly };
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
