import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createConfig } from "../../engine/config.ts";
import { checkCapabilities } from "../../engine/doctor/check-kernel.ts";
import { formatReport, runDoctor } from "../../engine/doctor/doctor.ts";
import { listMounts } from "../../engine/host/mountinfo.ts";

describe("doctor", () => {
  const directory = mkdtempSync(join(tmpdir(), "doctor-test-"));
  const config = createConfig({ root: join(directory, "root"), run: join(directory, "run") });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it("finds this host fit, and leaves nothing behind", async () => {
    const report = await runDoctor(config);
    expect(report.findings.filter(({ status }) => status === "failed")).toEqual([]);
    expect(report.ok).toBe(true);
    const names = report.findings.map(({ name }) => name);
    for (const name of [
      "root",
      "kernel",
      "cgroups",
      "overlay",
      "disk",
      "runc",
      "conmon",
      "nftables",
      "subnet",
      "engine",
    ]) {
      expect(names).toContain(name);
    }
    expect(readdirSync(directory)).toEqual([]);
    expect(listMounts().filter(({ target }) => target.startsWith(directory))).toEqual([]);
  });

  it("explains capabilities that are missing", () => {
    expect(checkCapabilities(["CAP_CHOWN"])).toMatchObject({ status: "failed" });
    expect(checkCapabilities(["CAP_CHOWN"]).detail).toContain("CAP_NET_ADMIN");
  });

  it("prints a line a finding and the hint under it", () => {
    const findings = [
      { name: "root", status: "ok", detail: "running as root", hint: null },
      { name: "conmon", status: "failed", detail: "not found", hint: "apt-get install conmon" },
    ] as const;
    expect(formatReport({ ok: false, findings })).toBe(
      "ok       root    running as root\nfailed   conmon  not found\n                 -> apt-get install conmon",
    );
  });
});
