import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../../errors.ts";
import { chainIDOf } from "../../oci/chain-id.ts";
import { sha256 } from "../../oci/digest.ts";
import type { RunMount } from "../dockerfile/types.ts";
import type { StepMount } from "../run/step-runner.ts";
import type { Build } from "./build.ts";
import {
  copyFiles,
  type FindSource,
  locate,
  type ReadFiles,
  readFiles,
  type Source,
  treeOf,
  wholeOf,
} from "./sources.ts";
import type { MountInputs } from "./step-key.ts";
import { newWritableKey } from "./views.ts";

/** A mount whose source is known; nothing is made for it yet. */
export type PlannedMount = MountInputs & {
  readonly source: Source | null;
  /** Of a bind mount of files of the host. */
  readonly read: ReadFiles | null;
};

/** What a command gets: its mounts, and variables that hold secrets. */
export type OpenedMounts = { readonly mounts: readonly StepMount[]; readonly environment: readonly string[] };

/** Finds the sources of mounts and what they hold. Waits for stages that they come from. */
export async function planMounts(
  build: Build,
  mounts: readonly RunMount[],
  findSource: FindSource,
): Promise<PlannedMount[]> {
  const planned: PlannedMount[] = [];
  for (const mount of mounts) planned.push(await planMount(build, mount, findSource));
  return planned;
}

async function planMount(build: Build, mount: RunMount, findSource: FindSource): Promise<PlannedMount> {
  if (mount.type === "bind") {
    const source = await findSource(mount.from);
    const isWhole = mount.source === "" || mount.source === "/";
    if (source.type === "chain" && isWhole) {
      return { mount, source, content: chainIDOf(source.chain) ?? sha256(""), read: null };
    }
    const read = await readFiles(build, source, wholeOf(mount.source));
    return { mount, source, content: read.digest, read };
  }
  // What a cache begins with is no part of the result.
  const source = mount.type === "cache" && mount.from !== null ? await findSource(mount.from) : null;
  return { mount, source, content: null, read: null };
}

/** Makes what the mounts need; all of it goes with `stack`, at the end of the step. */
export async function openMounts(
  build: Build,
  planned: readonly PlannedMount[],
  stack: AsyncDisposableStack,
): Promise<OpenedMounts> {
  const mounts: StepMount[] = [];
  const environment: string[] = [];
  const caches = await openCaches(build, planned, stack);
  for (const { mount, source, read } of planned) {
    switch (mount.type) {
      case "bind":
        mounts.push(await openBind(build, { mount, source, read }, stack));
        break;
      case "cache": {
        const path = caches.get(mount) ?? "";
        mounts.push({ type: "bind", source: path, target: mount.target, readOnly: mount.readOnly });
        break;
      }
      case "tmpfs":
        mounts.push(mount);
        break;
      case "secret":
        openSecret(build, mount, { mounts, environment });
        break;
      case "ssh": {
        const agents = mounts.filter(({ type }) => type === "ssh").length;
        const opened = openAgent(build, mount, agents);
        if (opened === null) break;
        mounts.push(opened);
        if (agents === 0) environment.push(`SSH_AUTH_SOCK=${opened.target}`);
        break;
      }
    }
  }
  return { mounts, environment };
}

type Of<Type extends RunMount["type"]> = Extract<RunMount, { type: Type }>;

type PlannedCache = { readonly mount: Of<"cache">; readonly source: Source | null; readonly origin: string | null };

/**
 * The directories of cache mounts. Always in the same order, and each once: else commands would wait for each other for ever, or one for
 * itself, with `sharing=locked`.
 */
async function openCaches(build: Build, planned: readonly PlannedMount[], stack: AsyncDisposableStack) {
  const wanted = planned.flatMap(({ mount, source }): PlannedCache[] => {
    if (mount.type !== "cache") return [];
    return [{ mount, source, origin: source?.type === "chain" ? (chainIDOf(source.chain) ?? null) : null }];
  });
  const paths = new Map<RunMount, string>();
  const groups = Map.groupBy(wanted, cacheName);
  for (const name of [...groups.keys()].sort()) {
    const group = groups.get(name) ?? [];
    const first = group.find(({ mount }) => mount.sharing === "locked") ?? group[0];
    if (first === undefined) continue;
    const { mount, source, origin } = first;
    const initial = source === null ? null : await initialOf(build, source, mount.source);
    const cache = stack.use(await build.parts.cacheMounts.open(mount, initial, build.signal, origin));
    for (const each of group) paths.set(each.mount, cache.path);
  }
  return paths;
}

/** What tells caches apart. */
function cacheName({ mount, origin }: PlannedCache): string {
  const { id, target, from, source, mode, uid, gid } = mount;
  return JSON.stringify([id || target, from === null ? [mode, uid, gid] : [origin ?? from, source]]);
}

/** Of a stage its own file system; of a context a copy, without what is ignored, which nobody can change meanwhile. */
async function openBind(
  build: Build,
  { mount, source, read }: Omit<PlannedMount, "mount" | "content"> & { readonly mount: Of<"bind"> },
  stack: AsyncDisposableStack,
): Promise<StepMount> {
  if (source === null) throw new Error("a bind mount without a source");
  const { target, readWrite } = mount;
  const readOnly = !readWrite;
  if (source.type === "chain") {
    const root = readWrite ? await openWritable(build, source, stack) : await build.views.open(source.chain);
    return { type: "bind", source: await locate(build, root, mount.source || "/"), target, readOnly };
  }
  const copy = join(build.scratch, newWritableKey());
  await mkdir(copy, { mode: 0o755 });
  if (read !== null) {
    await copyFiles(build, { source, wish: wholeOf(mount.source), read }, { rootfs: copy, stepID: null });
  }
  return { type: "bind", source: await locate(build, copy, mount.source || "/"), target, readOnly };
}

/** What is written into it goes with the step. */
async function openWritable(
  build: Build,
  source: Extract<Source, { type: "chain" }>,
  stack: AsyncDisposableStack,
): Promise<string> {
  const { layers } = build.parts;
  const key = newWritableKey();
  stack.defer(() => layers.remove(key));
  await layers.preparePassing(key, source.chain);
  return layers.mount(key, { isVolatile: true });
}

async function initialOf(build: Build, source: Source, path: string): Promise<string> {
  const { directory } = await treeOf(build, source);
  return locate(build, directory, path || "/");
}

type Opened = { readonly mounts: StepMount[]; readonly environment: string[] };

function openSecret({ request }: Build, mount: Of<"secret">, { mounts, environment }: Opened): void {
  const secret = request.secrets.find(({ id }) => id === mount.id);
  if (secret === undefined) {
    if (!mount.required) return;
    throw new EngineError("not-found", `secret ${mount.id}: not found`, {
      hint: `give it with --secret id=${mount.id},src=FILE`,
    });
  }
  const content = Buffer.from(secret.value, "base64");
  const { mode, uid, gid } = mount;
  if (mount.environment !== null) environment.push(`${mount.environment}=${content.toString("utf8")}`);
  if (mount.target !== null) mounts.push({ type: "secret", content, target: mount.target, mode, uid, gid });
}

function openAgent({ request }: Build, mount: Of<"ssh">, before: number): Extract<StepMount, { type: "ssh" }> | null {
  const id = mount.id === "" ? "default" : mount.id;
  const agent = request.ssh.find((each) => each.id === id);
  if (agent === undefined) {
    if (!mount.required) return null;
    throw new EngineError("not-found", `unset ssh forward key ${id}`, { hint: `give it with --ssh ${id}` });
  }
  const { mode, uid, gid } = mount;
  const target = mount.target ?? `/run/buildkit/ssh_agent.${before}`;
  return { type: "ssh", socket: agent.path, target, mode, uid, gid };
}
