import type { DeviceValue } from "../../../engine/protocol/resources.ts";
import { parseBytes, parseInteger } from "./sizes.ts";
import { UsageError } from "./usage-error.ts";

/** `--device-read-bps /dev/sda:1mb` */
export function parseDeviceRate(flag: string, text: string): DeviceValue {
  const { path, value } = splitDevice(flag, text, "1mb");
  return { path, value: parseBytes(flag, value) };
}

/** `--device-read-iops /dev/sda:1000` */
export function parseDeviceIOps(flag: string, text: string): DeviceValue {
  const { path, value } = splitDevice(flag, text, "1000");
  return { path, value: parseInteger(flag, value, { minimum: 0 }) };
}

/** `--blkio-weight-device /dev/sda:500` */
export function parseDeviceWeight(text: string): DeviceValue {
  const { path, value } = splitDevice("--blkio-weight-device", text, "500");
  return { path, value: parseInteger("--blkio-weight-device", value, { minimum: 10, maximum: 1000 }) };
}

/** `--device-cgroup-rule 'c 13:* rwm'` */
export function parseDeviceRule(text: string): string {
  if (/^[acb] (\d+|\*):(\d+|\*) [rwm]{1,3}$/.test(text)) return text;
  throw new UsageError(`invalid --device-cgroup-rule "${text}": want a type, numbers and rights such as 'c 13:* rwm'`);
}

function splitDevice(flag: string, text: string, example: string): { path: string; value: string } {
  const [, path, value] = /^(\/dev\/[^:]+):([^:]+)$/.exec(text) ?? [];
  if (path !== undefined && value !== undefined) return { path, value };
  throw new UsageError(`invalid ${flag} "${text}": want a device such as /dev/sda:${example}`);
}
