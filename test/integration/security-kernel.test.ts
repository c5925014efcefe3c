/** What of the host's kernel a container sees and changes, and what it gets of the engine's and the runtime's own processes. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findProgram } from "../../engine/host/programs.ts";
import { maskedPaths, readonlyPaths } from "../../engine/runtime/spec/build-spec.ts";
import { runContainer, starterImage, startTestEngine, type TestEngine } from "../support/engine.ts";
import { gantryFor } from "../support/gantry-command.ts";

let engine: TestEngine;
let gantry: ReturnType<typeof gantryFor>;

beforeAll(async () => {
  engine = await startTestEngine();
  gantry = gantryFor(engine.config);
}, 60_000);
afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

/** Output of a script in a container of its own, both streams. */
async function shell(script: string, ...flags: string[]): Promise<string> {
  const { stdout, stderr } = await gantry(["run", "--rm", ...flags, starterImage, "sh", "-c", `exec 2>&1; ${script}`]);
  return `${stdout}${stderr}`;
}

describe("/proc and /sys", () => {
  /** moby's lists (daemon/pkg/oci/defaults.go): a copy, so that ours cannot shrink unnoticed. */
  const masked = [
    ..."asound acpi interrupts kcore keys latency_stats timer_list timer_stats sched_debug scsi"
      .split(" ")
      .map((name) => `/proc/${name}`),
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
  ];
  const readOnly = "bus fs irq sys sysrq-trigger".split(" ").map((name) => `/proc/${name}`);

  it("are masked as moby masks them", () => {
    expect(maskedPaths).toEqual(expect.arrayContaining(masked));
    expect(readonlyPaths).toEqual(expect.arrayContaining(readOnly));
  });

  it("show nothing in what is masked, and take nothing", async () => {
    const there = masked.filter((path) => existsSync(path));
    expect(there.length).toBeGreaterThan(3);
    const script = there
      .map(
        (path) => `if [ -d ${path} ]; then ls -A ${path}; touch ${path}/x && echo WROTE ${path}; else cat ${path}; fi`,
      )
      .join("; ");
    const lines = (await shell(script))
      .split("\n")
      .filter((line) => line !== "" && !/Read-only file system/.test(line));
    expect(lines).toEqual([]);
  });

  it("refuse every write to what is read-only", async () => {
    const files = [
      "/proc/sys/kernel/hostname",
      "/proc/sys/vm/drop_caches",
      "/proc/sysrq-trigger",
      "/proc/bus/x",
      "/proc/fs/x",
      "/proc/irq/x",
    ];
    const script = files.map((path) => `(echo h >${path}) && echo WROTE ${path}`).join("; ");
    const lines = (await shell(script)).trimEnd().split("\n");
    expect(lines).toHaveLength(files.length);
    for (const line of lines) expect(line).toMatch(/Read-only file system|nonexistent directory|Permission denied/);
  });

  it("lose their masks to no mount, link or second /proc that a container makes", async () => {
    const script = `umount /proc/kcore && echo UNMOUNTED; mkdir /p; mount -t proc proc /p && echo MOUNTED; mount -t sysfs s /p && echo MOUNTED
      mount --bind /dev/null /proc/sys && echo BOUND; unshare -rm true && echo UNSHARED; cat /proc/self/root/proc/kcore /proc/1/root/proc/keys`;
    expect(await shell(script)).not.toMatch(/UNMOUNTED|MOUNTED|BOUND|UNSHARED|\bkeyring\b/);
  });

  it("are the container's own where it has capabilities, still masked, until it is privileged", async () => {
    expect(await shell("cat /proc/keys; echo 1 >/proc/sys/kernel/panic", "--cap-add", "NET_ADMIN")).toMatch(
      /^sh: can't create \/proc\/sys\/kernel\/panic: Read-only file system\n$/,
    );
    expect(await shell("cat /proc/keys | wc -l; grep -c ' /proc/keys ' /proc/mounts", "--privileged")).toMatch(
      /^[1-9]\d*\n0\n$/,
    );
  });
});

describe("the runtime's own program (CVE-2019-5736)", () => {
  it("cannot be opened for writing by a container that waits for it", async () => {
    const programs = ["runc", "conmon"].map((name) => findProgram(name) ?? "");
    const hashOf = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
    const before = programs.map(hashOf);
    // Opened to append, and nothing is written: a host that fails this test is not the worse for it.
    const script = `while :; do for p in /proc/[0-9]*; do
      read -r name <$p/comm || continue
      case $name in runc*|exe|MainThread|conmon) echo "saw $name"; (: >>$p/exe) && echo "OPENED $name";; esac
    done; done 2>/dev/null`;
    const container = await runContainer(engine, { command: ["sh", "-c", script], capAdd: ["SYS_PTRACE"] });
    for (let count = 0; count < 12; count++) {
      await gantry(["exec", container, count % 2 === 0 ? "/proc/self/exe" : "true"]);
    }
    const log = (await gantry(["logs", container])).stdout;
    expect(log).toContain("saw ");
    expect(log).not.toContain("OPENED");
    expect(programs.map(hashOf)).toEqual(before);
    await gantry(["rm", "-f", container]);
  });
});

describe("descriptors of the engine, conmon and the runtime (CVE-2024-21626)", () => {
  const list = "ls -l /proc/self/fd /proc/1/fd 2>/dev/null | grep -o -- '-> .*' | sort -u";
  /** Where a descriptor may lead: streams, and what `ls` reads. */
  const harmless = /^-> (pipe:\[\d+\]|\/dev\/null|\/dev\/pts\/\d+|\/dev\/console|\/proc\/\d+\/fd|)$/;

  it.each<[string, readonly string[]]>([
    ["run", []],
    ["run -i", ["-i"]],
    ["run -t", ["-t"]],
    ["run --privileged", ["--privileged"]],
    ["run --network host", ["--network", "host"]],
    ["run --init", ["--init"]],
  ])("are not in a container of %s", async (_name, flags) => {
    const lines = (await shell(list, ...flags)).trim().split(/\r?\n/);
    expect(lines.filter((line) => !harmless.test(line))).toEqual([]);
  });

  it.each([[["exec"]], [["exec", "-i"]], [["exec", "-t"]], [["exec", "--privileged"]]])(
    "are not in a process of %j",
    async (verb) => {
      const container = await runContainer(engine);
      const { stdout } = await gantry([...verb, container, "sh", "-c", list]);
      const lines = stdout.trim().split(/\r?\n/);
      expect(lines.length).toBeGreaterThan(0);
      expect(lines.filter((line) => !harmless.test(line))).toEqual([]);
      await gantry(["rm", "-f", container]);
    },
  );

  it("are no working directory, by name or by a link of the image", async () => {
    const container = await runContainer(engine, {
      command: ["sh", "-c", "ln -s /proc/self/fd/7 /w; ln -s /proc/self/fd /fds; sleep 300"],
    });
    await gantry(["commit", container, "linked:1"]);
    for (let descriptor = 3; descriptor < 12; descriptor++) {
      for (const directory of [
        `/proc/self/fd/${descriptor}`,
        `/proc/self/../self/fd/${descriptor}`,
        `/fds/${descriptor}`,
        "/w",
      ]) {
        const inside = await Promise.all([
          gantry(["run", "--rm", "-w", directory, "linked:1", "sh", "-c", "ls -id . ..; cat ../../../../etc/shadow"]),
          gantry(["exec", "-w", directory, container, "sh", "-c", "ls -id . ..; cat ../../../../etc/shadow"]),
        ]);
        for (const { code, stdout } of inside) {
          expect(stdout).not.toContain("root:");
          expect([code, stdout]).not.toEqual([0, expect.anything()]);
        }
      }
      if (descriptor === 7) break;
    }
    await gantry(["rm", "-f", container]);
  }, 40_000);
});
