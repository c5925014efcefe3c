import { stat } from "node:fs/promises";
import { EngineError } from "../../errors.ts";
import type { Resources } from "../../protocol/resources.ts";
import { splitDeviceNumber } from "./devices.ts";

export type DeviceNumber = { readonly major: number; readonly minor: number };
/** By path on the host. */
export type BlockDevices = ReadonlyMap<string, DeviceNumber>;

export const noBlockDevices: BlockDevices = new Map();

/**
 * Numbers of the block devices that limits name. Links are followed (`/dev/disk/by-id/…`). Fails with `invalid-argument` for one that is
 * missing or no block device.
 */
export async function findBlockDevices(resources: Resources): Promise<BlockDevices> {
  const lists = [
    resources.blkioWeightDevice,
    resources.blkioDeviceReadBps,
    resources.blkioDeviceWriteBps,
    resources.blkioDeviceReadIOps,
    resources.blkioDeviceWriteIOps,
  ];
  if (lists.every((list) => list.length === 0)) return noBlockDevices;
  const paths = new Set(lists.flat().map(({ path }) => path));
  return new Map(await Promise.all([...paths].map(async (path) => [path, await numberOf(path)] as const)));
}

async function numberOf(path: string): Promise<DeviceNumber> {
  if (!path.startsWith("/") || path.includes("\0")) {
    throw invalid(`block device ${JSON.stringify(path)} is not given by an absolute path`);
  }
  const info = await stat(path).catch(() => null);
  if (info === null) throw invalid(`block device ${path} does not exist on this host`);
  if (!info.isBlockDevice()) throw invalid(`${path} is not a block device`);
  return splitDeviceNumber(info.rdev);
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message, {
    hint: "lsblk --paths lists the block devices of this host",
    exitCode: 125,
  });
}
