import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually } from "../support/engine.ts";
import { FaultHost } from "../support/fault-engine.ts";
import { gantryFor } from "../support/gantry-command.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

let files: TempRoot;
let host: FaultHost;
let count = 0;
const gantry = (...args: string[]) => gantryFor(host.config)(args);

/** The root is a file system of its own, of 48 MB. */
beforeAll(async () => {
  files = await tempRoot();
  host = await FaultHost.open();
  const disk = files.join("disk");
  host.shell(`truncate -s 48M ${disk}; mkfs.ext4 -q ${disk}; mount -o loop ${disk} ${host.config.root}`);
  await (await host.start()).waitForImage();
}, 60_000);
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await files?.[Symbol.asyncDispose]();
}, 60_000);

function contextOf(lines: readonly string[], ...names: readonly string[]): string {
  const path = files.join(`context-${++count}`);
  mkdirSync(path);
  writeFileSync(`${path}/Dockerfile`, `FROM gantry/busybox\n${lines.join("\n")}\n`);
  for (const name of names) writeFileSync(join(path, name), randomBytes(60 << 20));
  return path;
}

function strays(): string[] {
  const seen = (...path: string[]) => {
    const directory = host.seen(join(...path));
    return existsSync(directory) ? readdirSync(directory) : [];
  };
  const { root, run } = host.config;
  return [
    ...seen(root, "containers").filter((name) => name !== ".empty"),
    ...seen(root, "build", "scratch"),
    ...seen(root, "build", "mounts").filter((name) => name.startsWith(".")),
    ...seen(run, "steps"),
  ];
}

/** Gives free bytes once all that can go has gone. */
async function freeAfterAll(): Promise<number> {
  expect(await gantry("builder", "prune", "-af")).toMatchObject({ code: 0 });
  await gantry("image", "prune", "-f");
  await eventually(() => strays().length === 0);
  return host.free();
}

async function works(): Promise<void> {
  const path = contextOf(["WORKDIR /w", "COPY Dockerfile /c", "RUN date >/r"]);
  expect(await gantry("build", "-q", path)).toMatchObject({ code: 0, stderr: "" });
}

const full = /no space left|No space left|larger than what is free/;

it.each([
  ["COPY", ["RUN true", "COPY big /big"], 3],
  ["ADD of an archive", ["ADD big.tar /x/"], 2],
  ["RUN", ["ENV A=1", "", "RUN cat /dev/urandom >/x"], 4],
  ["a mounted context", ["RUN --mount=target=/m true"], 2],
  ["a cache mount", ["RUN --mount=type=cache,target=/c cat /dev/urandom >/c/x"], 2],
  ["a later stage", ["FROM gantry/busybox", "COPY --from=0 /bin /bin2", "COPY big /big"], 4],
] as const)("says in which line the disk was full, leaves nothing, and goes on: %s", async (_what, lines, line) => {
  const before = await freeAfterAll();
  const path = contextOf(lines, "big");
  if (lines.some((each) => each.includes("big.tar"))) execFileSync("tar", ["cf", "big.tar", "big"], { cwd: path });
  const { code, stderr } = await gantry("build", "--progress=plain", path);
  expect(code).toBe(1);
  expect(stderr).toMatch(full);
  expect(stderr.split("\n").filter((each) => each.startsWith("ERROR: "))).toHaveLength(1);
  expect(stderr).toMatch(new RegExp(`ERROR: .*line ${line}\\b`));
  await eventually(() => strays().length === 0);
  await eventually(async () => before - (await freeAfterAll()) < 400_000);
  await works();
});

it("says that a context does not fit", async () => {
  const before = await freeAfterAll();
  const path = contextOf(["COPY big /big"], "big");
  const tar = execFileSync("tar", ["cf", "-", "-C", path, "."], { maxBuffer: 2 ** 28 });
  const input = tar.toString("latin1");
  expect(input.length).toBeGreaterThan(60 << 20);
  writeFileSync(`${path}/context.tar`, tar);
  const launcher = new URL("../../bin/gantry", import.meta.url).pathname;
  const env = { ...process.env, GANTRY_ROOT: host.config.root, GANTRY_RUN: host.config.run };
  const script = `"$1" build - <"$2" 2>"$3"; echo $?`;
  const code = execFileSync("sh", ["-c", script, "sh", launcher, `${path}/context.tar`, `${path}/said`], { env });
  expect(String(code).trim().split("\n").at(-1)).toBe("1");
  expect(readFileSync(`${path}/said`, "utf8")).toMatch(/ERROR: unpack the build context.*no space left/);
  await eventually(async () => before - (await freeAfterAll()) < 400_000);
  await works();
});

it("goes on when there was not a byte left from the beginning", async () => {
  await freeAfterAll();
  const filler = `${host.config.root}/filler`;
  host.shell(
    `dd if=/dev/zero of=${filler} bs=64k 2>/dev/null || true; dd if=/dev/zero of=${filler}2 bs=1k 2>/dev/null || true`,
  );
  for (const line of ["WORKDIR /a/b", "COPY Dockerfile /x", "COPY <<E /x\nhi\nE", "RUN echo x >/x", "LABEL a=b"]) {
    const { code, stderr } = await gantry("build", contextOf([line]));
    if (code !== 0)
      expect([line, stderr]).toEqual([line, expect.stringMatching(/^ERROR: .*no space left on the disk/m)]);
    expect(await gantry("ps")).toMatchObject({ code: 0 });
  }
  host.shell(`rm ${filler} ${filler}2`);
  await eventually(() => strays().length === 0);
  await works();
});
