import { expect, it } from "vitest";
import { shortID } from "../../../src/format/ids.ts";

it("shortens ids and digests to twelve characters", () => {
  expect(shortID(`sha256:${"0123456789abcdef".repeat(4)}`)).toBe("0123456789ab");
  expect(shortID("0123456789abcdef")).toBe("0123456789ab");
  expect(shortID("short")).toBe("short");
});
