import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { BuildRequest } from "../../engine/protocol/builds.ts";
import {
  type Built,
  buildRequestOf,
  contextDirectory,
  directoryRequest,
  imageOf,
  runBuild,
} from "../support/builds.ts";
import { eventually, startTestEngine, type TestEngine } from "../support/engine.ts";
import { busyTraces } from "../support/fault-build-storm.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine?.[Symbol.asyncDispose](), 30_000);

const base = "FROM gantry/busybox\n";

/** Builds a directory that a script has filled. */
async function buildOf(script: string, fields: Partial<BuildRequest> = {}): Promise<Built> {
  await using context = await contextDirectory({});
  execFileSync("bash", ["-ceu", script], { cwd: context.path });
  return await runBuild(engine, directoryRequest(context, fields));
}

/** Builds a tar that a Python script writes with its functions `add` and `put`. */
async function buildTar(python: string, dockerfile: string, fields: Partial<BuildRequest> = {}): Promise<Built> {
  const script = `
import tarfile, io, sys
t = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.PAX_FORMAT)
def add(name, type=tarfile.REGTYPE, data=b"", **kw):
    i = tarfile.TarInfo(name); i.type = type; i.size = len(data)
    for k, v in kw.items(): setattr(i, k, v)
    t.addfile(i, io.BytesIO(data))
add("Dockerfile", data=${JSON.stringify(dockerfile)}.encode())
${python}
t.close()
`;
  const tar = execFileSync("python3", ["-c", script], { maxBuffer: 2 ** 28 });
  return buildStream(tar, fields);
}

async function buildStream(tar: Buffer, fields: Partial<BuildRequest> = {}): Promise<Built> {
  const streamID = randomUUID();
  const request = buildRequestOf("", {
    context: { type: "stream" },
    dockerfile: { type: "path", path: "Dockerfile" },
    streamID,
    ...fields,
  });
  const running = runBuild(engine, request);
  const stream = await engine.client.openStream(streamID);
  stream.write(tar);
  stream.end();
  return await running;
}

async function nothingLeft(): Promise<void> {
  await eventually(() => busyTraces(engine).length === 0, 5);
}

const passwd = "/etc/passwd";

it.each([
  ["a link", `ln -s ${passwd} Dockerfile`, /no such file or directory/],
  ["a relative link", `ln -s ../../../../../etc/passwd Dockerfile`, /no such file or directory/],
  ["a fifo", "mkfifo Dockerfile", /is not a file/],
  ["a device", "mknod Dockerfile c 1 5", /is not a file/],
  ["a directory", "mkdir Dockerfile", /is not a file/],
  ["a gigabyte", "truncate -s 1G Dockerfile", /more than 1048576 bytes/],
  ["empty", "touch Dockerfile", /file with no instructions/],
  ["zeros", "head -c 100000 /dev/zero >Dockerfile", /dockerfile parse error/],
])("refuses a Dockerfile that is %s", async (_what, script, message) => {
  const { error } = await buildOf(script);
  expect(error?.message).toMatch(message);
  expect(error?.message).not.toContain("root:");
  await nothingLeft();
});

it.each([
  ["a fifo", "mkfifo .dockerignore"],
  ["a device", "mknod .dockerignore c 1 5"],
  ["huge", "truncate -s 5G .dockerignore"],
  ["a fifo beside the Dockerfile", "mkfifo Dockerfile.dockerignore"],
])("refuses an ignore file that is %s", async (_what, script) => {
  const { error } = await buildOf(`${script}; printf 'FROM gantry/busybox\\nCOPY . /c\\n' >Dockerfile`);
  expect(error?.message).toMatch(/dockerignore in the build context (?:is not a file|has more than \d+ bytes)/);
});

it("refuses a Dockerfile of the host that never ends or is none", async () => {
  for (const path of ["/dev/zero", "/dev/stdin", "/etc", "/dev/tty"]) {
    await using context = await contextDirectory({});
    const request = directoryRequest(context, { dockerfile: { type: "path", path } });
    expect((await runBuild(engine, request)).error?.message).toMatch(/not a file|cannot|failed to read/);
  }
});

it("never leaves the context by a link", async () => {
  const outside = await contextDirectory({ "secret/file": "the host's own" });
  await using _ = outside;
  const script = `
    ln -s ${outside.path}/secret/file file; ln -s ${outside.path}/secret dir; ln -s / slash; mkdir in
    ln -s ../../../../..${outside.path}/secret/file in/up; ln -s loop loop
    printf 'FROM gantry/busybox\\nARG WHAT\\nCOPY $WHAT /c/\\nRUN cat -r /c 2>/dev/null; find /c -type f | xargs -r cat\\n' >Dockerfile`;
  for (const what of ["file", "dir/file", "dir/", "slash/etc/passwd", "in/up", "loop", "../secret", "in/../../x"]) {
    const built = await buildOf(script, { buildArgs: { WHAT: what } });
    expect([what, built.error?.message]).toEqual([
      what,
      expect.stringMatching(/line 3.*(?:not found|forbidden|too many)/),
    ]);
  }
  const whole = await buildOf(script, { buildArgs: { WHAT: "." } });
  imageOf(whole);
  expect(whole.output).not.toContain("the host's own");
});

it("copies what no file is without opening it", async () => {
  await using context = await contextDirectory({ Dockerfile: `${base}COPY . /c\nRUN ls -l /c; ls /c | wc -l\n` });
  execFileSync("bash", ["-ceu", "mkfifo fifo; mknod null c 1 3; mknod out c 0 0; mknod disk b 8 0"], {
    cwd: context.path,
  });
  const server = createServer().listen(join(context.path, "socket"));
  try {
    const built = await runBuild(engine, directoryRequest(context));
    imageOf(built);
    expect(built.output).not.toMatch(/socket|out$/m);
    expect(built.output).toMatch(/fifo/);
  } finally {
    server.close();
  }
});

it.each([
  ["..", `add("../../../../../../tmp/gantry-escaped-1", data=b"x")`],
  ["an absolute name", `add("/tmp/gantry-escaped-2", data=b"x")`],
  ["a link", `add("l", tarfile.SYMTYPE, linkname="/tmp"); add("l/gantry-escaped-3", data=b"x")`],
  [
    "a link up",
    `add("l", tarfile.SYMTYPE, linkname="../../../../../../../../tmp"); add("l/gantry-escaped-4", data=b"x")`,
  ],
  ["a hard link", `add("h", tarfile.LNKTYPE, linkname="/etc/passwd"); add("h", data=b"x")`],
  ["a hard link up", `add("h", tarfile.LNKTYPE, linkname="../../../../../../../../etc/passwd")`],
  [
    "a hard link by a link",
    `add("l", tarfile.SYMTYPE, linkname="/etc"); add("h", tarfile.LNKTYPE, linkname="l/passwd")`,
  ],
])("unpacks no tar context outside: %s", async (_what, python) => {
  const built = await buildTar(python, `${base}COPY . /c\nRUN find /c -type f | xargs cat\n`);
  expect(readdirSync("/tmp").filter((name) => name.startsWith("gantry-escaped"))).toEqual([]);
  expect(built.output).not.toContain("root:x:0:0:root");
  expect(existsSync("/etc/passwd")).toBe(true);
  await nothingLeft();
});

it("takes no mark of layers from a context", async () => {
  const marks = `
add("d/.wh.busybox", data=b"")
add("d/.wh..wh..opq", data=b"")
add("e", tarfile.DIRTYPE, mode=0o755, pax_headers={"SCHILY.xattr.trusted.overlay.opaque": "y", "SCHILY.xattr.user.own": "mine"})
add("f", data=b"f", pax_headers={"SCHILY.xattr.trusted.overlay.redirect": "/etc", "SCHILY.xattr.trusted.overlay.metacopy": ""})
`;
  const built = await buildTar(
    marks,
    `${base}RUN mkdir /e && echo kept >/e/kept\nCOPY d /bin\nCOPY . /\nRUN ls /bin/busybox /e/kept && ls -a /bin\n`,
  );
  expect(built.error?.message ?? "").toBe("");
  expect(built.output).toContain("/bin/busybox\n/e/kept\n");
});

it.each([
  ["nothing", Buffer.alloc(0)],
  ["noise", Buffer.alloc(100_000, "noise")],
  ["half a gzip", Buffer.from("1f8b0800000000000003ed", "hex")],
  ["zeros", Buffer.alloc(10_240)],
])("says what is wrong with a context that is %s", async (_what, bytes) => {
  const { error } = await buildStream(bytes);
  expect(error?.message).toMatch(/tar|archive|gzip|compress|no such file|Dockerfile/i);
  expect(error?.message.split("\n").length).toBe(1);
  await nothingLeft();
});

it("ends a bomb, in the context or in ADD, with one error and its line", async () => {
  const bomb = `
import gzip
chunk = gzip.compress(bytes(1 << 24), 9)
add("bomb.gz", data=chunk * 400)
add("bomb.tgz", data=gzip.compress((lambda i: (setattr(i, "size", 100 << 30), i.tobuf())[1])(tarfile.TarInfo("zeros"))) + chunk * 400)
`;
  const first = await buildTar(bomb, `${base}RUN true\nADD bomb.tgz /x/\n`);
  expect(first.error?.message).toMatch(
    /line 3: unpack bomb.tgz: entry zeros: what is in it is larger than what is free on the disk/,
  );
  imageOf(await buildTar(bomb, `${base}ADD bomb.gz /x/\nRUN rm /x/bomb.gz\n`));
  await nothingLeft();
}, 60_000);
