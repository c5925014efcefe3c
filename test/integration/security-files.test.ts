/** What other users of the host can read or run of what an engine keeps, and what containers do to the host's files. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listMounts } from "../../engine/host/mountinfo.ts";
import { asNobody } from "../support/as-nobody.ts";
import {
  createContainer,
  eventually,
  runContainer,
  starterImage,
  startTestEngine,
  type TestEngine,
} from "../support/engine.ts";
import { FaultHost } from "../support/fault-engine.ts";
import { gantryFor } from "../support/gantry-command.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

const secret = "not-for-the-neighbours-5c1f";
let engine: TestEngine;
let gantry: ReturnType<typeof gantryFor>;
let files: TempRoot;

beforeAll(async () => {
  engine = await startTestEngine();
  gantry = gantryFor(engine.config);
  files = await tempRoot();
  chmodSync(files.path, 0o755);
}, 60_000);
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await files?.[Symbol.asyncDispose]();
}, 60_000);

const run = (...args: string[]) => gantry(["run", "--rm", ...args]);

describe("another user of the host", () => {
  it("reads no environment, argument, label, log or file of a container", async () => {
    const container = await createContainer(engine, {
      command: ["sh", "-c", `echo ${secret}; echo ${secret} >/root/file; sleep 300`],
      environment: [`PASSWORD=${secret}`],
      labels: { token: secret },
    });
    await gantry(["start", container]);
    await eventually(async () => (await gantry(["logs", container])).stdout.includes(secret));
    await gantry(["exec", "-d", "-e", `X=${secret}`, container, "sleep", "100"]);
    const { root, run: runDirectory } = engine.config;
    const { stdout } = asNobody(
      `grep -rlsa ${secret} ${root} ${runDirectory} 2>/dev/null; find ${root} ${runDirectory} -perm -o+r -type f 2>/dev/null`,
    );
    expect(stdout.split("\n").filter((line) => !/\/cache\/|^$/.test(line))).toEqual([]);
    // What all users see: the words of every process, but for those that are the container's own.
    const { stdout: words } = asNobody(
      "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; ps axww -o args | grep conmon",
    );
    expect(words).not.toContain(secret);
    expect(words).toContain("conmon");
    await gantry(["rm", "-f", container]);
  });

  it("opens none of the directories in which containers' files lie", () => {
    const { root, run: runDirectory } = engine.config;
    const inRoot = ["containers", "layers", "blobs", "cache", "volumes"].map((name) => join(root, name));
    const inRun = readdirSync(runDirectory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const directories = [
      ...inRoot.filter((path) => existsSync(path)),
      ...inRun.map(({ name }) => join(runDirectory, name)),
    ];
    expect(directories.length).toBeGreaterThan(6);
    for (const path of directories) {
      expect([path, asNobody(`ls ${path}/ || cd ${path}`).code]).not.toEqual([path, 0]);
      expect([path, statSync(path).mode & 0o022]).toEqual([path, 0]);
    }
  });

  it("runs no setuid program that a container or an image made", async () => {
    const container = await runContainer(engine, {
      command: ["sh", "-c", "cp /bin/busybox /su; chmod 4755 /su; sleep 300"],
    });
    const upper = join(engine.config.root, "containers", container);
    await eventually(
      () => existsSync(join(upper, "upper/su")) && (statSync(join(upper, "upper/su")).mode & 0o4000) !== 0,
    );
    for (const path of [join(upper, "upper/su"), join(upper, "rootfs/su")]) {
      expect(asNobody(`${path} id -u`)).toMatchObject({
        stdout: "",
        stderr: expect.stringMatching(/not found|denied/i),
      });
    }
    await gantry(["rm", "-f", container]);
  });

  it("cannot connect to the engine, nor through a group but `gantry`", async () => {
    const { code, stderr } = asNobody(`${process.execPath} -e '
      require("net").connect(${JSON.stringify(engine.config.socket)}).on("error", (e) => { console.error(e.code); process.exit(7) })'`);
    expect({ code, stderr: stderr.trim() }).toEqual({ code: 7, stderr: "EACCES" });
    await using host = await FaultHost.open();
    const groups = join(host.config.run, "group");
    host.shell(
      `(grep -v ^gantry: /etc/group; echo gantry:x:4242:) >${groups}; chmod 644 ${groups}; mount --bind ${groups} /etc/group`,
    );
    await using _engine = await host.start();
    const { mode, gid } = statSync(host.seen(host.config.socket));
    expect([mode & 0o777, gid]).toEqual([0o660, 4242]);
  });
});

describe("mounts", () => {
  it("made in a container stay there, however deep it is trusted", async () => {
    const source = files.join("private");
    mkdirSync(source);
    const script = "mkdir -p /b/m && mount -t tmpfs -o size=1m made-inside /b/m && touch /b/m/x && echo mounted";
    for (const flags of [["--privileged"], ["--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined"]]) {
      expect(
        await run(...flags, "-v", `${source}:/b`, starterImage, "sh", "-c", `${script}; cat /proc/self/mounts`),
      ).toMatchObject({
        stdout: expect.stringMatching(/^mounted\n(.*\n)*.*made-inside/),
      });
      expect(listMounts().filter(({ target }) => target.startsWith(source))).toEqual([]);
      expect(readdirSync(join(source, "m"))).toEqual([]);
    }
  });

  it("reach the host only through a shared directory that is bound as shared", async () => {
    await using host = await FaultHost.open();
    const source = join(host.config.root, "..", "shared");
    host.shell(`mkdir ${source}; mount -t tmpfs shared ${source}; mount --make-shared ${source}`);
    await using fault = await host.start();
    await fault.waitForImage();
    const inside = gantryFor(host.config);
    const script = "mkdir -p /b/m && mount -t tmpfs made-inside /b/m; sleep 300";
    const flags = ["--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined"];
    const seen = () =>
      host
        .shell("cat /proc/self/mountinfo")
        .split("\n")
        .filter((line) => line.includes("made-inside"));
    for (const [propagation, wanted] of [
      ["rslave", 0],
      ["rprivate", 0],
      ["rshared", 1],
    ] as const) {
      const mount = `${source}:/b:${propagation}`;
      expect(
        await inside(["run", "-d", "--name", propagation, ...flags, "-v", mount, starterImage, "sh", "-c", script]),
      ).toMatchObject({ code: 0 });
      await eventually(() => host.shell(`ls ${source}`).includes("m"));
      await eventually(() => seen().filter((line) => line.includes(` ${source}/m `)).length === wanted);
      await inside(["rm", "-f", propagation]);
      host.shell(`umount -q ${source}/m || true; rmdir ${source}/m || true`);
    }
  });

  it("lead nowhere outside by a link of the image at their target", async () => {
    const outside = files.join("outside");
    mkdirSync(outside);
    mkdirSync(files.join("given"));
    writeFileSync(files.join("given/file"), "given");
    const deep = "../".repeat(20);
    const maker = await runContainer(engine, {
      command: [
        "sh",
        "-c",
        `ln -s ${outside} /abs; ln -s ${deep}${outside.slice(1)} /up; ln -s /proc/self/root${outside} /magic; echo made; sleep 300`,
      ],
    });
    await eventually(async () => (await gantry(["logs", maker])).stdout.includes("made"));
    await gantry(["commit", maker, "targets:1"]);
    await gantry(["rm", "-f", maker]);
    for (const target of ["/abs", "/up", "/abs/new", "/up/new", "/magic/new"]) {
      const { stdout } = await run("-v", `${files.join("given")}:${target}`, "targets:1", "cat", `${target}/file`);
      expect(["given", ""]).toContain(stdout);
      await run("--tmpfs", target, "targets:1", "true");
      expect(readdirSync(outside)).toEqual([]);
    }
    expect(listMounts().filter(({ target }) => target.startsWith(files.path))).toEqual([]);
  });

  it("are not led by a link that takes the place of /dev, /proc or /sys in an image", async () => {
    const outside = files.join("devices");
    mkdirSync(outside);
    for (const name of ["dev", "proc", "sys"]) {
      const tree = files.join(`tree-${name}`);
      mkdirSync(join(tree, "bin"), { recursive: true });
      symlinkSync(outside, join(tree, name));
      writeFileSync(join(tree, "bin/sh"), readFileSync("/bin/busybox"), { mode: 0o755 });
      execFileSync("tar", ["-C", tree, "-cf", `${tree}.tar`, "."]);
      expect(await gantry(["import", `${tree}.tar`, `linked-${name}:1`])).toMatchObject({ code: 0 });
      const { code, stderr } = await run(`linked-${name}:1`, "/bin/sh", "-c", "true");
      expect([name, code]).not.toEqual([name, 0]);
      expect(stderr).toMatch(new RegExp(`/${name}.*link`));
      expect(readdirSync(outside)).toEqual([]);
    }
  });
});
