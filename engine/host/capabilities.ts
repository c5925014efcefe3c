import { readFileSync } from "node:fs";
import { EngineError } from "../errors.ts";

/** By number, capabilities(7). */
export const capabilityNames = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_LINUX_IMMUTABLE",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_BROADCAST",
  "CAP_NET_ADMIN",
  "CAP_NET_RAW",
  "CAP_IPC_LOCK",
  "CAP_IPC_OWNER",
  "CAP_SYS_MODULE",
  "CAP_SYS_RAWIO",
  "CAP_SYS_CHROOT",
  "CAP_SYS_PTRACE",
  "CAP_SYS_PACCT",
  "CAP_SYS_ADMIN",
  "CAP_SYS_BOOT",
  "CAP_SYS_NICE",
  "CAP_SYS_RESOURCE",
  "CAP_SYS_TIME",
  "CAP_SYS_TTY_CONFIG",
  "CAP_MKNOD",
  "CAP_LEASE",
  "CAP_AUDIT_WRITE",
  "CAP_AUDIT_CONTROL",
  "CAP_SETFCAP",
  "CAP_MAC_OVERRIDE",
  "CAP_MAC_ADMIN",
  "CAP_SYSLOG",
  "CAP_WAKE_ALARM",
  "CAP_BLOCK_SUSPEND",
  "CAP_AUDIT_READ",
  "CAP_PERFMON",
  "CAP_BPF",
  "CAP_CHECKPOINT_RESTORE",
] as const;
export type Capability = (typeof capabilityNames)[number];

/** Takes `net_admin`, `CAP_NET_ADMIN`, in any case. Fails with `invalid-argument`. */
export function parseCapability(text: string): Capability {
  const upper = text.trim().toUpperCase();
  const wanted = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  const found = capabilityNames.find((name) => name === wanted);
  if (found !== undefined) return found;
  throw new EngineError("invalid-argument", `capability ${JSON.stringify(text)} is not known`, {
    hint: "use a name of capabilities(7) such as NET_ADMIN, or ALL",
    exitCode: 125,
  });
}

/** Capabilities of a mask as /proc/<pid>/status writes it; bits that have no name here are left out. */
export function parseCapabilityMask(hexadecimal: string): Capability[] {
  const mask = BigInt(`0x${hexadecimal}`);
  return capabilityNames.filter((_, number) => (mask >> BigInt(number)) & 1n);
}

/** What this process can give to a child at most: the intersection of its bounding and its permitted set. */
export function readOwnCapabilities(status = readFileSync("/proc/self/status", "latin1")): Capability[] {
  const setOf = (name: string) =>
    parseCapabilityMask(new RegExp(`^${name}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1] ?? "0");
  const permitted = new Set(setOf("CapPrm"));
  return setOf("CapBnd").filter((capability) => permitted.has(capability));
}
