import { afterAll, beforeAll, expect, it } from "vitest";
import type { BuildEvent } from "../../engine/protocol/builds.ts";
import { emptyCreateRequest } from "../../engine/protocol/defaults.ts";
import {
  buildRequestOf,
  contextDirectory,
  directoryRequest,
  imageOf,
  runBuild,
  statusLines,
} from "../support/builds.ts";
import { eventually, readLog, startTestEngine, type TestEngine } from "../support/engine.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

async function outputOf(image: string, command?: string[]): Promise<string> {
  const { command: _default, ...request } = emptyCreateRequest(image);
  const wanted = command === undefined ? request : { ...request, command };
  const { id } = await engine.client.request("containers.create", wanted);
  await engine.client.request("containers.start", { container: id });
  await engine.client.request("containers.wait", { container: id, condition: "stopped" });
  const log = await readLog(engine, id);
  await engine.client.request("containers.remove", { container: id, force: true, volumes: true });
  return log;
}

it("builds an image of two stages that runs", async () => {
  await using context = await contextDirectory({
    Dockerfile: [
      "FROM gantry/busybox AS build",
      "WORKDIR /src",
      "COPY hello.txt .",
      "RUN tr a-z A-Z < hello.txt > /out.txt",
      "FROM gantry/busybox",
      "ENV GREETING=hi",
      "COPY --from=build /out.txt /data/",
      "RUN echo $GREETING >> /data/out.txt",
      'CMD ["cat", "/data/out.txt"]',
    ].join("\n"),
    "hello.txt": "hello\n",
  });
  const built = await runBuild(engine, directoryRequest(context, { tags: ["two:1", "two:2"] }));
  expect(await outputOf("two:1")).toBe("HELLO\nhi\n");
  const images = await engine.client.request("images.list", {});
  const image = images.find(({ id }) => id === imageOf(built));
  expect(image?.references).toEqual(["two:1", "two:2"]);
  expect(statusLines(built)).toEqual([
    "FROM gantry/busybox AS build: done",
    "WORKDIR /src: done",
    "COPY hello.txt .: done",
    "RUN tr a-z A-Z < hello.txt > /out.txt: done",
    "FROM gantry/busybox: done",
    "ENV GREETING=hi: cached",
    "COPY --from=build /out.txt /data/: done",
    "RUN echo $GREETING >> /data/out.txt: done",
    'CMD ["cat", "/data/out.txt"]: done',
  ]);
  expect(built.steps.map(({ title }) => title)).toEqual(
    expect.arrayContaining(["load context", "resolve image gantry/busybox:latest", "export image"]),
  );
});

it("gives an image docker's config and history", async () => {
  const built = await runBuild(
    engine,
    buildRequestOf(
      [
        "FROM gantry/busybox",
        "ARG VERSION=1",
        "ARG UNSET",
        "LABEL a=1 b=2",
        "ENV PLACE=/srv V=$VERSION",
        "WORKDIR $PLACE",
        "WORKDIR web",
        "EXPOSE 80 53/udp",
        'VOLUME ["/data"]',
        "USER 1000:1000",
        "RUN id -u > /tmp/user",
        'ENTRYPOINT ["/bin/sh"]',
        'CMD ["-c", "pwd"]',
        "HEALTHCHECK --interval=5s CMD true",
        "STOPSIGNAL SIGINT",
      ].join("\n"),
      { labels: { b: "3" }, buildArgs: { VERSION: "2" } },
    ),
  );
  const inspected = await engine.client.request("images.inspect", { image: imageOf(built) });
  expect(inspected.Config).toMatchObject({
    Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PLACE=/srv", "V=2"],
    WorkingDir: "/srv/web",
    ExposedPorts: { "80/tcp": {}, "53/udp": {} },
    Volumes: { "/data": {} },
    User: "1000:1000",
    Entrypoint: ["/bin/sh"],
    Cmd: ["-c", "pwd"],
    Healthcheck: { Test: ["CMD-SHELL", "true"], Interval: 5e9 },
    StopSignal: "SIGINT",
    Labels: { a: "1", b: "3" },
  });
  const history = await engine.client.request("images.history", { image: imageOf(built) });
  expect(
    history
      .map(({ createdBy }) => createdBy)
      .toReversed()
      .slice(1),
  ).toEqual([
    "ARG VERSION=2",
    "ARG UNSET",
    "LABEL a=1 b=2",
    "ENV PLACE=/srv V=2",
    "WORKDIR /srv",
    "WORKDIR /srv/web",
    "EXPOSE map[53/udp:{} 80/tcp:{}]",
    "VOLUME [/data]",
    "USER 1000:1000",
    "RUN |1 VERSION=2 /bin/sh -c id -u > /tmp/user # buildkit",
    'ENTRYPOINT ["/bin/sh"]',
    'CMD ["-c" "pwd"]',
    `HEALTHCHECK &{["CMD-SHELL" "true"] "5s" "0s" "0s" "0s" '\\x00'}`,
    "STOPSIGNAL SIGINT",
  ]);
  expect(await outputOf(imageOf(built))).toBe("/srv/web\n");
});

it("says which command failed, where, and with what; and shows the file system it left", async () => {
  const dockerfile =
    "FROM gantry/busybox AS app\nENV A=1\n\nRUN echo made > /made; echo broken >&2; exit 7\nRUN true\n";
  const built = await runBuild(engine, buildRequestOf(dockerfile));
  expect(built.error).toMatchObject({ code: "failed-precondition", exitCode: 7 });
  expect(built.error?.message).toContain("stage app, line 4: process ");
  expect(built.error?.message).toContain("did not complete successfully: exit code: 7");
  expect(built.output).toBe("broken\n");
  expect(statusLines(built).slice(-2)).toEqual([
    "RUN echo made > /made; echo broken >&2; exit 7: failed",
    "RUN true: waiting",
  ]);
  const finished = built.events.at(-1);
  expect(finished).toMatchObject({ type: "finished", build: { status: "failed", canDebug: true, steps: 4 } });
  const { summary } = await engine.client.request("builds.inspect", { build: built.id });
  expect(summary.error).toBe(built.error?.message);
  const { imageID } = await engine.client.request("builds.debug", { build: built.id });
  expect(await outputOf(imageID, ["sh", "-c", "cat /made; echo $A"])).toBe("made\n1\n");
  const inspected = await engine.client.request("images.inspect", { image: imageID });
  expect(inspected.Config).toMatchObject({ Cmd: ["/bin/sh"] });
});

it("refuses what is wrong in docker's words, before anything is made", async () => {
  await using context = await contextDirectory({ "a.txt": "a" });
  const failures = [
    directoryRequest(context),
    buildRequestOf("FROM gantry/busybox\nFRM x\n"),
    buildRequestOf("FROM gantry/busybox\nCOPY missing /\n", { context: { type: "directory", path: context.path } }),
    buildRequestOf("FROM gantry/busybox\n", { target: "nowhere" }),
    buildRequestOf("FROM gantry/busybox\n", { platform: "linux/s390x" }),
    buildRequestOf("FROM gantry/busybox\n", { tags: ["Not/A Tag"] }),
    buildRequestOf("FROM gantry/busybox\n", { context: { type: "directory", path: "relative" } }),
    buildRequestOf("FROM gantry/busybox\nRUN --network=host true\n"),
    buildRequestOf("FROM gantry/busybox\nRUN --mount=type=secret,id=key,required=true true\n"),
  ];
  const messages: string[] = [];
  for (const request of failures) messages.push((await runBuild(engine, request)).error?.message ?? "none");
  expect(messages).toEqual([
    "failed to read dockerfile: open Dockerfile: no such file or directory",
    expect.stringContaining("dockerfile parse error on line 2: unknown instruction: FRM (did you mean FROM?)"),
    expect.stringMatching(/stage 0, line 2: .*"\/missing": not found/),
    expect.stringContaining('target stage "nowhere" could not be found'),
    expect.stringContaining("cannot build for linux/s390x"),
    expect.stringContaining("invalid reference"),
    'the path "relative" is not absolute',
    "stage 0, line 2: network.host is not allowed",
    "stage 0, line 2: secret key: not found",
  ]);
});

it("only checks when it is told to", async () => {
  const built = await runBuild(engine, buildRequestOf("from gantry/busybox As app\nRUN exit 1\n", { check: true }));
  expect(built.error).toBeNull();
  expect(built.result?.warnings.map(({ rule }) => rule)).toContain("ConsistentInstructionCasing");
  expect(built.events.filter(({ type }) => type === "warning").length).toBe(built.result?.warnings.length);
});

it("remembers builds, and tells one that is over from its beginning", async () => {
  const request = buildRequestOf("FROM gantry/busybox\nRUN echo remembered\n", { tags: ["kept:1"], noCache: true });
  const built = await runBuild(engine, request);
  const prefix = built.id.slice(0, 13);
  await engine.stop();
  await engine.start();
  const list = await engine.client.request("builds.list", {});
  expect(list.find(({ id }) => id === built.id)).toMatchObject({
    name: "kept:1",
    status: "done",
    steps: 2,
    finishedSteps: 2,
    cachedSteps: 0,
    imageID: imageOf(built),
    canRetry: true,
    canDebug: false,
  });
  const events: BuildEvent[] = [];
  await engine.client.subscribe("build", { buildID: built.id }, (event) => events.push(event));
  await eventually(() => events.at(-1)?.type === "finished");
  expect(events.filter(({ type }) => type === "output")).toEqual([
    { type: "output", step: expect.any(Number), stream: 1, text: "remembered\n" },
  ]);
  const inspected = await engine.client.request("builds.inspect", { build: prefix });
  expect(inspected.dockerfile).toBe("FROM gantry/busybox\nRUN echo remembered\n");
  const { buildID } = await engine.client.request("builds.retry", { build: prefix });
  await eventually(
    async () => (await engine.client.request("builds.inspect", { build: buildID })).summary.status === "done",
  );
  await engine.client.request("builds.remove", { builds: [] });
  expect(await engine.client.request("builds.list", {})).toEqual([]);
});
