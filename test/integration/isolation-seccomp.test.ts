import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CreateRequest } from "../../engine/protocol/create-request.ts";
import { readLog, runContainer, startTestEngine, type TestEngine } from "../support/engine.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

/** syscalls(2): numbers of this machine's architecture. */
const isArm = process.arch === "arm64";
const number = {
  socket: isArm ? 198 : 41,
  ptrace: isArm ? 117 : 101,
  mount: isArm ? 40 : 165,
  add_key: isArm ? 217 : 248,
  keyctl: isArm ? 219 : 250,
  unshare: isArm ? 97 : 272,
  perf_event_open: isArm ? 241 : 298,
  setns: isArm ? 268 : 308,
  bpf: isArm ? 280 : 321,
  userfaultfd: isArm ? 282 : 323,
  io_uring_setup: 425,
  clone3: 435,
};

/** Makes calls from inside a container, by the host's own Node, and gives an errno's name or `ok` for each. */
async function call(
  calls: readonly (readonly [name: keyof typeof number, ...args: number[]])[],
  wishes: Partial<CreateRequest> = {},
): Promise<Record<string, string>> {
  const koffi = fileURLToPath(new URL("../../node_modules/koffi/index.js", import.meta.url));
  const script = `
    const koffi = require(${JSON.stringify(koffi)});
    const syscall = koffi.load(null).func("syscall", "long", ["long", "long", "long", "long", "long", "long", "long"]);
    const names = Object.fromEntries(Object.entries(koffi.os.errno).map(([name, value]) => [value, name]));
    for (const [name, number, args] of ${JSON.stringify(calls.map(([name, ...args]) => [name, number[name], args]))}) {
      const [a = 0, b = 0, c = 0, d = 0, e = 0] = args;
      const result = Number(syscall(number, a, b, c, d, e, 0));
      console.log(name + "(" + args.join(",") + ") " + (result < 0 ? names[koffi.errno()] : "ok"));
    }`;
  const id = await runContainer(engine, {
    network: "none",
    command: ["chroot", "/host", process.execPath, "-e", script],
    mounts: [{ type: "bind", source: "/", target: "/host", readOnly: true, createSource: false, options: [] }],
    ...wishes,
  });
  await engine.client.request("containers.wait", { container: id, condition: "stopped" });
  const lines = (await readLog(engine, id)).trim().split("\n");
  await engine.client.request("containers.remove", { container: id, force: true, volumes: true });
  return Object.fromEntries(lines.map((line) => line.split(" ") as [string, string]));
}

const newUser = 0x10000000;
const traceMe = 0;
const custom = (syscalls: unknown[]) => ({
  seccomp: {
    kind: "custom" as const,
    profile: JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", architectures: null, syscalls }),
  },
});

describe("the filter of system calls", () => {
  it("refuses what moby's does, and nothing else", async () => {
    const answers = await call([
      ["unshare", newUser],
      ["clone3", 0, 0],
      ["keyctl", 0, 0],
      ["add_key", 0, 0, 0, 0, 0],
      ["io_uring_setup", 1, 0],
      ["bpf", 0, 0, 0],
      ["userfaultfd", 0],
      ["perf_event_open", 0, 0, 0, 0, 0],
      ["mount", 0, 0, 0, 0, 0],
      ["setns", -1, 0],
      ["socket", 38, 5, 0],
      ["socket", 40, 1, 0],
      ["socket", 1, 1, 0],
      ["socket", 16, 3, 0],
      ["ptrace", traceMe, 0, 0, 0],
    ]);
    expect(answers).toEqual({
      [`unshare(${newUser})`]: "EPERM",
      // Programs fall back to clone(2), whose flags can be looked at.
      "clone3(0,0)": "ENOSYS",
      "keyctl(0,0)": "EPERM",
      "add_key(0,0,0,0,0)": "EPERM",
      "io_uring_setup(1,0)": "EPERM",
      "bpf(0,0,0)": "EPERM",
      "userfaultfd(0)": "EPERM",
      "perf_event_open(0,0,0,0,0)": "EPERM",
      "mount(0,0,0,0,0)": "EPERM",
      "setns(-1,0)": "EPERM",
      "socket(38,5,0)": "EPERM",
      "socket(40,1,0)": "EPERM",
      "socket(1,1,0)": "ok",
      "socket(16,3,0)": "ok",
      "ptrace(0,0,0,0)": "ok",
    });
  });

  it("is the same for each container of a kind, and none other's", async () => {
    const calls = [
      ["mount", 0, 0, 0, 0, 0],
      ["keyctl", 0, 0],
      ["socket", 40, 1, 0],
    ] as const;
    const usual = { "mount(0,0,0,0,0)": "EPERM", "keyctl(0,0)": "EPERM", "socket(40,1,0)": "EPERM" };
    expect(await call(calls)).toEqual(usual);
    expect(await call(calls, { capAdd: ["SYS_ADMIN"] })).toEqual({ ...usual, "mount(0,0,0,0,0)": "EFAULT" });
    expect(await call(calls)).toEqual(usual);
    expect(await call(calls, { capAdd: ["SYS_ADMIN"] })).toEqual({ ...usual, "mount(0,0,0,0,0)": "EFAULT" });
  });

  it("lets through what a capability stands for", async () => {
    const answers = await call(
      [
        ["mount", 0, 0, 0, 0, 0],
        ["setns", -1, 0],
        ["keyctl", 0, 0],
      ],
      { capAdd: ["SYS_ADMIN"] },
    );
    expect(answers).toEqual({ "mount(0,0,0,0,0)": "EFAULT", "setns(-1,0)": "EBADF", "keyctl(0,0)": "EPERM" });
  });

  it("is none, or another, where that was asked for", async () => {
    const unconfined = await call([["keyctl", 0, 0]], { seccomp: { kind: "unconfined" } });
    expect(unconfined["keyctl(0,0)"]).not.toBe("EPERM");
    const errno = constants.errno.EXDEV;
    const own = await call(
      [
        ["socket", 1, 1, 0],
        ["socket", 16, 3, 0],
        ["io_uring_setup", 1, 0],
      ],
      custom([
        {
          names: ["socket"],
          action: "SCMP_ACT_ERRNO",
          errnoRet: errno,
          args: [{ index: 0, value: 16, op: "SCMP_CMP_EQ" }],
        },
      ]),
    );
    expect(own).toEqual({ "socket(1,1,0)": "ok", "socket(16,3,0)": "EXDEV", "io_uring_setup(1,0)": "EFAULT" });
  });

  it("keeps no new privileges, where those are refused, from setuid programs", async () => {
    const id = await runContainer(engine, {
      network: "none",
      noNewPrivileges: true,
      user: "1000",
      command: ["sh", "-c", "grep -E 'NoNewPrivs|CapEff|Seccomp:' /proc/self/status"],
    });
    await engine.client.request("containers.wait", { container: id, condition: "stopped" });
    expect((await readLog(engine, id)).replaceAll("\t", " ").trim().split("\n")).toEqual([
      "CapEff: 0000000000000000",
      "NoNewPrivs: 1",
      "Seccomp: 2",
    ]);
  });
});
