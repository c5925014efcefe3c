import { expect, it } from "vitest";
import type { Descriptor } from "../../../engine/oci/descriptor.ts";
import { sha256 } from "../../../engine/oci/digest.ts";
import { findForPlatform, formatPlatform, isFitting, parsePlatform } from "../../../engine/oci/platform.ts";

const entry = (text: string | null): Descriptor => {
  const [os = "", architecture = "", variant] = text?.split("/") ?? [];
  const platform = text === null ? undefined : { os, architecture, ...(variant === undefined ? {} : { variant }) };
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  return { mediaType, digest: sha256(String(text)), size: 1, platform };
};

function chosen(wanted: string, ...there: (string | null)[]): string | null {
  const found = findForPlatform({ schemaVersion: 2, manifests: there.map(entry) }, parsePlatform(wanted));
  if (found === null) return null;
  return found.platform === undefined ? "any" : formatPlatform(found.platform);
}

it.each([
  ["linux/amd64", ["linux/arm64", "linux/amd64"], "linux/amd64"],
  ["linux/amd64/v3", ["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"], "linux/amd64/v2"],
  ["linux/amd64", ["linux/amd64/v2", "linux/386"], "linux/386"],
  ["linux/arm/v7", ["linux/arm/v5", "linux/arm/v6", "linux/arm/v8"], "linux/arm/v6"],
  ["linux/arm", ["linux/arm/v6", "linux/arm/v7"], "linux/arm/v7"],
  ["linux/arm/v6", ["linux/arm/v7"], null],
  ["linux/arm64", ["linux/arm/v7", "linux/arm64/v8"], "linux/arm64/v8"],
  ["linux/arm64/v8", ["linux/arm/v7", "linux/amd64"], "linux/arm/v7"],
  ["aarch64", ["linux/arm64"], "linux/arm64"],
  ["linux/riscv64", ["linux/amd64", "unknown/unknown"], null],
  ["linux/riscv64", ["linux/amd64", null], "any"],
] as const)("for %s out of %j takes %s", (wanted, there, expected) => {
  expect(chosen(wanted, ...there)).toBe(expected);
});

it("reads what people write", () => {
  expect(parsePlatform("linux/x86_64")).toEqual({ os: "linux", architecture: "amd64" });
  expect(parsePlatform("Linux/ARM64/v8")).toEqual({ os: "linux", architecture: "arm64" });
  expect(parsePlatform("armhf")).toEqual({ os: "linux", architecture: "arm", variant: "v7" });
  for (const text of ["", "linux/", "a/b/c/d", "vax", "linux/am d64"]) {
    expect(() => parsePlatform(text)).toThrow(/is no platform/);
  }
});

it("knows what runs where", () => {
  expect(isFitting({ os: "linux", architecture: "386" }, { os: "linux", architecture: "amd64" })).toBe(true);
  expect(isFitting({ os: "linux", architecture: "arm64" }, { os: "linux", architecture: "amd64" })).toBe(false);
});
