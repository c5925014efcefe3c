import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { rewriteFile } from "../../../engine/lib/rewrite-file.ts";
import { tempRoot } from "../../support/temp-root.ts";

it.each([
  ["longer", "a\n", "a\nb\nc\n"],
  ["shorter", "a\nb\nc\n", "c\n"],
  ["empty", "a\n", ""],
  ["new", "", "a\n"],
])("gives a file a %s text, and leaves it the same file", async (_what, before, after) => {
  await using root = await tempRoot();
  const path = root.join("hosts");
  writeFileSync(path, before, { mode: 0o640 });
  linkSync(path, root.join("mounted"));
  await rewriteFile(path, (text) => {
    expect(text).toBe(before);
    return after;
  });
  expect(readFileSync(root.join("mounted"), "utf8")).toBe(after);
  expect(statSync(path).mode & 0o777).toBe(0o640);
});

it("puts the old text back where the new one does not fit on the disk", async () => {
  await using root = await tempRoot();
  const disk = root.join("disk");
  mkdirSync(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "small", disk]);
  try {
    const path = `${disk}/hosts`;
    const before = "127.0.0.1 localhost\n".repeat(300);
    writeFileSync(path, before);
    execFileSync("sh", ["-c", `cat /dev/zero >${disk}/filler 2>/dev/null || true`]);
    const rewritten = rewriteFile(path, (text) => `192.0.2.1 first\n${text.repeat(3)}`);
    await expect(rewritten).rejects.toMatchObject({ code: "ENOSPC" });
    expect(readFileSync(path, "utf8")).toBe(before);
    await rewriteFile(path, (text) => text.replace("127.0.0.1 localhost", "192.0.2.1 localhost"));
    expect(readFileSync(path, "utf8")).toBe(before.replace("127.0.0.1 localhost", "192.0.2.1 localhost"));
  } finally {
    execFileSync("umount", [disk]);
  }
});
