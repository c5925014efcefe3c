import { expect, it } from "vitest";
import { knownEscapes } from "../../../engine/host/runtime-advisories.ts";

it("names the ways out that a runtime still has", () => {
  const debian = knownEscapes("runc", "runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1+deb12u1\nspec: 1.0.2-dev");
  expect(debian).toMatch(/^runc 1\.1\.5 is older than the fixes of CVE-2025-31133, .*CVE-2026-41579/);
  expect(debian).not.toContain("CVE-2024-21626");
  expect(knownEscapes("runc", "runc version 1.1.5\ncommit: v1.1.5-0-gf19387a")).toContain("CVE-2024-21626");
  expect(knownEscapes("runc", "runc version 1.0.0-rc6")).toContain("CVE-2019-5736");
  expect(knownEscapes("runc", "runc version 0.1.1")).toContain("CVE-2019-5736");
  expect(knownEscapes("crun", "crun version 1.4.3\ncommit: x")).toContain("CVE-2022-27650");
});

it.each(["runc version 1.3.6", "runc version 1.4.3\ncommit: v1.4.3", "runc version 1.5.0", "runc version 2.0"])(
  "has nothing to say of %s",
  (text) => {
    expect(knownEscapes("runc", text)).toBeNull();
  },
);

it("looks at each branch by itself", () => {
  expect(knownEscapes("runc", "runc version 1.3.5")).toBe(
    "runc 1.3.5 is older than the fixes of CVE-2026-41579 (an image whose /dev is a link writes outside, which the engine refuses)",
  );
  expect(knownEscapes("runc", "runc version 1.2.9")).toContain("CVE-2026-41579");
  expect(knownEscapes("runc", "runc version 1.2.9")).not.toContain("CVE-2025-31133");
  expect(knownEscapes("crun", "crun version 1.8.1")).toBeNull();
  expect(knownEscapes("runc", "nothing")).toBeNull();
});
