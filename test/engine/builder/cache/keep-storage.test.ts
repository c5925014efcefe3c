import { mkdirSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parseSize, readKeepStorage } from "../../../../engine/builder/cache/keep-storage.ts";
import { tempRoot } from "../../../support/temp-root.ts";

it("reads sizes as people write them", () => {
  expect(["1024", "20GB", "1.5 g", "512MiB", "3kib", "12b"].map(parseSize)).toEqual([
    1024,
    20e9,
    1.5e9,
    512 * 1024 ** 2,
    3072,
    12,
  ]);
  expect(["", "x", "-1", "1 apple", "1e9"].map(parseSize)).toEqual([null, null, null, null, null]);
});

it("keeps what the settings say, or a tenth of the disk", async () => {
  await using root = await tempRoot();
  const settings = root.join("settings");
  mkdirSync(settings);
  const says = async (content: string) => {
    writeFileSync(`${settings}/engine.json`, content);
    return await readKeepStorage(settings, root.path);
  };
  const usual = await readKeepStorage(root.join("none"), root.path);
  expect(usual).toBeGreaterThan(0);
  expect(usual).toBeLessThanOrEqual(20e9);
  expect(await says("{}")).toBe(usual);
  expect(await says('{"builder": {"gc": {"defaultKeepStorage": "10GB"}}}')).toBe(10e9);
  expect(await says('{"builder": {"keep-storage": "5GB"}}')).toBe(5e9);
  expect(await says('{"builder": {"gc": {"enabled": false}}}')).toBeNull();
  await expect(says('{"builder": {"keep-storage": "much"}}')).rejects.toMatchObject({
    code: "failed-precondition",
    message: expect.stringContaining('"much" is no size'),
  });
  await expect(says('{"builder": 5}')).rejects.toMatchObject({ code: "failed-precondition" });
});
