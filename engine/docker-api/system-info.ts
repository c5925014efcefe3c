import { createHash } from "node:crypto";
import { readdir, readFile, statfs } from "node:fs/promises";
import { availableParallelism, hostname, machine, release, totalmem } from "node:os";
import { engineVersion } from "../config.ts";
import { messageOf } from "../errors.ts";
import { hasAppArmor } from "../host/apparmor.ts";
import { readOSRelease } from "../host/os-release.ts";
import { findProgram } from "../host/programs.ts";
import { formatRange } from "../lib/ip-range.ts";
import { readNetworkSettings } from "../networks/network-settings.ts";
import { readRegistrySettings } from "../registry/registry-settings.ts";
import { runtimeNames } from "../runtime/runtime-program.ts";
import type { ServerParts } from "../server/parts.ts";
import { findAbilities, warningsOf } from "./host-abilities.ts";

const hub = "https://index.docker.io/v1/";
/** What IPv4 and IPv6 keep on the host itself: registries there need no certificate. */
const loopback = ["127.0.0.0/8", "::1/128"];

/** Before it, a client warned where bridges did not show their packets to iptables. Ours need not. */
const quietBridges = 50;

/** The answer of /info, as of minor `version`. */
export async function systemInfo(parts: ServerParts, version: number): Promise<Record<string, unknown>> {
  const { config, identity, containers, images } = parts;
  const abilities = findAbilities();
  const [os, files, settings] = await Promise.all([readOSRelease(), readdir("/proc/self/fd"), readSettings(parts)]);
  return {
    ID: await idOf(config.root),
    ...countContainers(parts),
    Images: images.list().length,
    Driver: "overlay2",
    DriverStatus: [
      ["Backing Filesystem", await fileSystemOf(config.root)],
      ["Supports d_type", "true"],
      ["userxattr", "false"],
    ],
    Plugins: pluginsOf(),
    ...abilities,
    ...(version < quietBridges ? { BridgeNfIptables: true, BridgeNfIp6tables: true } : {}),
    Debug: false,
    NFd: files.length,
    NGoroutines: process.getActiveResourcesInfo().length,
    SystemTime: new Date().toISOString(),
    LoggingDriver: containers.logDriver,
    CgroupDriver: "cgroupfs",
    CgroupVersion: identity.cgroupMode === "v2" ? "2" : "1",
    NEventsListener: 0,
    KernelVersion: release(),
    OperatingSystem: os.name,
    OSVersion: os.version,
    OSType: "linux",
    Architecture: machine(),
    IndexServerAddress: hub,
    NCPU: availableParallelism(),
    MemTotal: totalmem(),
    GenericResources: null,
    DockerRootDir: config.root,
    HttpProxy: "",
    HttpsProxy: "",
    NoProxy: "",
    Name: hostname(),
    Labels: [],
    // What docker calls so (checkpoints) is there.
    ExperimentalBuild: true,
    ServerVersion: engineVersion,
    ...runtimesOf(parts),
    Swarm: noSwarm,
    // Containers go on while the engine is down.
    LiveRestoreEnabled: true,
    Isolation: "",
    InitBinary: findProgram("tini") === null ? "catatonit" : "tini",
    SecurityOptions: securityOf(parts),
    FirewallBackend: { Driver: "nftables" },
    CDISpecDirs: [],
    ...settings.fields,
    Warnings: emptyAsNull([...settings.warnings, ...warningsOf(abilities)]),
  };
}

const noSwarm = {
  NodeID: "",
  NodeAddr: "",
  LocalNodeState: "inactive",
  ControlAvailable: false,
  Error: "",
  RemoteManagers: null,
};

function countContainers({ containers }: ServerParts): Record<string, number> {
  const all = containers.list(true);
  const running = all.filter(({ status }) => status === "running" || status === "restarting").length;
  const paused = all.filter(({ status }) => status === "paused").length;
  return {
    Containers: all.length,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: all.length - running - paused,
  };
}

function pluginsOf(): Record<string, unknown> {
  return {
    Volume: ["local"],
    Network: ["bridge", "host", "ipvlan", "macvlan", "null"],
    Authorization: null,
    Log: ["json-file", "local", "none"],
  };
}

function runtimesOf({ identity }: ServerParts): Record<string, unknown> {
  const installed = runtimeNames.flatMap((name) => {
    const path = findProgram(name);
    return path === null ? [] : [[name, { path }] as const];
  });
  const version = `${identity.runtime} ${identity.runtimeVersion}`;
  return {
    Runtimes: Object.fromEntries(installed),
    DefaultRuntime: identity.runtime,
    ContainerdCommit: { ID: "N/A", Expected: "N/A" },
    RuncCommit: { ID: version, Expected: version },
    InitCommit: { ID: "N/A", Expected: "N/A" },
  };
}

function securityOf({ identity }: ServerParts): string[] {
  return [
    ...(hasAppArmor() ? ["name=apparmor"] : []),
    "name=seccomp,profile=builtin",
    ...(identity.cgroupMode === "v2" ? ["name=cgroupns"] : []),
  ];
}

/** What the administrator wrote; a mistake there is a warning here. */
async function readSettings({ config }: ServerParts) {
  const warnings: string[] = [];
  const orNull = <T>(work: Promise<T>) =>
    work.catch((error: unknown) => {
      warnings.push(`WARNING: ${messageOf(error)}`);
      return null;
    });
  const registries = await orNull(readRegistrySettings(config.settings));
  const networks = await orNull(readNetworkSettings(config.settings));
  const pools = networks?.pools?.map(({ base, size }) => ({ Base: formatRange(base), Size: size }));
  const insecure = registries?.insecure ?? [];
  const mirrors = (registries?.mirrors ?? []).map((url) => `${url}/`);
  const index = (name: string, official: boolean) => ({
    Name: name,
    Mirrors: official ? mirrors : [],
    Secure: official,
    Official: official,
  });
  const hosts = insecure.filter((entry) => !entry.includes("/")).map((host) => [host, index(host, false)]);
  const RegistryConfig = {
    AllowNondistributableArtifactsCIDRs: null,
    AllowNondistributableArtifactsHostnames: null,
    InsecureRegistryCIDRs: [...insecure.filter((entry) => entry.includes("/")), ...loopback],
    IndexConfigs: Object.fromEntries([["docker.io", index("docker.io", true)], ...hosts]),
    Mirrors: emptyAsNull(mirrors),
  };
  return { warnings, fields: { RegistryConfig, ...(pools === undefined ? {} : { DefaultAddressPools: pools }) } };
}

/** statfs(2) gives a number; moby's names. */
const fileSystems: Readonly<Record<number, string>> = {
  61267: "extfs",
  1481003842: "xfs",
  2435016766: "btrfs",
  16914836: "tmpfs",
  801189825: "zfs",
  2035054128: "overlayfs",
  4076150800: "f2fs",
};

async function fileSystemOf(path: string): Promise<string> {
  const { type } = await statfs(path);
  return fileSystems[type] ?? "<unknown>";
}

/** The same at every start: of the host and the root directory. */
async function idOf(root: string): Promise<string> {
  const host = await readFile("/etc/machine-id", "utf8").catch(() => hostname());
  const hex = createHash("sha256").update(`gantry ${host.trim()} ${root}`).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}

function emptyAsNull<T>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list;
}
