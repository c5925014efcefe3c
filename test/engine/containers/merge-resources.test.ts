import { describe, expect, it } from "vitest";
import { mergeResources, takesAway } from "../../../engine/containers/merge-resources.ts";
import { unlimited } from "../../../engine/protocol/defaults.ts";
import type { Resources } from "../../../engine/protocol/resources.ts";

const limits = (changes: Partial<Resources>): Resources => ({ ...unlimited, ...changes });
const merge = (current: Partial<Resources>, change: Partial<Resources>) =>
  mergeResources(limits(current), limits(change));

describe("an update of limits", () => {
  it("leaves what it does not name", () => {
    const current = { memory: 64, nanoCpus: 5, cpusetCpus: "0", pidsLimit: 9, oomKillDisable: true };
    expect(merge(current, {})).toEqual(limits(current));
    expect(merge(current, { memory: 0, cpusetCpus: "", cpuShares: 7 })).toEqual(limits({ ...current, cpuShares: 7 }));
    expect(merge(current, { pidsLimit: -1 })).toMatchObject({ pidsLimit: -1 });
  });

  it("keeps the swap that a memory limit brought along, and refuses one below the memory", () => {
    expect(merge({ memory: 64 }, { memory: 100 })).toMatchObject({ memory: 100, memorySwap: 128 });
    expect(merge({}, { memory: 100 })).toMatchObject({ memory: 100, memorySwap: null });
    expect(merge({ memory: 64, memorySwap: -1 }, { memory: 999 })).toMatchObject({ memory: 999, memorySwap: -1 });
    expect(merge({ memory: 64 }, { memory: 200, memorySwap: 400 })).toMatchObject({ memory: 200, memorySwap: 400 });
    expect(() => merge({ memory: 64 }, { memory: 200 })).toThrow("smaller than already set memoryswap limit");
  });

  it("takes limits away, that of swap with that of memory", () => {
    const current = { memory: 64, memorySwap: 128, memoryReservation: 32, nanoCpus: 1e9, pidsLimit: 5 };
    const freed = mergeResources(limits(current), limits({ memory: -1, nanoCpus: -1 }));
    expect(freed).toEqual(limits({ memoryReservation: 32, pidsLimit: 5 }));
    expect(takesAway(limits(current), freed)).toBe(true);
    expect(takesAway(limits(current), merge(current, { memory: 96 }))).toBe(false);
    expect(merge({ memory: 64 }, { memory: -1, memorySwap: -1 })).toEqual(limits({}));
    expect(() => merge({ cpuQuota: 5 }, { nanoCpus: -1 })).toThrow("as CPU Quota has already been set");
  });

  it("knows one limit of CPU time only", () => {
    expect(() => merge({ cpuQuota: 5 }, { nanoCpus: 1e9 })).toThrow("as CPU Quota has already been set");
    expect(() => merge({ nanoCpus: 1e9 }, { cpuPeriod: 5 })).toThrow("as NanoCPUs has already been set");
    expect(merge({ nanoCpus: 1e9 }, { nanoCpus: 2e9 })).toMatchObject({ nanoCpus: 2e9 });
  });

  it("takes devices one by one", () => {
    const device = (path: string, value: number) => ({ path, value });
    const current = { blkioDeviceReadBps: [device("/dev/a", 1), device("/dev/b", 2)] };
    const merged = merge(current, { blkioDeviceReadBps: [device("/dev/b", 3)] });
    expect(merged.blkioDeviceReadBps).toEqual([device("/dev/a", 1), device("/dev/b", 3)]);
  });
});
