import { EngineError } from "../../errors.ts";
import type { RuntimeSpec } from "../container-runtime.ts";
import { capabilitySets, resolveCapabilities } from "./capabilities.ts";
import { checkWorkingDirectory, initPath, resolveCommand, resolveEnvironment } from "./command.ts";
import { buildDevices } from "./devices.ts";
import { buildRlimits, resolveOomScoreAdj } from "./limits.ts";
import { buildMounts, rootfsPropagation } from "./mounts.ts";
import { buildResources } from "./resources.ts";
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

/** System V IPC, POSIX queues and the network stack have namespaces of their own; nothing else under /proc/sys has. */
const namespacedSysctl =
  /^(net\.[\w.\-/]+|fs\.mqueue\.\w+|kernel\.(shm\w+|msg\w+|sem|shm_rmid_forced)|kernel\.domainname)$/;

/**
 * Everything a runtime needs to know of a container (OCI runtime spec 1.0.2, config.md, config-linux.md), with docker's defaults.
 * A value: nothing is looked up or changed. What this host cannot do is left out and named in `warnings`. Fails with
 * `invalid-argument`.
 */
export function buildSpec(input: SpecInput): { spec: RuntimeSpec; warnings: string[] } {
  const warnings: string[] = [];
  const warn: Warn = (warning) => warnings.push(warning);
  const spec = {
    ociVersion,
    hostname: input.hostname,
    root: { path: input.rootfs, readonly: input.request.readOnlyRootfs },
    process: buildProcess(input, warn),
    mounts: buildMounts(input),
    linux: buildLinux(input, warn),
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

function buildLinux(input: SpecInput, warn: Warn): Record<string, unknown> {
  const { request, host } = input;
  const { devices, rules } = buildDevices(input.devices, request.privileged);
  const propagation = rootfsPropagation(request.mounts);
  const sealed = request.privileged
    ? {}
    : { maskedPaths: [...maskedPaths, ...host.thermalThrottlePaths], readonlyPaths };
  return {
    namespaces: namespacesOf(input),
    cgroupsPath: input.cgroupsPath,
    resources: { devices: rules, ...buildResources(request.resources, host, warn, input.blockDevices) },
    devices,
    sysctl: sysctlsOf(input),
    ...sealed,
    ...(propagation === null ? {} : { rootfsPropagation: propagation }),
    ...(input.seccomp === null || request.privileged ? {} : { seccomp: input.seccomp }),
  };
}

function namespacesOf({ netnsPath, host }: SpecInput): Record<string, string>[] {
  return [
    { type: "mount" },
    { type: "uts" },
    { type: "pid" },
    { type: "ipc" },
    ...(netnsPath === null ? [] : [{ type: "network", path: netnsPath }]),
    ...(host.cgroupNamespace ? [{ type: "cgroup" }] : []),
  ];
}

function sysctlsOf({ request, netnsPath, host }: SpecInput): Record<string, string> {
  for (const name of Object.keys(request.sysctls)) {
    const isNetwork = name.startsWith("net.") || name.startsWith("net/");
    if (
      namespacedSysctl.test(name.replaceAll("/", ".")) &&
      !name.includes("..") &&
      !(isNetwork && netnsPath === null)
    ) {
      continue;
    }
    const reason = isNetwork ? "it would change the host's own network" : "it is not a container's own";
    throw new EngineError("invalid-argument", `sysctl ${JSON.stringify(name)} cannot be set: ${reason}`, {
      exitCode: 125,
    });
  }
  // As docker: an own network stack has no privileged ports and lets every group ping.
  const defaults: Record<string, string> =
    netnsPath !== null && host.networkSysctls
      ? { "net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647" }
      : {};
  return { ...defaults, ...request.sysctls };
}
