/** What a container sees of itself and of the host, as docker 20.10 to 28 show it: values read from a dockerd beside ours. */
import { readlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { starterImage, startTestEngine, type TestEngine } from "../support/engine.ts";
import { gantryFor } from "../support/gantry-command.ts";

const image = starterImage;
let engine: TestEngine;
let gantry: ReturnType<typeof gantryFor>;
let directory: string;

beforeAll(async () => {
  engine = await startTestEngine();
  gantry = gantryFor(engine.config);
  directory = await mkdtemp("/tmp/gantry-test-");
}, 60_000);

afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
}, 60_000);

/** Standard output and standard error, by lines. */
async function linesOf(flags: readonly string[], ...command: string[]): Promise<string[]> {
  const { stdout, stderr } = await gantry(["run", "--rm", ...flags, image, ...command]);
  return `${stdout}${stderr}`.trimEnd().split("\n");
}

function shell(flags: readonly string[], script: string): Promise<string[]> {
  return linesOf(flags, "sh", "-c", `exec 2>&1; ${script}`);
}

async function statusOf(...flags: string[]): Promise<Record<string, string>> {
  const lines = await linesOf(flags, "cat", "/proc/self/status");
  return Object.fromEntries(lines.map((line) => line.split(/:\s*/, 2) as [string, string]));
}

const defaultCapabilities = "00000000a80425fb";
const none = "0000000000000000";

describe("the process", () => {
  it("has docker's capabilities, its filter, and nothing to inherit", async () => {
    expect(await statusOf()).toMatchObject({
      CapInh: none,
      CapPrm: defaultCapabilities,
      CapEff: defaultCapabilities,
      CapBnd: defaultCapabilities,
      CapAmb: none,
      NoNewPrivs: "0",
      Seccomp: "2",
      Pid: "1",
      PPid: "0",
      Umask: "0022",
    });
  });

  it.each([
    [["--cap-drop", "ALL"], none],
    [["--cap-drop", "all", "--cap-add", "NET_ADMIN"], "0000000000001000"],
    [["--cap-add", "sys_admin", "--cap-drop", "CAP_CHOWN"], "00000000a82425fa"],
  ])("%s", async (flags, expected) => {
    expect(await statusOf(...flags)).toMatchObject({ CapEff: expected, CapPrm: expected, CapBnd: expected });
  });

  it("holds no capability as another user", async () => {
    const status = await statusOf("-u", "1000:4", "--cap-add", "NET_ADMIN");
    expect(status).toMatchObject({
      CapEff: none,
      CapPrm: none,
      CapBnd: "00000000a80435fb",
      Groups: expect.any(String),
    });
    expect(status.Uid?.split("\t")[0]).toBe("1000");
    expect(status.Gid?.split("\t")[0]).toBe("4");
  });

  it("obeys --security-opt", async () => {
    expect(await statusOf("--security-opt", "no-new-privileges")).toMatchObject({ NoNewPrivs: "1", Seccomp: "2" });
    expect(await statusOf("--security-opt", "seccomp=unconfined")).toMatchObject({ NoNewPrivs: "0", Seccomp: "0" });
    expect(await statusOf("--privileged")).toMatchObject({ Seccomp: "0" });
  });

  it("has docker's environment and nothing of the engine's", async () => {
    const names = (lines: string[]) => lines.map((line) => line.split("=")[0]).sort();
    expect(names(await linesOf([], "env"))).toEqual(["HOME", "HOSTNAME", "PATH"]);
    expect(names(await linesOf(["-e", "A=1", "-e", "NOT_SET_HERE"], "env"))).toEqual(["A", "HOME", "HOSTNAME", "PATH"]);
    expect(await linesOf(["-e", "HOME=/x"], "env")).toContain("HOME=/x");
  });

  it("has the first three descriptors and no other", async () => {
    // The fourth is the directory that ls reads.
    expect(await linesOf([], "ls", "/proc/self/fd")).toEqual(["0", "1", "2", "3"]);
    expect(await linesOf(["-i"], "ls", "/proc/self/fd")).toEqual(["0", "1", "2", "3"]);
  });

  it("starts in / with its limits, or where it is told", async () => {
    expect(await shell([], "pwd; cat /proc/self/oom_score_adj; ulimit -n")).toEqual(["/", "0", "1024"]);
    expect(await linesOf(["-w", "/made/anew"], "pwd")).toEqual(["/made/anew"]);
    expect(
      await shell(["--ulimit", "nofile=100:200", "--ulimit", "core=0"], "ulimit -Sn; ulimit -Hn; ulimit -c"),
    ).toEqual(["100", "200", "0"]);
    expect(await linesOf(["--oom-score-adj", "500"], "cat", "/proc/self/oom_score_adj")).toEqual(["500"]);
  });

  it("has namespaces of its own, but not of users", async () => {
    const kinds = ["mnt", "uts", "pid", "ipc", "net", "cgroup", "user"];
    const own = await shell([], kinds.map((kind) => `readlink /proc/self/ns/${kind}`).join("; "));
    const ofHost = kinds.map((kind) => readlinkSync(`/proc/self/ns/${kind}`));
    expect(kinds.filter((_, index) => own[index] === ofHost[index])).toEqual(["user"]);
    expect(await linesOf(["--network", "host"], "readlink", "/proc/self/ns/net")).toEqual([
      readlinkSync("/proc/self/ns/net"),
    ]);
  });
});

describe("the file system", () => {
  it("has docker's devices", async () => {
    const devices = "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero".split(" ");
    // The runtime links core where the kernel has /proc/kcore.
    const without = (lines: string[]) => lines.map((line) => line.trim()).filter((name) => name !== "core");
    expect(without(await linesOf([], "ls", "/dev"))).toEqual(devices);
    expect(without(await linesOf(["-t"], "ls", "-1", "/dev"))).toEqual(["console", ...devices]);
  });

  it("shows nothing of what docker masks", async () => {
    const files = "kcore keys latency_stats timer_list sched_debug interrupts";
    const script = `for f in ${files}; do cat /proc/$f 2>/dev/null; done; ls -A /sys/firmware /proc/acpi /proc/scsi 2>/dev/null | grep -v ':$'`;
    expect((await shell([], script)).join("")).toBe("");
  });

  it("lets nobody write to the kernel's own files", async () => {
    const places = ["/proc/sys/kernel/panic", "/sys/made", "/sys/fs/cgroup/made"];
    const answers = await shell([], places.map((place) => `touch ${place}; echo 1 >${place}`).join("; "));
    expect(answers.filter((line) => !/Read-only file system|nonexistent directory/.test(line))).toEqual([]);
  });

  it("cannot be left by new mounts, namespaces or devices", async () => {
    const script =
      "unshare -m true; unshare -U true; unshare -n true; mount -t tmpfs t /home; mknod /b b 8 0 && head -c1 /b";
    const answers = await shell([], script);
    expect(answers).toHaveLength(5);
    for (const answer of answers)
      expect(answer).toMatch(/Operation not permitted|permission denied|must be superuser/i);
    expect(await shell([], "mknod /n c 1 3 && echo made; chroot / echo rooted")).toEqual(["made", "rooted"]);
  });

  it("mounts what docker mounts", async () => {
    const lines = await linesOf([], "cat", "/proc/self/mounts");
    const options = new Map(lines.map((line) => [line.split(" ")[1], line.split(" ").slice(2, 4).join(" ")]));
    expect(lines.find((line) => line.split(" ")[1] === "/")).toMatch(/^overlay \/ overlay rw,/);
    expect(options.get("/proc")).toBe("proc rw,nosuid,nodev,noexec,relatime");
    expect(options.get("/dev")).toMatch(/^tmpfs rw,nosuid,size=65536k,mode=755/);
    expect(options.get("/dev/pts")).toMatch(/^devpts rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666/);
    expect(options.get("/dev/shm")).toMatch(/^tmpfs rw,nosuid,nodev,noexec,relatime,size=65536k/);
    expect(options.get("/sys")).toBe("sysfs ro,nosuid,nodev,noexec,relatime");
    for (const file of ["hosts", "hostname", "resolv.conf"]) expect(options.has(`/etc/${file}`)).toBe(true);
  });

  it("is marked as a container's, which is no change of the container's own", async () => {
    await gantry(["run", "--name", "marked", image, "sh", "-c", "test -f /.dockerenv && touch /made"]);
    expect(await gantry(["diff", "marked"])).toMatchObject({ code: 0, stdout: "A /made\n" });
    await gantry(["rm", "marked"]);
    expect(await linesOf(["--read-only"], "stat", "-c", "%s %a", "/.dockerenv")).toEqual(["0 755"]);
  });

  it("is read-only where that is wanted, with writable places in it", async () => {
    const script = "touch /x; touch /dev/shm/x && echo shm; touch /t/x && echo tmpfs; stat -c %a /t";
    expect(await shell(["--read-only", "--tmpfs", "/t:size=1m,mode=1770"], script)).toEqual([
      "touch: /x: Read-only file system",
      "shm",
      "tmpfs",
      "1770",
    ]);
  });

  it("binds as -v and --mount say", async () => {
    const source = join(directory, "made by -v");
    expect(await shell(["-v", `${source}:/v:ro`], "stat -c %F /v; touch /v/x")).toEqual([
      "directory",
      "touch: /v/x: Read-only file system",
    ]);
    expect(await gantry(["run", "--rm", "--mount", `type=bind,src=${source}/no,dst=/v`, image, "true"])).toMatchObject({
      code: 125,
      stdout: "",
    });
    const tmpfs = await shell(
      ["--mount", "type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=700"],
      "grep ' /t ' /proc/mounts; stat -c %a /t",
    );
    expect(tmpfs).toEqual([expect.stringMatching(/nosuid,nodev,noexec.*size=1024k,mode=700/), "700"]);
  });
});

describe("limits and names", () => {
  /** The first of these files that is there: cgroup v1, then v2. */
  const first = (...files: string[]) => files.map((file) => `cat /sys/fs/cgroup/${file} 2>/dev/null`).join(" || ");

  it("stand in the cgroup that the container sees as its own", async () => {
    const script = [
      first("memory/memory.limit_in_bytes", "memory.max"),
      first("pids/pids.max", "pids.max"),
      first("cpu/cpu.cfs_quota_us", "cpu.max"),
    ].join("; ");
    const [memory, pids, quota] = await shell(["-m", "64m", "--pids-limit", "50", "--cpus", "0.5"], script);
    expect([memory, pids, quota?.split(" ")[0]]).toEqual([String(64 * 1024 * 1024), "50", "50000"]);
    const cgroups = await linesOf([], "cat", "/proc/self/cgroup");
    expect(cgroups.filter((line) => !line.endsWith(":/"))).toEqual([]);
  });

  it("stand in its files of names", async () => {
    const flags = ["-h", "box", "--add-host", "db:192.0.2.7", "--dns", "192.0.2.53", "--dns-search", "ex.org"];
    const lines = await shell(flags, "hostname; cat /etc/hostname /etc/hosts /etc/resolv.conf");
    expect(lines.slice(0, 2)).toEqual(["box", "box"]);
    expect(lines).toContain("127.0.0.1\tlocalhost");
    expect(lines).toContain("192.0.2.7\tdb");
    expect(lines.find((line) => line.endsWith("\tbox"))).toMatch(/^\d+\.\d+\.\d+\.\d+\t/);
    expect(lines).toContain("nameserver 192.0.2.53");
    expect(lines).toContain("search ex.org");
  });

  it("are the host's network, none, or a link with a way out", async () => {
    expect(await linesOf(["--network", "none"], "ls", "/sys/class/net")).toEqual(["lo"]);
    expect(await linesOf([], "ls", "/sys/class/net")).toEqual(["eth0", "lo"]);
    expect((await linesOf([], "ip", "route"))[0]).toMatch(/^default via /);
    expect(
      await shell([], "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range"),
    ).toEqual(["0", "0\t2147483647"]);
  });
});
