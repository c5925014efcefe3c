import { closeSync, constants, fstatSync, openSync, readlinkSync, type Stats } from "node:fs";
import { errnoOf } from "../host/errno.ts";
import type { IDRange } from "../host/id-ranges.ts";
import * as syscalls from "../host/syscalls.ts";
import { type BytePath, pathOf } from "../lib/byte-path.ts";
import type { PackNode } from "./merged-directories.ts";

/** Something mounted into a container. Byte paths. */
export type ViewMount = {
  /** Relative to the container's root, normalized. */
  readonly target: BytePath;
  /** On the host; null for what only the container's own processes have: seen while it runs. */
  readonly source: BytePath | null;
  readonly readOnly: boolean;
  /** Its files on the host belong to whom the container sees them belong to, though that has ids of its own. */
  readonly isMapped?: boolean;
};

/** A container's file system with what is mounted into it. Data only. */
export type ViewSpec = {
  /** Directory on the host where its own file system is mounted. */
  readonly root: BytePath;
  readonly readOnly: boolean;
  /** Of its main process, or null where it does not run. */
  readonly pid: number | null;
  readonly mounts: readonly ViewMount[];
  /** Set where the container's ids are these of the host's. */
  readonly ids?: IDRange | null;
};

/** A file or directory in a view. */
export type Place = {
  /** O_PATH. Belongs to the view, valid until release(). */
  readonly fd: number;
  /** Resolved, relative to the container's root. */
  readonly path: BytePath;
  readonly stat: Stats;
  readonly readOnly: boolean;
  readonly isMount: boolean;
  /** What the container's ids are here; null: the host's. */
  readonly ids: IDRange | null;
};

type Mount = { readonly fd: number; readonly readOnly: boolean; readonly ids: IDRange | null };

const openPath = 0o10000000;
const closeOnExec = 0o2000000;
const pinFlags = openPath | constants.O_NOFOLLOW | closeOnExec;
const maximumHops = 40;

/**
 * Resolves paths in a container as its own processes would, with links followed inside its root only. The container may change its file
 * system meanwhile: each name is opened by itself, below a descriptor of its parent and without following links, and `..` goes back the
 * way that was come, so nothing leads out (the class of CVE-2018-15664). Mounts are put in by this class, not by the kernel, so that those
 * of a stopped container are seen as well. Synchronous: for workers.
 */
export class ContainerView implements Disposable {
  readonly root: Place;
  readonly #mounts = new Map<BytePath, Mount>();
  readonly #open: number[] = [];

  constructor(spec: ViewSpec) {
    const fd = openSync(pathOf(spec.root), openPath | constants.O_DIRECTORY | constants.O_NOFOLLOW | closeOnExec);
    this.#open.push(fd);
    this.root = { fd, path: "", stat: fstatSync(fd), readOnly: spec.readOnly, isMount: false, ids: spec.ids ?? null };
    const ownRoot = spec.pid === null ? null : this.#openOwnRoot(spec.pid);
    // What lies below another mount comes after it.
    for (const mount of spec.mounts.toSorted((a, b) => a.target.split("/").length - b.target.split("/").length)) {
      this.#addMount(mount, ownRoot);
    }
  }

  /** Null where there is nothing by this path. `from` is where a relative path begins: places from the root down. */
  find(path: BytePath, options: { readonly followLast: boolean; readonly from?: readonly Place[] }): Place | null {
    return this.walk(path, options)?.at(-1) ?? null;
  }

  /** The place and those above it, from the root down. */
  walk(path: BytePath, options: { readonly followLast: boolean; readonly from?: readonly Place[] }): Place[] | null {
    const trail = [...((path.startsWith("/") ? null : options.from) ?? [this.root])];
    const names = namesOf(path);
    for (let hops = 0; names.length > 0; ) {
      const name = names.shift() ?? "";
      if (name === "..") {
        trail.length = Math.max(1, trail.length - 1);
        continue;
      }
      const step = this.#step(trail, name, names.length > 0 || options.followLast);
      if (step === null || hops > maximumHops) return null;
      if (step.target === null) {
        trail.push(step.child);
        continue;
      }
      hops++;
      trail.length = step.target.startsWith("/") ? 1 : trail.length;
      names.unshift(...namesOf(step.target));
    }
    return trail;
  }

  /** What a name in a directory is; never follows it. */
  child(directory: Place, name: BytePath): Place | null {
    const path = directory.path === "" ? name : `${directory.path}/${name}`;
    const mount = this.#mounts.get(path);
    if (mount !== undefined) return { ...mount, path, stat: fstatSync(mount.fd), isMount: true };
    const fd = openIfThere(`/proc/self/fd/${directory.fd}/${name}`, pinFlags);
    if (fd === null) return null;
    this.#open.push(fd);
    return { fd, path, stat: fstatSync(fd), readOnly: directory.readOnly, isMount: false, ids: directory.ids };
  }

  /** Where a symbolic link leads, as an absolute path without links as far as it exists. */
  targetOf(path: BytePath): BytePath {
    const resolved: BytePath[] = [];
    const names = namesOf(path);
    for (let hops = 0; names.length > 0; ) {
      const name = names.shift() ?? "";
      const target = name === ".." ? null : this.#linkAt(`/${resolved.join("/")}`, name);
      if (name === "..") resolved.pop();
      else if (target === null || ++hops > maximumHops) resolved.push(name);
      else {
        if (target.startsWith("/")) resolved.length = 0;
        names.unshift(...namesOf(target));
      }
    }
    return `/${resolved.join("/")}`;
  }

  /** For packTree(). */
  mountAt(path: BytePath): PackNode | null {
    const mount = this.#mounts.get(path);
    return mount === undefined ? null : { paths: [`/proc/self/fd/${mount.fd}`], isPinned: true };
  }

  mountsIn(path: BytePath): BytePath[] {
    if (this.#mounts.size === 0) return [];
    const prefix = path === "" ? "" : `${path}/`;
    const names = [...this.#mounts.keys()].filter((target) => target.startsWith(prefix));
    return names.map((target) => target.slice(prefix.length)).filter((name) => !name.includes("/"));
  }

  /** Closes all descriptors but those of `kept`, of the root and of the mounts. */
  release(kept: readonly Place[] = []): void {
    const needed = new Set([this.root, ...kept].map((place) => place.fd));
    for (const fd of this.#open.splice(0)) {
      if (needed.has(fd)) this.#open.push(fd);
      else closeSync(fd);
    }
  }

  [Symbol.dispose](): void {
    for (const fd of this.#open.splice(0)) closeSync(fd);
    for (const { fd } of this.#mounts.values()) closeSync(fd);
    this.#mounts.clear();
  }

  #step(trail: readonly Place[], name: BytePath, follow: boolean): { child: Place; target: BytePath | null } | null {
    const directory = trail.at(-1) ?? this.root;
    const child = directory.stat.isDirectory() ? this.child(directory, name) : null;
    if (child === null || !child.stat.isSymbolicLink() || !follow) return child && { child, target: null };
    const target = readLink(directory, name);
    return target === null ? null : { child, target };
  }

  #linkAt(path: BytePath, name: BytePath): BytePath | null {
    const directory = this.find(path, { followLast: false });
    const child = directory?.stat.isDirectory() ? this.child(directory, name) : null;
    return directory !== null && child?.stat.isSymbolicLink() ? readLink(directory, name) : null;
  }

  /** The root of the main process, if it is this container's: a number of a process may be another's by now. */
  #openOwnRoot(pid: number): number | null {
    const fd = openIfThere(`/proc/${pid}/root`, openPath | constants.O_DIRECTORY | closeOnExec);
    if (fd === null) return null;
    this.#open.push(fd);
    const stat = fstatSync(fd);
    return stat.dev === this.root.stat.dev && stat.ino === this.root.stat.ino ? fd : null;
  }

  #addMount({ target, source, readOnly, isMapped }: ViewMount, ownRoot: number | null): void {
    const place = this.find(target, { followLast: true });
    const fd = ownRoot === null ? null : syscalls.openInRoot(ownRoot, target, openPath | closeOnExec);
    const opened = fd ?? (source === null ? null : openIfThere(source, openPath | closeOnExec));
    if (opened === null) return;
    this.#mounts.set(place?.path ?? target, {
      fd: opened,
      readOnly,
      ids: isMapped && fd === null ? null : this.root.ids,
    });
  }
}

function namesOf(path: BytePath): BytePath[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

function openIfThere(path: BytePath, flags: number): number | null {
  try {
    return openSync(pathOf(path), flags);
  } catch (error) {
    const missing = ["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG", "ESRCH", "EACCES"];
    if (missing.includes(errnoOf(error) ?? "")) return null;
    throw error;
  }
}

function readLink(directory: Place, name: BytePath): BytePath | null {
  try {
    return readlinkSync(pathOf(`/proc/self/fd/${directory.fd}/${name}`), "latin1");
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "EINVAL") return null;
    throw error;
  }
}
