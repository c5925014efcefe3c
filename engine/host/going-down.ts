import { existsSync } from "node:fs";
import { tryCommand } from "./commands.ts";

/** Whether the host is being shut down or rebooted. Only systemd tells; false where another init runs. */
export async function isHostGoingDown(): Promise<boolean> {
  if (!existsSync("/run/systemd/system")) return false;
  const state = await tryCommand("systemctl", ["is-system-running"], { timeout: 5_000 }).catch(() => null);
  return state?.stdout.trim() === "stopping";
}
