import { mkdir, stat } from "node:fs/promises";
import { EngineError, messageOf } from "../../errors.ts";
import { patientDisk } from "../../host/patient-disk.ts";
import { findProgram } from "../../host/programs.ts";
import type { MountRequest } from "../../protocol/create-request.ts";
import type { RuntimeSpec } from "../container-runtime.ts";
import { resolveSeccomp } from "../seccomp.ts";
import { findBlockDevices } from "./block-devices.ts";
import { buildSpec, isUnfiltered } from "./build-spec.ts";
import { resolveCapabilities } from "./capabilities.ts";
import { resolveDevices } from "./devices.ts";
import { getHostFacts } from "./host-facts.ts";
import { refuseLeadingOut, refuseLinkedMountPoints } from "./rootfs-checks.ts";
import type { SpecInput } from "./types.ts";
import { resolveUser } from "./user.ts";

/** Static inits by what distributions call them. */
const inits = ["tini-static", "docker-init", "catatonit", "tini"];

export type SpecWish = Omit<SpecInput, "user" | "host" | "initProgram" | "devices" | "blockDevices" | "seccomp">;

/**
 * Looks up what a spec depends on (the user in the mounted file system, devices, host) and builds it. Makes missing sources of
 * bind mounts where the request allows it. `rootfs` has to be mounted. Fails with `invalid-argument`, `failed-precondition`.
 */
export async function prepareSpec(wish: SpecWish): Promise<{ spec: RuntimeSpec; warnings: string[] }> {
  const { request, image, rootfs } = wish;
  const host = getHostFacts();
  refuseLinkedMountPoints(rootfs);
  await refuseLeadingOut(rootfs, request.workingDirectory || image.workingDirectory || "/");
  const user = await resolveUser(rootfs, request.user || image.user, request.groupAdd);
  const seccomp = resolveSeccomp(isUnfiltered(request) ? { kind: "unconfined" } : request.seccomp, {
    capabilities: resolveCapabilities(request, host.capabilities),
    architecture: host.architecture,
    kernel: host.kernel,
  });
  const mounts = await Promise.all(request.mounts.map(withSource));
  const devices = await resolveDevices(request);
  const blockDevices = await findBlockDevices(request.resources);
  return buildSpec({
    ...wish,
    request: { ...request, mounts },
    host,
    user,
    seccomp,
    devices,
    blockDevices,
    initProgram: request.init ? findInit() : null,
  });
}

/** The init program for `--init`, or null. */
export function findInit(): string | null {
  return inits.map(findProgram).find((path) => path !== null) ?? null;
}

/** Its source is there. Nothing is mounted below a file, and crun would take `rro` on one for a directory's. */
async function withSource(mount: MountRequest): Promise<MountRequest> {
  if (mount.type === "tmpfs" || !mount.source.startsWith("/")) return mount;
  const { source } = mount;
  const found = await patientDisk.ask(source, () => stat(source).catch(() => null));
  if (found !== null) return found.isDirectory() ? mount : { ...mount, nonRecursive: true };
  if (mount.type === "bind") await makeSource(mount);
  return mount;
}

async function makeSource({ source, createSource }: MountRequest): Promise<void> {
  if (!createSource) {
    throw new EngineError("invalid-argument", `bind source ${source} does not exist on this host`, {
      hint: "make it first, or use -v, which makes a missing directory",
      exitCode: 125,
    });
  }
  try {
    await patientDisk.ask(source, () => mkdir(source, { recursive: true }));
  } catch (cause) {
    throw new EngineError("invalid-argument", `bind source ${source} cannot be made: ${messageOf(cause)}`, {
      cause,
      exitCode: 125,
    });
  }
}
