import { tryCommand } from "../host/commands.ts";
import { findProgram } from "../host/programs.ts";
import type { PortBinding } from "../protocol/ports.ts";

/**
 * A UDP peer that goes on sending from one port keeps its old conntrack entry, and with it the way to the old container or to none.
 * Only where conntrack(8) is installed; the entry dies by itself after the peer paused for 30 s to 2 min.
 */
export async function forgetFlows(ports: readonly PortBinding[]): Promise<void> {
  if (!ports.some(({ protocol }) => protocol === "udp") || findProgram("conntrack") === null) return;
  for (const { hostPort } of ports.filter(({ protocol }) => protocol === "udp")) {
    await tryCommand("conntrack", ["-D", "-p", "udp", "--orig-port-dst", String(hostPort)]);
  }
}
