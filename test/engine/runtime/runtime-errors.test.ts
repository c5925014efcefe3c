import { expect, it } from "vitest";
import { runtimeError, shortReason } from "../../../engine/runtime/runtime-errors.ts";

it.each([
  [
    'runc create failed: unable to start container process: exec: "nosuch": executable file not found in $PATH\n',
    127,
    'create: command "nosuch" not found in the container',
  ],
  [
    'runc create failed: unable to start container process: exec: "nosuch": stat nosuch: no such file or directory',
    127,
    'create: command "nosuch" not found in the container',
  ],
  [
    'runc create failed: unable to start container process: exec: "nosuch": permission denied',
    126,
    'create: command "nosuch" cannot be run: permission denied',
  ],
  [
    "executable file `nosuch` not found in $PATH: No such file or directory",
    127,
    'create: command "nosuch" not found in the container',
  ],
  ["open executable: Operation not permitted", 126, 'create: command "nosuch" cannot be run: it is no file'],
  ["open executable: Permission denied", 126, 'create: command "nosuch" cannot be run: permission denied'],
  [
    'runc create failed: unable to start container process: error during container init: error mounting "/src" to rootfs at "/data": no such file or directory',
    125,
    'create: error mounting "/src" to rootfs at "/data": no such file or directory',
  ],
  [
    'time="2026-01-01T00:00:00Z" level=error msg="exec failed: unable to start container process: chdir to cwd (\\"/no\\") set in config.json failed: no such file or directory"',
    125,
    'create: chdir to cwd ("/no") set in config.json failed: no such file or directory',
  ],
  ["", 125, "create: the runtime gave no reason"],
])("maps %s", (said, exitCode, message) => {
  expect(runtimeError("create", said, "nosuch")).toMatchObject({ exitCode, message });
});

it("shortens to the last line that says something", () => {
  const said =
    'time="2026-01-01T00:00:00Z" level=warning msg="old"\ntime="2026-01-01T00:00:00Z" level=error msg="container not running"\n';
  expect(shortReason(said)).toBe("container not running");
  expect(shortReason("x".repeat(1000)).length).toBeLessThan(410);
});

it("knows that a container has ended meanwhile: that is nobody's fault", () => {
  for (const said of [
    "container not running",
    "cannot exec in a stopped container",
    "exec failed: container does not exist",
  ]) {
    expect(runtimeError("pause container c", `time="2026-01-01T00:00:00Z" level=error msg="${said}"\n`).code).toBe(
      "failed-precondition",
    );
  }
});
