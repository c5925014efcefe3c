import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";

const source = new URL("../../../engine/host/inherited-descriptors.ts", import.meta.url).href;

it("closes what a script had open, and nothing that it was given or that is Node's own", () => {
  const script = `
    const { closeInheritedDescriptors } = await import(${JSON.stringify(source)});
    const { existsSync, openSync } = await import("node:fs");
    const own = openSync("/dev/null");
    closeInheritedDescriptors([5]);
    await new Promise((resolve) => setTimeout(resolve, 10));
    console.log([5, 40, own].map((descriptor) => existsSync("/proc/self/fd/" + descriptor)).join());`;
  const command = 'exec "$0" --input-type=module -e "$1" 5</dev/null 40</dev/null';
  const result = spawnSync("bash", ["-c", command, process.execPath, script], { encoding: "utf8" });
  expect(result.stdout.trim()).toBe("true,false,true");
});
