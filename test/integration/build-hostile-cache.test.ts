import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { BuildRequest } from "../../engine/protocol/builds.ts";
import {
  type Built,
  buildRequestOf,
  type ContextDirectory,
  contextDirectory,
  directoryRequest,
  imageOf,
  runBuild,
} from "../support/builds.ts";
import { eventually, startTestEngine, type TestEngine } from "../support/engine.ts";
import { forgetAll } from "../support/fault-build-storm.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine?.[Symbol.asyncDispose](), 30_000);
beforeEach(() => forgetAll(engine));

const sh = (context: ContextDirectory, script: string) =>
  execFileSync("bash", ["-ceu", script], { cwd: context.path, encoding: "utf8" });

async function built(request: BuildRequest): Promise<Built> {
  const done = await runBuild(engine, { ...request, sourceDateEpoch: 1_000_000_000 });
  imageOf(done);
  return done;
}

const statusOf = ({ steps }: Built, title: string) => steps.find((step) => step.title.startsWith(title))?.status;

const scene = `mkdir -p d/sub; echo one >d/a; echo two >d/sub/b; ln -s a d/link; ln d/a d/hard; touch -d @1000 d/a d/sub/b; chmod 644 d/a; echo x >ignored`;
const copies = `FROM gantry/busybox
COPY d /d
RUN find /d | sort | xargs stat -c '%n %a %N %h' && find /d -type f | sort | xargs cat
`;

it.each([
  ["a byte, the same size and time", "cp -p d/a t; printf 'eno\\n' >d/a; touch -r t d/a; rm t", true],
  ["a mode", "chmod 755 d/a", true],
  ["a mode of a directory", "chmod 700 d/sub", true],
  ["a bit for the owner's rights", "chmod u+s d/a", true],
  ["where a link leads", "ln -sfn sub/b d/link", true],
  ["a link that becomes its target", "rm d/link; cp -p d/a d/link", true],
  ["a hard link that becomes a copy", "cp -p d/hard t; mv t d/hard", true],
  ["a name", "mv d/sub/b d/sub/c", true],
  ["a place", "mv d/sub/b d/b", true],
  ["two files in each other's place", "mv d/a t; mv d/sub/b d/a; mv t d/sub/b", true],
  ["an empty directory more", "mkdir d/more", true],
  ["an attribute", 'python3 -c \'import os; os.setxattr("d/a", "user.x", b"y")\'', true],
  ["a time", "touch d/a d/sub", false],
  ["an owner", "chown 1000:1000 d/a", false],
  ["something beside", "echo y >ignored; mkdir beside", false],
  ["files written anew", "cp -r --preserve=mode,links d t; rm -r d; mv t d", false],
])("%s", async (_what, change, isSeen) => {
  await using context = await contextDirectory({ Dockerfile: copies });
  sh(context, scene);
  const before = await built(directoryRequest(context));
  sh(context, change);
  const after = await built(directoryRequest(context));
  expect([statusOf(after, "COPY"), statusOf(after, "RUN")]).toEqual(isSeen ? ["done", "done"] : ["cached", "cached"]);
  // What the cache has says the same as what is made without it.
  const anew = await built(directoryRequest(context, { noCache: true }));
  if (isSeen) expect(anew.output).toBe(after.output);
  else expect(anew.output).toBe(before.output);
});

it("knows by the digest of what is ignored only what is copied", async () => {
  await using context = await contextDirectory({
    Dockerfile: "FROM gantry/busybox\nCOPY . /c\nRUN ls -A /c\n",
    a: "a",
    b: "b",
  });
  const first = await built(directoryRequest(context));
  expect(first.output).toBe("Dockerfile\na\nb\n");
  await context.write({ ".dockerignore": "b\n.dockerignore\n" });
  expect((await built(directoryRequest(context))).output).toBe("Dockerfile\na\n");
  await context.write({ b: "changed" });
  expect(statusOf(await built(directoryRequest(context)), "COPY")).toBe("cached");
  await context.write({ ".dockerignore": ".dockerignore\n" });
  expect((await built(directoryRequest(context))).output).toBe("Dockerfile\na\nb\n");
  sh(
    context,
    "mv .dockerignore Dockerfile.dockerignore; echo a >>Dockerfile.dockerignore; echo Dockerfile.dockerignore >>Dockerfile.dockerignore",
  );
  expect((await built(directoryRequest(context))).output).toBe("Dockerfile\nb\n");
});

it("sees arguments where they are used, and bases by what they are", async () => {
  const of = (buildArgs: Record<string, string>, tail = "") =>
    built(
      buildRequestOf(`FROM gantry/busybox\nARG USED=0\nRUN echo $USED\nARG LATE\nRUN true\n${tail}`, { buildArgs }),
    );
  await of({});
  expect(statusOf(await of({ NONE: "x" }), "RUN echo")).toBe("cached");
  const late = await of({ LATE: "x" });
  expect([statusOf(late, "RUN echo"), statusOf(late, "RUN true")]).toEqual(["cached", "done"]);
  expect((await of({ USED: "1" })).output).toBe("1\n");
  const based = (text: string) =>
    built(buildRequestOf(`FROM gantry/busybox\nRUN echo ${text} >/base\n`, { tags: ["based:1"] }));
  const child = () => built(buildRequestOf("FROM based:1\nRUN cat /base\n"));
  await based("one");
  expect((await child()).output).toBe("one\n");
  await based("two");
  expect((await child()).output).toBe("two\n");
  await based("one");
  expect(statusOf(await child(), "RUN")).toBe("cached");
});

it("takes nothing from the cache that only looks the same", async () => {
  const pairs = [
    ['RUN ["sh", "-c", "echo a b"]', 'RUN ["sh", "-c", "echo a", "b"]'],
    ["RUN echo x # a", "RUN echo x # b"],
    ["USER 1\nRUN id -u", "USER 2\nRUN id -u"],
    ["WORKDIR /a\nRUN pwd", "WORKDIR /b\nRUN pwd"],
    ["ENV A=1 B=2\nRUN env", "ENV A='1 B=2'\nRUN env"],
    ["RUN <<E\necho one\nE", "RUN <<E\necho two\nE"],
    ["COPY <<E /x\none\nE\nRUN cat /x", "COPY <<E /x\ntwo\nE\nRUN cat /x"],
    ["COPY <<a /x/\none\na\nRUN ls /x", "COPY <<b /x/\none\nb\nRUN ls /x"],
    ["RUN --network=none ls /sys/class/net", "RUN --network=default ls /sys/class/net"],
    ["RUN --mount=type=tmpfs,target=/a ls -d /a", "RUN --mount=type=tmpfs,target=/b ls -d /a 2>/dev/null || echo none"],
    ['SHELL ["sh", "-ec"]\nRUN echo $0 $-', 'SHELL ["sh", "-c"]\nRUN echo $0 $-'],
  ];
  for (const pair of pairs) {
    for (const tail of pair) {
      const cached = await built(buildRequestOf(`FROM gantry/busybox\n${tail}\n`));
      const anew = await built(buildRequestOf(`FROM gantry/busybox\n${tail}\n`, { noCache: true }));
      expect([tail, cached.output]).toEqual([tail, anew.output]);
    }
  }
}, 30_000);

it("makes a step once for many who want it at the same time, on whichever of them is cancelled", async () => {
  const dockerfile =
    "FROM gantry/busybox\nRUN --mount=type=cache,target=/c echo x >>/c/n; wc -l </c/n; sleep 0.3; cat /proc/sys/kernel/random/uuid >/id\n";
  const requests = Array.from({ length: 8 }, () => buildRequestOf(dockerfile));
  const running = requests.map((request) => runBuild(engine, request));
  const isRunning = async () =>
    (await engine.client.request("builds.list", {})).filter(({ status }) => status === "running").length === 8;
  await eventually(isRunning);
  await engine.client.request("builds.cancel", { build: requests[0]?.buildID ?? "" });
  await engine.client.request("builds.cancel", { build: requests[3]?.buildID ?? "" });
  const all = await Promise.all(running);
  const images = all.flatMap(({ result }) => result?.imageID ?? []);
  expect(images).toHaveLength(6);
  expect(new Set(images).size).toBe(1);
  const count = Number(/(\d+)\n$/.exec(all.at(-1)?.output ?? "")?.[1]);
  expect(count).toBeLessThanOrEqual(2);
}, 20_000);

it("has the same cache mount in many commands at once as their sharing says", async () => {
  const run = (sharing: string) => {
    const stage = (name: number) =>
      `FROM gantry/busybox AS s${name}\nRUN --mount=type=cache,target=/c,id=${sharing},sharing=${sharing} ` +
      `echo ${name} >>/c/in; sleep 0.2; wc -l </c/in >/n; ${sharing === "shared" ? "true" : "rm /c/in"}\n`;
    const stages = [1, 2, 3].map(stage).join("");
    const last = [1, 2, 3].map((name) => `COPY --from=s${name} /n /n${name}\n`).join("");
    return built(buildRequestOf(`${stages}FROM gantry/busybox\n${last}RUN cat /n1 /n2 /n3\n`, { noCache: true }));
  };
  expect((await run("locked")).output).toBe("1\n1\n1\n");
  expect((await run("private")).output).toBe("1\n1\n1\n");
  expect((await run("shared")).output).toContain("3\n");
}, 30_000);

it("does not give what a step has made to one whose layer has gone, however that went", async () => {
  const request = () => buildRequestOf("FROM gantry/busybox\nRUN echo one >/one\nRUN echo two >/two\n");
  const first = await built(request());
  const diffID = first.steps.find(({ title }) => title.includes("one >"))?.layer?.diffID ?? "";
  await engine.client.request("images.remove", { image: imageOf(first), force: true });
  await engine.stop();
  const place = join(engine.config.root, "layers", diffID.replace("sha256:", ""));
  expect(readdirSync(place)).not.toEqual([]);
  execFileSync("rm", ["-rf", place]);
  await engine.start();
  expect(imageOf(await built(request()))).toBe(imageOf(first));
}, 20_000);
