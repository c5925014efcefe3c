import type { Command } from "commander";
import type { FsckFinding, FsckReport } from "../../../engine/protocol/upkeep.ts";
import { formatBytesFinely } from "../../format/bytes.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { Interruptible } from "../interrupt.ts";
import { UsageError } from "../parse/usage-error.ts";
import { printableJson, printableText } from "../printable.ts";
import { ProgressLine } from "../progress-line.ts";

type Flags = { repair?: true; format?: string };

/** Exit code 0 where all is well, or has been repaired, else 1. */
export function command(cli: Cli): Command {
  return newCommand(cli, "engine fsck", "[options]", "check every byte of the store")
    .option("--repair", "take away or make anew what is damaged")
    .option("--format <format>", "text or json", "text")
    .action(async (flags: Flags) => {
      const { format = "text" } = flags;
      const repair = flags.repair === true;
      if (format !== "text" && format !== "json") throw new UsageError(`--format is text or json, not ${format}`);
      const client = await cli.connect();
      using _leaving = new Interruptible();
      using progress = new ProgressLine(process.stderr.isTTY);
      const report = await client.request("system.fsck", { repair }, { onProgress: (step) => progress.show(step) });
      progress.clear();
      cli.print(format === "json" ? printableJson(report) : await printableText(describeReport(report, repair)));
      cli.exitCode = report.findings.every((finding) => repair && finding.repair !== "") ? 0 : 1;
    });
}

export function describeReport(report: FsckReport, repair: boolean): string {
  const { blobs, layers, images, bytes, findings } = report;
  const done = findings.filter((finding) => repair && finding.repair !== "").length;
  const outcome =
    findings.length === 0
      ? "all is well"
      : `${counted(findings.length, "problem")}, ${done === 0 ? "none" : done} repaired`;
  const whole = `${counted(images, "image")}, ${counted(layers, "layer")} and ${counted(blobs, "blob")}`;
  return [
    ...findings.flatMap((finding) => linesOf(finding, repair)),
    `checked ${whole} (${formatBytesFinely(bytes)}): ${outcome}`,
    ...(!repair && findings.some((finding) => finding.repair !== "") ? ["to repair: gantry engine fsck --repair"] : []),
  ].join("\n");
}

function linesOf({ kind, object, problem, repair, hint }: FsckFinding, isRepaired: boolean): string[] {
  return [
    `${kind === object ? kind : `${kind} ${object}`}: ${problem}`,
    ...(repair === "" ? [] : [`  ${isRepaired ? "repaired" : "repair"}: ${repair}`]),
    ...(hint === "" ? [] : [`  hint: ${hint}`]),
  ];
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
