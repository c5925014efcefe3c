import { mkdir, writeFile } from "node:fs/promises";
import { EngineError, messageOf } from "../errors.ts";
import { findProgram } from "../host/programs.ts";
import type { Endpoint } from "../networks/network-service.ts";
import type { RuntimeSpec } from "../runtime/container-runtime.ts";
import { resolveSeccomp } from "../runtime/seccomp.ts";
import { buildSpec } from "../runtime/spec/build-spec.ts";
import { resolveCapabilities } from "../runtime/spec/capabilities.ts";
import { resolveDevices } from "../runtime/spec/devices.ts";
import { getHostFacts } from "../runtime/spec/host-facts.ts";
import type { ResolvedUser } from "../runtime/spec/types.ts";
import { resolveUser } from "../runtime/spec/user.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord } from "./container-record.ts";
import type { ContainerParts } from "./parts.ts";

/** Static programs that reap zombies and hand signals on, by the names distributions give them. */
const initPrograms = ["tini-static", "docker-init", "catatonit", "tini"];

export type Surroundings = {
  readonly endpoint: Endpoint;
  /** Absolute path of the mounted file system. */
  readonly rootfs: string;
};

/** Builds the runtime spec as far as it is known before the start: refuses what cannot be had, gives warnings. */
export async function checkSpec(parts: ContainerParts, record: ContainerRecord): Promise<string[]> {
  const user: ResolvedUser = { uid: 0, gid: 0, additionalGids: [0] };
  const netnsPath = record.request.network === "host" ? null : "/";
  const { warnings } = await build(parts, record, { user, netnsPath, rootfs: parts.layers.rootfsOf(record.id) });
  return warnings;
}

/** Makes what the spec refers to on the host: sources of binds, the files of names. */
export async function prepareSpec(
  parts: ContainerParts,
  record: ContainerRecord,
  { endpoint, rootfs }: Surroundings,
): Promise<RuntimeSpec> {
  const { request, resolution } = record;
  await Promise.all([makeSources(record), writeFiles(parts, record, endpoint)]);
  const user = resolveUser(rootfs, resolution.user, request.groupAdd);
  const { spec } = await build(parts, record, { user, netnsPath: endpoint.netnsPath, rootfs });
  return spec;
}

type Known = { readonly user: ResolvedUser; readonly netnsPath: string | null; readonly rootfs: string };

async function build(parts: ContainerParts, { id, request, resolution }: ContainerRecord, known: Known) {
  const paths = pathsOf(parts.config, id);
  const host = getHostFacts();
  const initProgram = request.init ? (initPrograms.map(findProgram).find((path) => path !== null) ?? null) : null;
  return buildSpec({
    ...known,
    request,
    image: resolution.image,
    hostname: resolution.hostname,
    cgroupsPath: `/${parts.config.names.cgroupParent}/${id}`,
    host,
    files: { hosts: paths.hosts, resolvConf: paths.resolvConf, hostname: paths.hostname },
    initProgram,
    devices: await resolveDevices(request),
    seccomp: resolveSeccomp(request.seccomp, {
      architecture: host.architecture,
      kernel: host.kernel,
      capabilities: resolveCapabilities(request, host.capabilities),
    }),
  });
}

/** As docker does for -v. Not undone: it is the user's own directory from now on. */
async function makeSources({ request }: ContainerRecord): Promise<void> {
  for (const { type, source, createSource } of request.mounts) {
    if (type !== "bind" || !createSource) continue;
    try {
      await mkdir(source, { recursive: true, mode: 0o755 });
    } catch (error) {
      // A file is a fine source, too.
      if ((error as NodeJS.ErrnoException).code === "EEXIST") continue;
      throw new EngineError("failed-precondition", `make mount source ${source}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
}

async function writeFiles(parts: ContainerParts, record: ContainerRecord, endpoint: Endpoint): Promise<void> {
  const paths = pathsOf(parts.config, record.id);
  await Promise.all([
    writeFile(paths.hosts, `127.0.0.1\tlocalhost\n${endpoint.ipAddress}\t${record.resolution.hostname}\n`),
    writeFile(paths.hostname, `${record.resolution.hostname}\n`),
    writeFile(paths.resolvConf, "nameserver 127.0.0.1\n"),
  ]);
}
