import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { cgroupOf, openCgroups } from "../../engine/host/cgroups.ts";

const cgroups = openCgroups();
const own = `gantry-test-cgroups-${process.pid}`;
const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
  await cgroups.remove(own);
});

function sleeper(): number {
  const child = spawn("sleep", ["300"]);
  children.push(child);
  return child.pid ?? 0;
}

it("finds the controllers of this host where they really are", () => {
  for (const controller of ["cpu", "memory", "pids"]) {
    const directory = cgroups.pathOf(controller, "/");
    expect(directory).not.toBeNull();
    expect(existsSync(join(directory ?? "", "cgroup.procs"))).toBe(true);
  }
  expect(cgroups.facts().find((fact) => fact.controller === "memory")?.status).toBe("ready");
});

it("says where a process is, and who is in a cgroup and below it", async () => {
  const memory = cgroups.pathOf("memory", `${own}/web/inner`) ?? "";
  const cpu = cgroups.pathOf("cpu", own) ?? "";
  mkdirSync(memory, { recursive: true });
  mkdirSync(cpu, { recursive: true });
  const [first, second] = [sleeper(), sleeper()];
  writeFileSync(join(memory, "cgroup.procs"), String(first));
  writeFileSync(join(cpu, "cgroup.procs"), String(second));

  expect([...(cgroupOf(first)?.values() ?? [])]).toContain(`/${own}/web/inner`);
  expect((await cgroups.processesIn(own)).sort()).toEqual([first, second].sort());
  expect(await cgroups.childrenOf(own)).toEqual(["web"]);
  expect(cgroupOf(0x7fffffff)).toBeNull();
});

it("removes a tree in all hierarchies, and again without complaint", async () => {
  for (const directory of cgroups.directoriesOf(`${own}/a/b/c`)) mkdirSync(directory, { recursive: true });
  await cgroups.remove(own);
  for (const directory of cgroups.directoriesOf(own)) expect(existsSync(directory)).toBe(false);
  await cgroups.remove(own);
});

it("refuses to remove a cgroup that processes live in, and waits for one that was killed", async () => {
  const directory = cgroups.pathOf("pids", `${own}/busy`) ?? "";
  mkdirSync(directory, { recursive: true });
  const pid = sleeper();
  writeFileSync(join(directory, "cgroup.procs"), String(pid));
  await expect(cgroups.remove(own, 50)).rejects.toThrow(`cgroup ${own} still has processes or is in use`);
  setTimeout(() => process.kill(pid, "SIGKILL"), 50);
  await cgroups.remove(own);
  expect(existsSync(directory)).toBe(false);
});

it("removes only what is empty when it is to ask nobody", async () => {
  for (const directory of cgroups.directoriesOf(own)) mkdirSync(directory, { recursive: true });
  const pid = sleeper();
  const pids = cgroups.pathOf("pids", own) ?? "";
  writeFileSync(join(pids, "cgroup.procs"), String(pid));
  expect(await cgroups.tryRemove(own)).toBe(false);
  expect(existsSync(pids)).toBe(true);
  const [child] = children.splice(0);
  child?.kill("SIGKILL");
  if (child !== undefined) await once(child, "exit");
  await expect.poll(() => cgroups.tryRemove(own)).toBe(true);
  for (const directory of cgroups.directoriesOf(own)) expect(existsSync(directory)).toBe(false);
});
