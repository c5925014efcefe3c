import { expect, it } from "vitest";
import { resolveSeccomp } from "../../../engine/runtime/seccomp.ts";
import profile from "../../../engine/runtime/seccomp-profile.json" with { type: "json" };
import { defaultCapabilities } from "../../../engine/runtime/spec/capabilities.ts";

const target = { capabilities: defaultCapabilities, architecture: "x64", kernel: "6.1.0-13-amd64" };
const resolve = (change: Partial<typeof target> = {}) => resolveSeccomp({ kind: "default" }, { ...target, ...change });

function rulesOf(name: string, change: Partial<typeof target> = {}) {
  return (resolve(change)?.syscalls ?? [])
    .filter((rule) => rule.names.includes(name))
    .map(({ action, args, errnoRet }) => ({ action, ...(args ? { args } : {}), ...(errnoRet ? { errnoRet } : {}) }));
}

it("keeps the kernel's dangerous calls from a container", () => {
  for (const name of [
    "mount",
    "bpf",
    "keyctl",
    "add_key",
    "io_uring_setup",
    "userfaultfd",
    "kexec_load",
    "setns",
    "reboot",
    "init_module",
  ]) {
    expect([name, rulesOf(name)]).toEqual([name, []]);
  }
  expect(rulesOf("clone3")).toEqual([{ action: "SCMP_ACT_ERRNO", errnoRet: 38 }]);
  expect(rulesOf("clone")).toEqual([
    { action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 0x7e020000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }] },
  ]);
  // Neither AF_ALG (38) nor AF_VSOCK (40).
  expect(rulesOf("socket").map(({ args }) => args?.map(({ op, value }) => `${op} ${value}`))).toEqual([
    ["SCMP_CMP_LT 38"],
    ["SCMP_CMP_EQ 39"],
    ["SCMP_CMP_GT 40"],
  ]);
  expect(rulesOf("personality")).toHaveLength(5);
  expect(rulesOf("chroot")).toHaveLength(1);
  expect(resolve()).toMatchObject({ defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 1 });
});

it("opens what a capability, a kernel or an architecture stands for", () => {
  expect(rulesOf("mount", { capabilities: ["CAP_SYS_ADMIN"] })).toHaveLength(1);
  expect(rulesOf("clone", { capabilities: ["CAP_SYS_ADMIN"] })).toEqual([{ action: "SCMP_ACT_ALLOW" }]);
  expect(rulesOf("ptrace", { kernel: "4.7.9" })).toEqual([]);
  expect(rulesOf("ptrace", { kernel: "4.8.0-rc1" })).toHaveLength(1);
  expect(rulesOf("arch_prctl", { architecture: "arm64" })).toEqual([]);
  expect(resolve({ architecture: "arm64" })?.architectures).toEqual(["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]);
  expect(resolve()?.architectures).toEqual(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]);
});

it("resolves each target once", () => {
  expect(resolve()).toBe(resolve());
});

it("lists calls by falling number: libseccomp puts each in front of the others, which takes it half the time", () => {
  const names = profile.syscalls[0]?.names ?? [];
  // x86-64 332, 257, 126, 59, 1, 0, then what only 32-bit programs call.
  const known = ["statx", "openat", "capset", "execve", "write", "read", "socketcall"];
  expect(names.filter((name) => known.includes(name))).toEqual(known);
  expect(names).toHaveLength(361);
});

it("lists no call twice in one rule", () => {
  for (const { names } of profile.syscalls) expect(new Set(names).size).toBe(names.length);
});

it("takes profiles in docker's and the OCI's format", () => {
  const custom = (value: unknown) =>
    resolveSeccomp({ kind: "custom", profile: typeof value === "string" ? value : JSON.stringify(value) }, target);
  expect(
    custom({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ name: "mkdir", action: "SCMP_ACT_ERRNO", args: [] }] }),
  ).toEqual({
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: ["SCMP_ARCH_X86_64"],
    syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO" }],
  });
  expect(custom({ defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86"] })?.architectures).toEqual([
    "SCMP_ARCH_X86",
  ]);
  expect(() => custom("{")).toThrow("seccomp profile cannot be used");
  expect(() => custom({ syscalls: [] })).toThrow("defaultAction");
  expect(resolveSeccomp({ kind: "unconfined" }, target)).toBeNull();
});
