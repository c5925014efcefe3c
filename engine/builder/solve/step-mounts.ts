import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { EngineError } from "../../errors.ts";
import { chainIDOf } from "../../oci/chain-id.ts";
import { type Digest, sha256 } from "../../oci/digest.ts";
import type { RunMount } from "../dockerfile/types.ts";
import type { StepMount } from "../run/step-runner.ts";
import type { Build } from "./build.ts";
import { digestOf, type FindSource, locate, type Source, treeOf, wholeOf } from "./sources.ts";
import type { MountInputs } from "./step-key.ts";
import { newWritableKey } from "./views.ts";

/** A mount whose source is known; nothing is made for it yet. */
export type PlannedMount = MountInputs & { readonly source: Source | null };

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
    return { mount, source, content: await contentOf(build, source, mount.source) };
  }
  // What a cache begins with is no part of the result.
  if (mount.type !== "cache" || mount.from === null) return { mount, source: null, content: null };
  const source = await findSource(mount.from);
  return { mount, source, content: source.type === "chain" ? chainIDOf(source.chain) : null };
}

function contentOf(build: Build, source: Source, path: string): Promise<Digest> | Digest {
  const isWhole = path === "" || path === "/" || path === ".";
  if (source.type === "chain" && isWhole) return chainIDOf(source.chain) ?? sha256("");
  return digestOf(build, source, wholeOf(isWhole ? "." : path, path));
}

/** Makes what the mounts need; all of it goes with `stack`, at the end of the step. */
export async function openMounts(
  build: Build,
  planned: readonly PlannedMount[],
  stack: AsyncDisposableStack,
): Promise<OpenedMounts> {
  const mounts: StepMount[] = [];
  const environment: string[] = [];
  for (const { mount, source } of planned) {
    switch (mount.type) {
      case "bind":
        mounts.push(await openBind(build, { mount, source }, stack));
        break;
      case "cache": {
        const { target } = mount;
        const initial = source === null ? null : await initialOf(build, source, mount.source);
        const cache = stack.use(await build.parts.cacheMounts.open(mount, initial, build.signal));
        mounts.push({ type: "bind", source: cache.path, target, readOnly: mount.readOnly });
        break;
      }
      case "tmpfs":
        mounts.push(mount);
        break;
      case "secret":
        openSecret(build, mount, { mounts, environment });
        break;
      case "ssh": {
        const opened = openAgent(build, mount);
        if (opened === null) break;
        mounts.push(opened);
        environment.push(`SSH_AUTH_SOCK=${opened.target}`);
        break;
      }
    }
  }
  return { mounts, environment };
}

type Of<Type extends RunMount["type"]> = Extract<RunMount, { type: Type }>;

/** Of a stage its own file system; of a context a copy, without what is ignored, which nobody can change meanwhile. */
async function openBind(
  build: Build,
  { mount, source }: { readonly mount: Of<"bind">; readonly source: Source | null },
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
  const isWhole = mount.source === "" || mount.source === "/" || mount.source === ".";
  const wish = { ...wholeOf(isWhole ? "." : mount.source, mount.source), parents: !isWhole };
  await build.parts.copier.copy(source.tree, wish, copy, { signal: build.signal });
  return { type: "bind", source: await locate(build, copy, isWhole ? "/" : mount.source), target, readOnly };
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
  await layers.prepare(key, source.chain);
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

function openAgent({ request }: Build, mount: Of<"ssh">): Extract<StepMount, { type: "ssh" }> | null {
  const id = mount.id === "" ? "default" : mount.id;
  const agent = request.ssh.find((each) => each.id === id);
  if (agent === undefined) {
    if (!mount.required) return null;
    throw new EngineError("not-found", `unset ssh forward key ${id}`, { hint: `give it with --ssh ${id}` });
  }
  const { mode, uid, gid } = mount;
  const target = mount.target ?? join("/run/buildkit", `ssh_agent.${basename(id)}`);
  return { type: "ssh", socket: agent.path, target, mode, uid, gid };
}
