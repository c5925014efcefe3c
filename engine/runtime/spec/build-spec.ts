import { EngineError } from "../../errors.ts";
import type { IDRange } from "../../host/id-ranges.ts";
import type { CreateRequest } from "../../protocol/create-request.ts";
import type { RuntimeSpec } from "../container-runtime.ts";
import { capabilitySets, resolveCapabilities } from "./capabilities.ts";
import { checkWorkingDirectory, initPath, resolveCommand, resolveEnvironment } from "./command.ts";
import { buildDevices } from "./devices.ts";
import { buildRlimits, resolveOomScoreAdj } from "./limits.ts";
import { buildMounts, rootfsPropagation } from "./mounts.ts";
import { buildNamespaces, type NamespaceModes, parseModes } from "./namespaces.ts";
import { buildResources } from "./resources.ts";
import { buildSysctls } from "./sysctls.ts";
import type { SpecInput, Warn } from "./types.ts";

/** Newer versions add nothing that we use, and older runtimes refuse them. */
const ociVersion = "1.0.2";

/** moby's lists. */
export const maskedPaths: readonly string[] = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
export const readonlyPaths: readonly string[] = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

/**
 * Everything a runtime needs to know of a container (OCI runtime spec 1.0.2, config.md, config-linux.md), with docker's defaults.
 * A value: nothing is looked up or changed. What this host cannot do is left out and named in `warnings`. Fails with
 * `invalid-argument`.
 */
export function buildSpec(input: SpecInput): { spec: RuntimeSpec; warnings: string[] } {
  const warnings: string[] = [];
  const warn: Warn = (warning) => warnings.push(warning);
  const modes = parseModes(input.request);
  const { annotations } = input.request;
  const spec = {
    ociVersion,
    ...(modes.uts.kind === "host" ? {} : { hostname: input.hostname }),
    root: { path: input.rootfs, readonly: input.request.readOnlyRootfs },
    process: buildProcess(input, warn),
    mounts: buildMounts(input, modes),
    linux: buildLinux(input, modes, warn),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
  return { spec, warnings };
}

function buildProcess(input: SpecInput, warn: Warn): Record<string, unknown> {
  const { request, user, host } = input;
  const args = resolveCommand(input);
  const oomScoreAdj = resolveOomScoreAdj(request.oomScoreAdj, host, warn);
  return {
    terminal: request.terminal,
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args: request.init ? withInit(args, input.initProgram) : args,
    env: resolveEnvironment(input),
    cwd: checkWorkingDirectory(request.workingDirectory || input.image.workingDirectory || "/"),
    capabilities: capabilitySets(resolveCapabilities(request, host.capabilities), user.uid),
    rlimits: buildRlimits(request.ulimits, host, warn),
    noNewPrivileges: request.noNewPrivileges,
    ...(input.apparmor == null ? {} : { apparmorProfile: input.apparmor }),
    ...(oomScoreAdj === null ? {} : { oomScoreAdj }),
  };
}

function withInit(args: readonly string[], initProgram: string | null): string[] {
  if (initProgram !== null) return [initPath, "--", ...args];
  throw new EngineError("failed-precondition", "no init program found on this host for --init", {
    hint: "install tini or catatonit",
    exitCode: 125,
  });
}

function buildLinux(input: SpecInput, modes: NamespaceModes, warn: Warn): Record<string, unknown> {
  const { request, host, joined } = input;
  const { devices, rules } = buildDevices(input.devices, request);
  const propagation = rootfsPropagation(request.mounts);
  const sealed =
    request.privileged || request.unmaskedPaths
      ? {}
      : { maskedPaths: [...maskedPaths, ...host.thermalThrottlePaths], readonlyPaths };
  return {
    namespaces: buildNamespaces(input, modes),
    ...(joined?.user === undefined ? {} : idMappings(joined.user.ids)),
    cgroupsPath: input.cgroupsPath,
    resources: { devices: rules, ...buildResources(request.resources, host, warn, input.blockDevices) },
    devices,
    sysctl: buildSysctls(input, modes),
    ...sealed,
    ...(propagation === null ? {} : { rootfsPropagation: propagation }),
    ...(input.seccomp === null || isUnfiltered(request) ? {} : { seccomp: input.seccomp }),
  };
}

/** As docker: a privileged container has a filter only where one was named. */
export function isUnfiltered({ privileged, seccomp }: Pick<CreateRequest, "privileged" | "seccomp">): boolean {
  return privileged && seccomp.kind !== "custom";
}

/** Told beside the namespace's file, so that the runtime gives what it makes to the container's own root. */
function idMappings({ start, size }: IDRange): Record<string, unknown> {
  const mappings = [{ containerID: 0, hostID: start, size }];
  return { uidMappings: mappings, gidMappings: mappings };
}
