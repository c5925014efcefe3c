import { statfs } from "node:fs/promises";
import { arch, cpus, hostname, release, totalmem } from "node:os";
import { engineVersion } from "../../config.ts";
import { readOSRelease } from "../../host/os-release.ts";
import { protocolVersion } from "../../protocol/rpc.ts";
import type { SystemInfo } from "../../protocol/system.ts";
import type { Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";

type SystemMethods = "system.handshake" | "system.info" | "system.shutdown" | "operations.cancel";

export function systemHandlers(parts: ServerParts): Pick<Handlers, SystemMethods> {
  return {
    "system.handshake": () => ({
      protocolVersion,
      engineVersion,
      epoch: parts.identity.epoch,
      pid: process.pid,
      startedAt: parts.identity.startedAt,
    }),
    "system.info": () => systemInfo(parts),
    "operations.cancel": ({ id }) => {
      parts.operations.cancel(id);
      return {};
    },
    "system.shutdown": () => {
      // After the answer has left.
      setTimeout(parts.shutdown, 10);
      return {};
    },
  };
}

async function systemInfo(parts: ServerParts): Promise<SystemInfo> {
  const { config, identity } = parts;
  const [disk, { name: operatingSystem }] = await Promise.all([statfs(config.root), readOSRelease()]);
  const containers = parts.containers.list(true);
  const running = containers.filter(({ status }) => status === "running" || status === "restarting").length;
  const paused = containers.filter(({ status }) => status === "paused").length;
  return {
    hostname: hostname(),
    kernel: release(),
    architecture: arch(),
    operatingSystem,
    cpus: cpus().length,
    memory: totalmem(),
    root: config.root,
    run: config.run,
    engineVersion,
    pid: process.pid,
    startedAt: identity.startedAt,
    cgroupMode: identity.cgroupMode,
    runtime: identity.runtime,
    runtimeVersion: identity.runtimeVersion,
    diskTotal: disk.blocks * disk.bsize,
    diskFree: disk.bavail * disk.bsize,
    containers: { total: containers.length, running, paused, stopped: containers.length - running - paused },
    images: parts.images.list().length,
  };
}
