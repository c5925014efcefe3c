import { type Capability, parseCapability } from "../../host/capabilities.ts";
import type { CreateRequest } from "../../protocol/create-request.ts";

/** What docker gives to every container. */
export const defaultCapabilities: readonly Capability[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_RAW",
  "CAP_SYS_CHROOT",
  "CAP_MKNOD",
  "CAP_AUDIT_WRITE",
  "CAP_SETFCAP",
];

type Wishes = Pick<CreateRequest, "privileged" | "capAdd" | "capDrop">;

/**
 * docker's arithmetic of --privileged, --cap-add and --cap-drop, cut down to what the engine itself may give: a runtime fails
 * when it is asked for more than its own bounding set. Fails with `invalid-argument` for an unknown name.
 */
export function resolveCapabilities(wishes: Wishes, available: readonly Capability[]): Capability[] {
  const wanted = new Set(wantedCapabilities(wishes, available));
  return available.filter((capability) => wanted.has(capability));
}

function wantedCapabilities(wishes: Wishes, available: readonly Capability[]): readonly Capability[] {
  const isAll = (name: string) => /^(cap_)?all$/i.test(name.trim());
  const added = wishes.capAdd.filter((name) => !isAll(name)).map(parseCapability);
  const dropped = wishes.capDrop.filter((name) => !isAll(name)).map(parseCapability);
  if (wishes.privileged) return available;
  if (wishes.capAdd.some(isAll)) return available.filter((capability) => !dropped.includes(capability));
  if (wishes.capDrop.some(isAll)) return added;
  return [...defaultCapabilities.filter((capability) => !dropped.includes(capability)), ...added];
}

/**
 * The sets of a process. Inheritable stays empty (a file with inheritable capabilities would else give them to any user); a user
 * other than root starts without effective ones, as execve(2) would have it.
 */
export function capabilitySets(capabilities: readonly string[], uid: number): Record<string, readonly string[]> {
  const held = uid === 0 ? capabilities : [];
  return { bounding: capabilities, effective: held, permitted: held, inheritable: [], ambient: [] };
}
