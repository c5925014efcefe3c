import { expect, it } from "vitest";
import { reasonOf } from "../../../engine/containers/end-reason.ts";

const end = { exitCode: 1, oomKilled: false, memoryLimit: null, lines: [], missing: () => null };
const line = (stream: string, text: string) => ({ stream, text });

it("says what an exit code means", () => {
  expect(reasonOf(end)).toBe("exit code 1");
  expect(reasonOf({ ...end, exitCode: 139 })).toBe("ended by SIGSEGV, segmentation fault");
  expect(reasonOf({ ...end, exitCode: 137 })).toBe("ended by SIGKILL");
  const lines = [{ stream: "stdout", text: "Ready to accept connections" }];
  expect(reasonOf({ ...end, exitCode: 137, lines })).toBe("ended by SIGKILL");
  expect(reasonOf({ ...end, exitCode: 127 })).toBe("exit code 127 (a command or library was not found)");
  expect(reasonOf({ ...end, exitCode: 255 })).toBe("exit code 255");
  expect(reasonOf({ ...end, exitCode: 137, oomKilled: true, memoryLimit: 16 << 20 })).toBe(
    "out of memory: its limit is 16 MB",
  );
});

it("adds what was said last, errors before the rest, a missing library before all", () => {
  const lines = [line("stderr", "bind() failed"), line("stdout", "bye")];
  expect(reasonOf({ ...end, lines })).toBe("exit code 1: bind() failed");
  expect(reasonOf({ ...end, lines: lines.slice(1) })).toBe("exit code 1: bye");
  const musl = [
    line("stderr", "Error loading shared library libz.so.1: No such file or directory (needed by /bin/x)"),
    line("stderr", "Error relocating /bin/x: inflate: symbol not found"),
  ];
  expect(reasonOf({ ...end, exitCode: 127, lines: musl })).toContain("libz.so.1");
});

it("lets nothing through that a screen would act on", () => {
  const lines = [line("stderr", "\u001b[31mred\u001b[0m\u0007 \u001b]0;title\u0007end\u202e"), line("stderr", "  ")];
  expect(reasonOf({ ...end, lines })).toBe("exit code 1: red  end");
  expect(reasonOf({ ...end, lines: [line("stderr", "x".repeat(5000))] }).length).toBeLessThan(250);
});

it("names what a program needs that is not there", () => {
  const lines = [line("stderr", "exec /app: no such file or directory")];
  expect(reasonOf({ ...end, lines })).toBe("exit code 1: exec /app: no such file or directory");
  const missing = () => "/app needs /lib/ld-musl-x86_64.so.1, which is not in the container";
  expect(reasonOf({ ...end, lines, missing })).toBe(`exit code 1: ${missing()}`);
  const foreign = [line("stderr", "exec /app: exec format error")];
  expect(reasonOf({ ...end, lines: foreign })).toContain("no program for this machine");
});
