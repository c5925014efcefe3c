import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { formatDuration } from "../../../engine/protocol/duration-text.ts";
import type { SystemInfo } from "../../../engine/protocol/system.ts";
import type { EngineClient } from "../../client/connection.ts";
import { findEngine } from "../../client/open-engine.ts";
import { isUnitInstalled, unitName } from "../../client/systemd-unit.ts";
import { formatBytes } from "../../format/bytes.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { printableJson, printableText } from "../printable.ts";
import { compileTemplate } from "../template/template.ts";

type Status = Readonly<Record<string, string | number | boolean | null>>;

/** Exit code 0 where it runs, 3 where not, as service managers have it. */
export function command(cli: Cli): Command {
  return newCommand(cli, "engine status", "[options]", "tell whether the engine runs")
    .option("-f, --format <format>", "json or a template such as '{{.Pid}}'")
    .action(async ({ format }: { format?: string }) => {
      const render = rendererOf(format);
      using client = await findEngine(cli.paths, "gantry-cli");
      if (client === null) cli.exitCode = 3;
      const status = client === null ? { Running: false } : await statusOf(client);
      const unit = isUnitInstalled(cli.paths) ? unitName(cli.paths) : null;
      cli.print(await printableText(render({ ...status, Socket: cli.paths.socket, Unit: unit })));
    });
}

function rendererOf(format: string | undefined): (status: Status) => string {
  if (format === undefined) return describe;
  return format === "json" ? printableJson : compileTemplate(format);
}

async function statusOf(client: EngineClient): Promise<Status> {
  const [info, networks, volumes] = await Promise.all([
    client.request("system.info", {}),
    countOf(client.request("networks.list", {})),
    countOf(client.request("volumes.list", {})),
  ]);
  const { running, paused, stopped } = info.containers;
  return {
    Running: true,
    Version: info.engineVersion,
    Pid: info.pid,
    StartedAt: info.startedAt,
    Memory: residentBytes(info),
    Root: info.root,
    Runtime: `${info.runtime} ${info.runtimeVersion}`,
    Cgroups: info.cgroupMode,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: stopped,
    Images: info.images,
    Networks: networks,
    Volumes: volumes,
    DiskFree: info.diskFree,
    DiskTotal: info.diskTotal,
  };
}

/** Null where the engine is older than the question. */
function countOf(listing: Promise<readonly unknown[]>): Promise<number | null> {
  return listing.then(
    ({ length }) => length,
    () => null,
  );
}

/** Of the engine's process; 0 where it is not of this host. */
function residentBytes({ pid }: SystemInfo): number {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function describe(status: Status): string {
  const boot =
    status.Unit === null ? "started by commands; at boot with: gantry engine install" : `systemd unit ${status.Unit}`;
  if (!status.Running) return `engine is not running (socket ${status.Socket})\nstart: ${boot}`;
  const uptime = formatDuration(Date.now() - Date.parse(String(status.StartedAt)));
  return [
    `engine ${status.Version} runs: pid ${status.Pid}, since ${status.StartedAt} (${uptime}), ${formatBytes(Number(status.Memory))} of memory`,
    `root ${status.Root}, socket ${status.Socket}`,
    `containers: ${status.ContainersRunning} running, ${status.ContainersPaused} paused, ${status.ContainersStopped} stopped`,
    `images: ${status.Images}, networks: ${status.Networks ?? "?"}, volumes: ${status.Volumes ?? "?"}`,
    `runtime ${status.Runtime}, cgroups ${status.Cgroups}`,
    `disk: ${formatBytes(Number(status.DiskFree))} free of ${formatBytes(Number(status.DiskTotal))}`,
    `start: ${boot}`,
  ].join("\n");
}
