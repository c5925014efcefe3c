import { EngineError } from "../../errors.ts";
import { defaultRangeSize, type IDRange } from "../../host/id-ranges.ts";
import type { CreateRequest } from "../../protocol/create-request.ts";
import type { SpecInput } from "./types.ts";

/** `shareable` and `none` (of ipc) are namespaces of the container's own. */
export type NamespaceMode =
  | { readonly kind: "own" | "host" | "shareable" | "none" }
  | { readonly kind: "container"; readonly container: string };

export type NamespaceModes = {
  readonly ipc: NamespaceMode;
  readonly pid: NamespaceMode;
  readonly uts: NamespaceMode;
  readonly cgroup: NamespaceMode;
  /** How many ids of its own; null: the host's. */
  readonly ids: number | null;
};

/** What a container's namespaces depend on, found at its start. */
export type Joined = {
  /** Files of other containers' namespaces. */
  readonly ipc?: string;
  readonly pid?: string;
  /** What is mounted at /dev/shm of the other, on the host; also of a container that lets others share its own. */
  readonly shm?: string;
  /** The container's user namespace, which is there already since its netns belongs to it. */
  readonly user?: { readonly path: string; readonly ids: IDRange };
};

type Wishes = Pick<
  CreateRequest,
  "ipcMode" | "pidMode" | "utsMode" | "cgroupnsMode" | "usernsMode" | "network" | "privileged" | "hostname"
>;

/** Mostly nobody asks for anything. */
const plain: NamespaceModes = {
  ipc: { kind: "own" },
  pid: { kind: "own" },
  uts: { kind: "own" },
  cgroup: { kind: "own" },
  ids: null,
};

/** docker's words for --ipc, --pid, --uts, --cgroupns and --userns. Fails with `invalid-argument`, also for what excludes each other. */
export function parseModes(request: Wishes): NamespaceModes {
  const { ipcMode, pidMode, utsMode, cgroupnsMode, usernsMode } = request;
  if (ipcMode + pidMode + utsMode + cgroupnsMode + usernsMode === "") return plain;
  const modes: NamespaceModes = {
    ipc: parseMode("ipc", ipcMode, ["own", "host", "shareable", "none", "container"]),
    pid: parseMode("pid", pidMode, ["own", "host", "container"]),
    uts: parseMode("uts", utsMode, ["own", "host"]),
    cgroup: parseMode("cgroupns", cgroupnsMode, ["own", "host"]),
    ids: parseIDs(usernsMode),
  };
  if (modes.uts.kind === "host" && request.hostname !== undefined && request.hostname !== "") {
    throw invalid("--hostname cannot be set together with --uts host: it would rename the host");
  }
  if (modes.ids !== null) checkAlone(modes, request);
  return modes;
}

function parseMode(what: string, text: string, allowed: readonly NamespaceMode["kind"][]): NamespaceMode {
  const [word = "", ...rest] = text.split(":");
  if (word === "container" && allowed.includes("container")) {
    if (rest.join(":") !== "") return { kind: "container", container: rest.join(":") };
    throw invalid(`--${what} container: names no container`);
  }
  const kind = word === "" || word === "private" ? "own" : word;
  const found = allowed.find((one) => one === kind);
  if (found !== undefined && found !== "container" && rest.length === 0) return { kind: found };
  const choices = allowed.map((one) => (one === "own" ? "private" : one === "container" ? "container:NAME" : one));
  throw invalid(`--${what} ${JSON.stringify(text)} is not known`, `one of ${choices.join(", ")}`);
}

function parseIDs(text: string): number | null {
  if (text === "" || text === "host") return null;
  const [, size] = /^auto(?::size=(\d{1,7}))?$/.exec(text) ?? [null, null];
  if (size === null) throw invalid(`--userns ${JSON.stringify(text)} is not known`, "auto, auto:size=N or host");
  const count = size === undefined ? defaultRangeSize : Number(size);
  if (count >= 1 && count <= 1_048_576) return count;
  throw invalid(`--userns ${text}: the size is not between 1 and 1048576`);
}

/** As docker refuses with userns-remap: what is the host's, or another's, its root would have no rights to. */
function checkAlone(modes: NamespaceModes, { privileged, network }: Wishes): void {
  const shared = [
    ...(privileged ? ["--privileged"] : []),
    ...(network === "host" || network.startsWith("container:") ? [`--network ${network.split(":")[0]}`] : []),
    ...(["pid", "ipc"] as const).flatMap((name) =>
      modes[name].kind === "host" || modes[name].kind === "container" ? [`--${name} ${modes[name].kind}`] : [],
    ),
  ];
  if (shared.length === 0) return;
  throw invalid(
    `--userns auto cannot be used together with ${shared[0]}`,
    "a container whose root is nobody on the host has no rights to what is not its own",
  );
}

/** `linux.namespaces`. A file to join that was not found is a bug of the caller. */
export function buildNamespaces(input: SpecInput, modes: NamespaceModes): Record<string, string>[] {
  const { netnsPath, host, joined = {} } = input;
  return [
    ...(joined.user === undefined ? [] : [{ type: "user", path: joined.user.path }]),
    { type: "mount" },
    ...entry("uts", modes.uts),
    ...entry("pid", modes.pid, joined.pid),
    ...entry("ipc", modes.ipc, joined.ipc),
    ...(netnsPath === null ? [] : [{ type: "network", path: netnsPath }]),
    ...(host.cgroupNamespace ? entry("cgroup", modes.cgroup) : []),
  ];
}

function entry(type: string, mode: NamespaceMode, path?: string): Record<string, string>[] {
  if (mode.kind === "host") return [];
  if (mode.kind !== "container") return [{ type }];
  return path === undefined ? [] : [{ type, path }];
}

export function invalid(message: string, hint: string | null = null): EngineError {
  return new EngineError("invalid-argument", message, { hint, exitCode: 125 });
}
