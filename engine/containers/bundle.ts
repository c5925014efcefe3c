import { lchown, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { settleAll } from "../lib/settle.ts";
import type { Sandbox } from "../networks/network-service.ts";
import type { MountRequest } from "../protocol/create-request.ts";
import { resolveSeccomp } from "../runtime/seccomp.ts";
import { findBlockDevices } from "../runtime/spec/block-devices.ts";
import { buildSpec } from "../runtime/spec/build-spec.ts";
import { resolveCapabilities } from "../runtime/spec/capabilities.ts";
import { resolveDevices } from "../runtime/spec/devices.ts";
import { getHostFacts } from "../runtime/spec/host-facts.ts";
import { findInit, prepareSpec, type SpecWish } from "../runtime/spec/prepare-spec.ts";
import { propagationOf } from "./bind-propagation.ts";
import { cgroupParentOf, checkIsolation, type OpenNamespaces, prepareProfile } from "./container-isolation.ts";
import { type HostNames, namesOwnerOf, readHostNames, writeNameFiles } from "./container-name-files.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord } from "./container-record.ts";
import { plannedMounts } from "./container-volumes.ts";
import { linkedFacts } from "./links.ts";
import { containerMark } from "./own-changes.ts";
import type { ContainerParts } from "./parts.ts";

export type PreparedBundle = {
  /** Absolute path of the mounted file system. */
  readonly rootfs: string;
  readonly hostNames: HostNames;
};

export type Surroundings = {
  readonly sandbox: Sandbox;
  readonly prepared: PreparedBundle;
  readonly namespaces: OpenNamespaces | null;
  /** Volumes as binds. */
  readonly mounts: readonly MountRequest[];
};

/** Builds the runtime spec as far as it is known before the start: refuses what cannot be had, gives warnings. */
export async function checkSpec(parts: ContainerParts, record: ContainerRecord): Promise<string[]> {
  const { id, request } = record;
  checkIsolation(parts, request);
  const host = getHostFacts();
  const netnsPath = request.network === "host" ? null : "/";
  const { warnings } = buildSpec({
    ...wishOf(parts, record, { netnsPath, rootfs: parts.layers.rootfsOf(id), mounts: plannedMounts(parts, record) }),
    // Who that is, only the container's own files tell.
    user: { uid: 0, gid: 0, additionalGids: [0] },
    host,
    initProgram: request.init ? findInit() : null,
    devices: await resolveDevices(request),
    blockDevices: await findBlockDevices(request.resources),
    seccomp: resolveSeccomp(request.seccomp, {
      architecture: host.architecture,
      kernel: host.kernel,
      capabilities: resolveCapabilities(request, host.capabilities),
    }),
  });
  return warnings;
}

/** What a bundle needs of the host alone, so that it is made beside the network. Mounts the file system. */
export async function prepareBundle(parts: ContainerParts, record: ContainerRecord): Promise<PreparedBundle> {
  const [rootfs, hostNames] = await settleAll([mountMarked(parts, record.id), readHostNames(record)]);
  return { rootfs, hostNames };
}

/** Makes the OCI bundle: the files of names, the sources of binds, and config.json. */
export async function writeBundle(
  parts: ContainerParts,
  record: ContainerRecord,
  { sandbox, prepared: { rootfs, hostNames }, namespaces, mounts }: Surroundings,
): Promise<void> {
  const apparmor = await prepareProfile(parts, record.request);
  const joined = namespaces === null ? {} : { joined: namespaces.joined };
  const known = { netnsPath: sandbox.netnsPath, rootfs, apparmor, ...joined, mounts };
  const linked = linkedFacts(parts, record);
  const wish = wishOf(parts, record, known);
  const environment = [...linked.environment, ...wish.request.environment];
  const { spec } = await prepareSpec({ ...wish, request: { ...wish.request, environment } });
  const text = parts.runtime.formatSpec(record.id, spec, record.request.runtime);
  await Promise.all([
    writeNameFiles(parts, record, { sandbox, hostNames, linked: linked.hosts }),
    writeFile(pathsOf(parts.config, record.id).spec, text, { mode: 0o600 }),
  ]);
  await giveToOwnRoot(parts, record, rootfs);
}

function wishOf(
  parts: ContainerParts,
  record: ContainerRecord,
  { mounts, ...known }: Pick<SpecWish, "netnsPath" | "rootfs" | "apparmor" | "joined"> & Pick<Surroundings, "mounts">,
): SpecWish {
  const { id, request, resolution } = record;
  const owner = namesOwnerOf(parts, record);
  const { hosts, resolvConf, hostname } = pathsOf(parts.config, owner.id);
  return {
    ...known,
    request: {
      ...request,
      mounts: mounts.map((mount) => ({ ...mount, propagation: propagationOf(mount, parts.config) })),
    },
    image: resolution.image,
    hostname: owner.resolution.hostname,
    cgroupsPath: `${cgroupParentOf(parts, request)}/${id}`,
    files: { hosts, resolvConf, hostname },
  };
}

async function mountMarked({ layers }: Pick<ContainerParts, "layers">, id: string): Promise<string> {
  const rootfs = await layers.mount(id);
  await markRootfs(rootfs);
  return rootfs;
}

/**
 * By this empty file many programs know that they run in a container. An image may have anything in its place, also a link that
 * leads out: then it stays as it is.
 */
async function markRootfs(rootfs: string): Promise<void> {
  try {
    await writeFile(join(rootfs, containerMark), "", { flag: "wx", mode: 0o755 });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
}

/** What the engine makes for a container whose root is nobody on the host belongs to that root, as it would to any other. */
async function giveToOwnRoot(parts: ContainerParts, record: ContainerRecord, rootfs: string): Promise<void> {
  const ids = parts.layers.idsOf(record.id);
  if (ids === null) return;
  const { hosts, resolvConf, hostname } = pathsOf(parts.config, record.id);
  const files = namesOwnerOf(parts, record) === record ? [hosts, resolvConf, hostname] : [];
  const own = [...files, join(rootfs, containerMark)];
  await Promise.all(own.map((path) => lchown(path, ids.start, ids.start)));
}
