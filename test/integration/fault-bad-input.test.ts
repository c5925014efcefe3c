import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually, runContainer, startTestEngine, type TestEngine } from "../support/engine.ts";
import { listTraces } from "../support/fault-traces.ts";
import { type CommandResult, gantryFor } from "../support/gantry-command.ts";
import { dockerArchive } from "../support/images-archives.ts";
import { tarOf } from "../support/images-tar.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

let engine: TestEngine;
let files: TempRoot;
let stranger: Server;
let before: string[];
let gantry: (args: readonly string[]) => Promise<CommandResult>;

const port = 20_000 + Math.floor(Math.random() * 10_000);
const image = "gantry/busybox";

beforeAll(async () => {
  files = await tempRoot();
  engine = await startTestEngine();
  gantry = gantryFor(engine.config);
  stranger = createServer().listen(port + 1, "0.0.0.0");
  const ports = [{ hostAddress: "", hostPort: port, containerPort: 80, protocol: "tcp" as const }];
  await runContainer(engine, { name: "taken", ports });
  await writeArchives();
  before = listTraces(engine.config, engine.pid);
});
afterAll(async () => {
  stranger.close();
  await engine[Symbol.asyncDispose]();
  await files[Symbol.asyncDispose]();
});

async function writeArchives(): Promise<void> {
  const put = (name: string, bytes: Buffer) => writeFileSync(files.join(name), bytes);
  const good = await tarOf(await dockerArchive([[["etc/motd", "hi"]]], "ok:1"));
  const otherDigest = { rootfs: { type: "layers", diff_ids: [`sha256:${"ab".repeat(32)}`] } };
  put("garbage.tar", randomBytes(100_000));
  put("empty.tar", Buffer.alloc(0));
  put("torn.tar", good.subarray(0, good.length - 3000));
  put("other.tar", await tarOf(await dockerArchive([[["etc/motd", "hi"]]], "ok:1", otherDigest)));
  put("evil.tar", await tarOf(await dockerArchive([[["../../up", "evil"]]], "evil:1")));
  put("torn.gz", Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), randomBytes(1000)]));
}

/** Words, exit code, what stderr says: `@` stands for the directory of the archives. */
const cases: readonly (readonly [words: string, code: number, said: RegExp])[] = [
  ["run --pull never no-such-image true", 125, /no such image: no-such-image\nhint: /],
  ["run UPPER/Case true", 125, /"UPPER\/Case": a repository's name must be lowercase/],
  [`run --name taken ${image} true`, 125, /container name taken is in use by container [0-9a-f]{12}\nhint: /],
  [`create --name a/b ${image}`, 1, /container name "a\/b" is not valid\nhint: /],
  [`run -d -p ${port}:80 ${image} true`, 125, /publish port \d+\/tcp .* it is taken by container taken\nhint: /],
  [`run -d -p ${port + 1}:80 ${image} true`, 125, /it is taken by node \(pid \d+\)\nhint: /],
  [`run -d -p 192.0.2.77:80:80 ${image} true`, 125, /publish on 192.0.2.77: this host does not have that address/],
  ["stop nope", 1, /no such container: nope\nhint: /],
  ["exec nope true", 1, /no such container: nope\nhint: /],
  [`run --frobnicate ${image}`, 125, /unknown option '--frobnicate'\nsee: gantry run --help/],
  ["frobnicate", 1, /unknown command "frobnicate"/],
  [`run --memory lots ${image}`, 125, /invalid --memory "lots": want a size such as/],
  [`run --env-file /nope ${image} true`, 125, /\/nope.*no such file/],
  [`run --stop-signal SIGFOO ${image} true`, 125, /signal "SIGFOO" is not known\nhint: /],
  [`run --cpuset-cpus 4077 ${image} true`, 125, /this host has no processor 4077/],
  [`run --user nobody-here ${image} true`, 125, /user "nobody-here" is not in the container's \/etc\/passwd/],
  [`run --mount type=bind,source=/nope,target=/x ${image} true`, 125, /mount source \/nope does not exist/],
  [`run --device /dev/nope ${image} true`, 125, /device \/dev\/nope does not exist/],
  [`run ${image} no-such-command`, 127, /command "no-such-command" not found in the container\nhint: /],
  [`run ${image} /etc`, 126, /command "\/etc" cannot be run: /],
  ["exec taken no-such-command", 127, /command "no-such-command" not found in the container/],
  ["exec taken /etc", 126, /command "\/etc" cannot be run: /],
  ["load -i @/garbage.tar", 1, /load \S+garbage.tar: no tar header/],
  ["load -i @/empty.tar", 1, /load \S+empty.tar: archive is empty/],
  ["load -i @/torn.tar", 1, /load \S+torn.tar: the tar ends in the middle of an entry/],
  ["load -i @/other.tar", 1, /load \S+other.tar: layer digest mismatch: want sha256:abab.*\nhint: /],
  ["load -i @/evil.tar", 1, /load \S+evil.tar: .*\.\.\/\.\.\/up/],
  ["load -i @/nope.tar", 1, /archive \S+nope.tar: no such file or directory/],
  ["import @/torn.gz x:1", 1, /import \S+torn.gz: .*broken/],
  ["import @/garbage.tar x:1", 1, /import \S+garbage.tar: .*no tar archive/],
  [`rmi ${image}`, 1, /image \S+ is used by container taken .*\nhint: /],
  ["rm taken", 1, /container taken is running\nhint: /],
  ["kill -s FOO taken", 1, /signal "FOO" is not known/],
  [`run --rm --ulimit nofile=9999999 ${image} true`, 0, /warning: ulimit nofile lowered to \d+: this host/],
];

it.each(cases)("%s", async (words, code, said) => {
  const result = await gantry(words.replace("@", files.path).split(" "));
  expect(result.stderr).toMatch(said);
  expect(result.code).toBe(code);
  expect(result.stderr.trim().split("\n").length).toBeLessThanOrEqual(2);
  await eventually(() => JSON.stringify(listTraces(engine.config, engine.pid)) === JSON.stringify(before));
});
