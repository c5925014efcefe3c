import { describe, expect, it } from "vitest";
import { chooseRange, parseSubIDs, readPools } from "../../../engine/host/id-ranges.ts";
import { whyNoIDMapping } from "../../../engine/host/idmapped-mounts.ts";

const pools = [{ start: 1000, size: 400 }];

describe("ids of a container's own", () => {
  it("are the lowest that are free, and nobody else's", () => {
    const taken = [
      { start: 1000, size: 100 },
      { start: 1150, size: 50 },
    ];
    expect(chooseRange([], { size: 100, pools })).toEqual({ start: 1000, size: 100 });
    expect(chooseRange(taken, { size: 50, pools })).toEqual({ start: 1100, size: 50 });
    expect(chooseRange(taken, { size: 100, pools })).toEqual({ start: 1200, size: 100 });
    expect(() => chooseRange(taken, { size: 201, pools })).toThrow("no 201 user ids in a row are left");
  });

  it("begin elsewhere for another engine, and still use all there are", () => {
    const [pool] = [{ start: 2 ** 30, size: 2 ** 30 }];
    const wish = { size: 65_536, pools: [pool], offset: 0.5 };
    expect(chooseRange([], wish)).toEqual({ start: 1.5 * 2 ** 30, size: 65_536 });
    const upperHalf = { start: 1.5 * 2 ** 30, size: 2 ** 29 };
    expect(chooseRange([upperHalf], wish)).toEqual({ start: 2 ** 30, size: 65_536 });
  });

  it("come from what the administrator set aside, the same for users and groups", () => {
    const text = "root:100000:65536\ncontainers:2147483648:131072\ngantry:0:5\nlonely:5\n#gantry:1:1\n";
    expect(parseSubIDs(text)).toEqual([{ start: 2_147_483_648, size: 131_072 }]);
    expect(readPools("/nowhere")).toEqual([{ start: 2 ** 30, size: 2 ** 30 }]);
  });

  it("need a kernel that maps the layers of an overlay", () => {
    expect(whyNoIDMapping("5.15.0-91-generic")).toMatch(/^it needs Linux 5.19 or later/);
    expect(whyNoIDMapping("5.19.0")).toBeNull();
    expect(whyNoIDMapping("6.1.0-13-amd64")).toBeNull();
  });
});
