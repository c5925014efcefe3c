import { describe, expect, it } from "vitest";
import { decodeJson, findJson } from "../../../engine/lib/json.ts";

const bytesOf = (text: string): Buffer => Buffer.from(text);
const padded = (text: string): string => text.padEnd(100_000, " ");

describe("a large document", () => {
  it.each([
    ["very many values", `[${"{},".repeat(1_000_000)}{}]`],
    ["very many numbers", `[${"1,".repeat(1_000_000)}1]`],
    ["very deep values", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
    ["very deep values behind a text with quotes", `{"a\\"{":"\\\\","b":${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
  ])("of %s is not even parsed", (_, text) => {
    const from = performance.now();
    expect(() => decodeJson(bytesOf(text), "manifest x")).toThrow("manifest x has more values, or deeper ones");
    expect(findJson(text)).toBeUndefined();
    expect(performance.now() - from).toBeLessThan(250);
  });

  it.each([
    ["brackets in texts", JSON.stringify({ a: "[".repeat(300_000), b: '{"'.repeat(200_000), c: ",".repeat(400_000) })],
    ["backslashes before quotes", JSON.stringify({ a: '\\"'.repeat(50_000), b: "\\".repeat(99_999) })],
    ["many layers", JSON.stringify(Array.from({ length: 20_000 }, (_, size) => ({ size, digest: "x" })))],
    ["siblings", padded(`[${"[],".repeat(1_000)}[]]`)],
  ])("with %s is read", (_, text) => {
    const value = JSON.parse(text);
    expect(decodeJson(bytesOf(text), "it")).toEqual(value);
    expect(findJson(text)).toEqual(value);
  });

  it.each(["[", '{"a":"', '"', "\\", '["\\'])("that breaks off after %j is no json", (start) => {
    expect(() => decodeJson(bytesOf(padded(start)), "it")).toThrow("it is not valid json");
  });
});
