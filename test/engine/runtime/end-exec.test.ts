import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { identifyProcess } from "../../../engine/host/processes.ts";
import { endUnborn, killSession } from "../../../engine/runtime/end-exec.ts";

/** Pids whose command line holds `text`. */
function processesWith(text: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, "latin1").includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);
}

function start(script: string, name: string): ChildProcess {
  const child = spawn("bash", ["-c", `exec -a ${name} bash -c '${script}'`], { detached: true, stdio: "ignore" });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  return child;
}

it("ends all that hangs below a session that did not come to life", async () => {
  const directory = mkdtempSync(join(tmpdir(), "gantry-exec-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const child = start('sleep 7171 & setsid bash -c "sleep 7171 & wait" & wait', "conmon");
  await expect.poll(() => processesWith("sleep\u00007171").length).toBe(2);
  const gone = once(child, "exit");
  await endUnborn(directory, "none", child.pid ?? null);
  await gone;
  await expect.poll(() => processesWith("7171")).toEqual([]);
});

it("kills a session's process with its group, and nobody else of that number", async () => {
  const child = start("sleep 7272 & wait", "session");
  await expect.poll(() => processesWith("sleep\u00007272").length).toBe(1);
  const known = identifyProcess(child.pid ?? 0);
  killSession(known === null ? null : { ...known, startTime: known.startTime - 1 });
  expect(processesWith("sleep\u00007272")).toHaveLength(1);
  const gone = once(child, "exit");
  killSession(known);
  await gone;
  await expect.poll(() => processesWith("sleep\u00007272")).toEqual([]);
});

it("kills the group of a session whose first process has ended, as crun leaves it", async () => {
  const leader = spawn("bash", ["-c", "sleep 7474 & sleep 7475 &"], { detached: true, stdio: "ignore" });
  await once(leader, "exit");
  await expect.poll(() => processesWith("sleep\u0000747").length).toBe(2);
  const [first = 0] = processesWith("sleep\u00007474");
  killSession(identifyProcess(first));
  await expect.poll(() => processesWith("sleep\u0000747")).toEqual([]);
});
