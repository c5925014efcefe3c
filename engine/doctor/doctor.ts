import type { EngineConfig } from "../config.ts";
import { messageOf } from "../errors.ts";
import {
  checkCapabilities,
  checkCgroups,
  checkDisk,
  checkIsolation,
  checkKernel,
  checkOverlay,
  checkRoot,
  checkSeccomp,
} from "./check-kernel.ts";
import { checkEngine, checkFirewalls, checkInterfaces, checkNftables, checkSubnet } from "./check-network.ts";
import { checkPrograms, checkRuntimes, checkStarterProgram } from "./check-programs.ts";
import { type Finding, failed } from "./finding.ts";

export type DoctorReport = {
  /** False when anything failed; warnings do not count. */
  readonly ok: boolean;
  readonly findings: readonly Finding[];
};

/** Looks at everything the engine needs of this host. Changes nothing: trials are made beside and taken away again. */
export async function runDoctor(config: EngineConfig): Promise<DoctorReport> {
  const { finding: cgroupFinding, cgroups } = checkCgroups();
  const checks: Promise<Finding | readonly Finding[]>[] = [
    guard("root", () => checkRoot()),
    guard("kernel", () => checkKernel()),
    guard("seccomp", () => checkSeccomp()),
    guard("cgroups", () => cgroupFinding),
    guard("capabilities", () => checkCapabilities()),
    guard("isolation", async () => checkIsolation()),
    guard("overlay", () => checkOverlay(config)),
    guard("disk", () => checkDisk(config)),
    guard("runtimes", () => checkRuntimes(cgroups)),
    guard("programs", () => checkPrograms()),
    guard("busybox", () => checkStarterProgram()),
    guard("interfaces", () => checkInterfaces()),
    guard("nftables", () => checkNftables()),
    guard("subnet", () => checkSubnet(config)),
    guard("firewalls", () => checkFirewalls(config)),
    guard("engine", () => checkEngine(config)),
  ];
  const findings = (await Promise.all(checks)).flat();
  return { ok: findings.every(({ status }) => status !== "failed"), findings };
}

/** A line a finding, `status  name  detail`, and under it what to do. */
export function formatReport(report: DoctorReport): string {
  const width = Math.max(...report.findings.map(({ name }) => name.length));
  const lines = report.findings.flatMap(({ name, status, detail, hint }) => [
    `${status.padEnd(7)}  ${name.padEnd(width)}  ${detail}`,
    ...(hint === null ? [] : [`${" ".repeat(width + 11)}-> ${hint}`]),
  ]);
  return lines.join("\n");
}

/** A check that cannot be made is a finding as well, and does not keep the others from being made. */
async function guard(
  name: string,
  check: () => Finding | Promise<Finding> | Promise<readonly Finding[]>,
): Promise<Finding | readonly Finding[]> {
  try {
    return await check();
  } catch (error) {
    return failed(name, `could not be checked: ${messageOf(error)}`, null);
  }
}
