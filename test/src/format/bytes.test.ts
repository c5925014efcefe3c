import { expect, it } from "vitest";
import { formatBinaryBytes, formatBytes } from "../../../src/format/bytes.ts";

it.each([
  [0, "0B"],
  [1, "1B"],
  [999, "999B"],
  [1000, "1kB"],
  [1234, "1.23kB"],
  [7_800_000, "7.8MB"],
  [116_900_000, "117MB"],
  [999_900, "1MB"],
  [1.5e9, "1.5GB"],
  [9.99e18, "9.99EB"],
  [5e22, "50000EB"],
])("writes %d bytes as %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

it.each([
  [0, "0B"],
  [1023, "1023B"],
  [1024, "1KiB"],
  [2_039_808, "1.945MiB"],
  [1024 ** 3 * 7.5, "7.5GiB"],
  [1024 ** 2 - 1, "1MiB"],
])("writes %d bytes in powers of 1024 as %s", (bytes, text) => {
  expect(formatBinaryBytes(bytes)).toBe(text);
});
