import * as z from "zod/mini";

/** The kernel and the runtimes know no fractions. */
const whole = z.number().check(z.int());
/** null: without limit, or left as it is. */
const limit = z.nullable(whole);
const text = z.nullable(z.string());
/** Fields that older records lack. */
const laterLimit = z._default(limit, null);
const laterText = z._default(text, null);

export const restartPolicy = z.object({
  name: z.enum(["no", "on-failure", "always", "unless-stopped"]),
  /** on-failure only; 0 is without limit. */
  maximumRetryCount: whole,
});
export type RestartPolicy = z.infer<typeof restartPolicy>;

/** A block device of the host (absolute path) and a weight (10-1000), bytes a second, or operations a second. */
const deviceValue = z.object({ path: z.string(), value: whole });
const deviceValues = z._default(z.array(deviceValue), []);
export type DeviceValue = z.infer<typeof deviceValue>;

/** Limits; null is without limit. Bytes, or CPUs in billionths of one CPU (docker's NanoCpus), or microseconds (quota, period). */
export const resources = z.object({
  memory: limit,
  /** Memory plus swap; -1 without limit. */
  memorySwap: limit,
  memoryReservation: limit,
  /** 0-100, cgroup v1 only. */
  memorySwappiness: laterLimit,
  /** cgroup v1 only. */
  oomKillDisable: z._default(z.boolean(), false),
  nanoCpus: limit,
  cpuShares: limit,
  /** Not together with nanoCpus. */
  cpuQuota: laterLimit,
  cpuPeriod: laterLimit,
  cpuRealtimePeriod: laterLimit,
  cpuRealtimeRuntime: laterLimit,
  cpusetCpus: text,
  cpusetMems: laterText,
  pidsLimit: limit,
  /** 10-1000. */
  blkioWeight: laterLimit,
  blkioWeightDevice: deviceValues,
  blkioDeviceReadBps: deviceValues,
  blkioDeviceWriteBps: deviceValues,
  blkioDeviceReadIOps: deviceValues,
  blkioDeviceWriteIOps: deviceValues,
});
export type Resources = z.infer<typeof resources>;
