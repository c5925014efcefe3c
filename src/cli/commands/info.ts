import type { Command } from "commander";
import type { SystemInfo } from "../../../engine/protocol/system.ts";
import { clientVersion } from "../../client/version.ts";
import { formatBinaryBytes, formatBytes } from "../../format/bytes.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { printableJson, printableText } from "../printable.ts";
import { compileTemplate } from "../template/template.ts";

export function command(cli: Cli): Command {
  return newCommand(cli, "info", "[options]", "show the engine and its host")
    .option("-f, --format <format>", "json or a template")
    .action(async ({ format }: { format?: string }) => {
      const client = await cli.connect();
      const info = await client.request("system.info", {});
      if (format === "json") cli.print(printableJson(dockerInfo(info)));
      else if (format !== undefined)
        cli.print(await printableText(compileTemplate(format, { strict: true })(dockerInfo(info))));
      else
        for (const [title, value] of describe(info))
          cli.print(await printableText(`${`${title}:`.padEnd(18)}${value}`));
    });
}

function describe(info: SystemInfo): [string, string][] {
  const { running, paused, stopped, total } = info.containers;
  return [
    ["Client", clientVersion],
    ["Engine", `${info.engineVersion} (pid ${info.pid}, since ${info.startedAt})`],
    ["Containers", `${total} (${running} running, ${paused} paused, ${stopped} stopped)`],
    ["Images", String(info.images)],
    ["Runtime", `${info.runtime} ${info.runtimeVersion}`],
    ["Cgroups", info.cgroupMode],
    ["Kernel", info.kernel],
    ["Operating system", info.operatingSystem],
    ["Architecture", info.architecture],
    ["CPUs", String(info.cpus)],
    ["Memory", formatBinaryBytes(info.memory)],
    ["Name", info.hostname],
    ["Root", info.root],
    ["Run", info.run],
    ["Disk", `${formatBytes(info.diskFree)} free of ${formatBytes(info.diskTotal)}`],
  ];
}

/** Docker's names for what both have. */
function dockerInfo(info: SystemInfo): Record<string, unknown> {
  return {
    Name: info.hostname,
    ServerVersion: info.engineVersion,
    Containers: info.containers.total,
    ContainersRunning: info.containers.running,
    ContainersPaused: info.containers.paused,
    ContainersStopped: info.containers.stopped,
    Images: info.images,
    Driver: "overlay2",
    LoggingDriver: "local",
    CgroupDriver: "cgroupfs",
    Plugins: {
      Volume: ["local"],
      Network: ["bridge", "host", "ipvlan", "macvlan", "null"],
      Authorization: null,
      Log: ["json-file", "local", "none"],
    },
    SecurityOptions: ["name=seccomp,profile=builtin", "name=cgroupns"],
    Runtimes: { [info.runtime]: { path: info.runtime } },
    LiveRestoreEnabled: true,
    Swarm: { LocalNodeState: "inactive" },
    Warnings: null,
    DockerRootDir: info.root,
    RunDir: info.run,
    CgroupVersion: info.cgroupMode === "v2" ? "2" : "1",
    CgroupMode: info.cgroupMode,
    DefaultRuntime: info.runtime,
    RuntimeVersion: info.runtimeVersion,
    KernelVersion: info.kernel,
    OperatingSystem: info.operatingSystem,
    OSType: "linux",
    Architecture: info.architecture,
    NCPU: info.cpus,
    MemTotal: info.memory,
    DiskTotal: info.diskTotal,
    DiskFree: info.diskFree,
    EnginePid: info.pid,
    StartedAt: info.startedAt,
  };
}
