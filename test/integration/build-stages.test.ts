import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { BuildRequest } from "../../engine/protocol/builds.ts";
import { type Built, buildRequestOf, contextDirectory, imageOf, runBuild, statusLines } from "../support/builds.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { gantryFor } from "../support/gantry-command.ts";
import { startRegistry, testUsers } from "../support/registry.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

/** Fails where the build does. */
async function build(lines: readonly string[], fields: Partial<BuildRequest> = {}): Promise<Built> {
  const built = await runBuild(engine, buildRequestOf(lines.join("\n"), { noCache: true, ...fields }));
  imageOf(built);
  return built;
}

async function configOf(built: Built): Promise<Record<string, unknown>> {
  return (await engine.client.request("images.inspect", { image: imageOf(built) })).Config as Record<string, unknown>;
}

it("makes only the stages that are needed", async () => {
  const lines = [
    "FROM gantry/busybox AS unused",
    "RUN exit 1",
    "FROM gantry/busybox AS base",
    "RUN echo base > /base",
    "FROM base AS app",
    "RUN cat /base",
    "FROM app",
    "RUN exit 1",
  ];
  const built = await build(lines, { target: "app" });
  expect(built.output).toBe("base\n");
  expect(statusLines(built)).toHaveLength(4);
});

it("makes independent stages side by side, and ends all when one fails", async () => {
  const lines = [
    "FROM gantry/busybox AS a",
    "RUN sleep 3; echo a > /a",
    "FROM gantry/busybox AS b",
    "RUN sleep 3; echo b > /b",
    "FROM gantry/busybox",
    "COPY --from=a /a /",
    "COPY --from=b /b /",
    "RUN cat /a /b",
  ];
  const began = performance.now();
  expect((await build(lines)).output).toBe("a\nb\n");
  expect(performance.now() - began).toBeLessThan(5_500);
  const failing = lines.map((line) => line.replace("sleep 3; echo a > /a", "exit 3").replace("sleep 3", "sleep 30"));
  const start = performance.now();
  const failed = await runBuild(engine, buildRequestOf(failing.join("\n"), { noCache: true }));
  expect(performance.now() - start).toBeLessThan(3_000);
  expect(failed.error).toMatchObject({ exitCode: 3 });
  expect(failed.error?.message).toContain("stage a, line 2");
  expect(statusLines(failed)).toContain("RUN sleep 30; echo b > /b: cancelled");
});

it("keeps ARGs in their stage, and lets them take over what stands before the first FROM", async () => {
  const lines = [
    "ARG IMAGE=gantry/busybox",
    "ARG GLOBAL=global",
    "FROM $IMAGE AS first",
    "ARG OWN=own",
    "ENV SHOWN=env",
    "ARG SHOWN=arg",
    "RUN echo 1 $OWN $SHOWN $GLOBAL",
    "ARG GLOBAL",
    "RUN echo 2 $GLOBAL $GIVEN",
    "ARG GIVEN",
    "RUN echo 3 $GIVEN $http_proxy",
    "FROM first AS second",
    "RUN echo 4 $OWN",
    "FROM gantry/busybox",
    "COPY --from=second /bin/busybox /b",
    "RUN echo 5 $OWN $TARGETARCH",
  ];
  const { output } = await build(lines, { buildArgs: { GIVEN: "given", HTTP_PROXY: "http://proxy" } });
  expect(output.split("\n").toSorted().slice(1)).toEqual([
    "1 own env",
    "2 global",
    "3 given http://proxy",
    "4 own",
    "5",
  ]);
});

it("copies from images, and takes named contexts in place of stages, images and directories", async () => {
  await using context = await contextDirectory({ "from-directory": "1", "sub/x": "2" });
  const lines = [
    "FROM gantry/busybox AS replaced",
    "RUN exit 1",
    "FROM base",
    "COPY --from=gantry/busybox /bin/busybox /from-image",
    "COPY --from=replaced /from-directory /",
    "COPY --from=files /sub /sub",
    "RUN cat /from-directory /sub/x; ls /from-image",
  ];
  const directory = { type: "directory", path: context.path } as const;
  const namedContexts = {
    replaced: directory,
    files: directory,
    base: { type: "image", reference: "gantry/busybox" },
  } as const;
  expect((await build(lines, { namedContexts })).output).toBe("12/from-image\n");
  const rooted = await build(["FROM files", "WORKDIR /w"], { namedContexts });
  const history = await engine.client.request("images.history", { image: imageOf(rooted) });
  expect(history.map(({ createdBy, diffID }) => [createdBy, diffID !== null])).toEqual([
    ["WORKDIR /w", true],
    ["CONTEXT files", true],
  ]);
  expect(
    (await build([`FROM ${imageOf(rooted)}`, "COPY --from=gantry/busybox /bin/busybox /busybox"])).error,
  ).toBeNull();
});

it("runs the triggers of a base first, and once", async () => {
  await build(["FROM gantry/busybox", "ONBUILD ENV BY=trigger", "ONBUILD RUN echo $BY", "RUN echo own"], {
    tags: ["triggers:1"],
  });
  const child = await build(["FROM triggers:1", "RUN echo child $BY"], { tags: ["child:1"] });
  expect(child.output).toBe("trigger\nchild trigger\n");
  const named = { base: { type: "image", reference: "triggers:1" } } as const;
  expect((await build(["# escape=`", "FROM base", "RUN echo `", "named"], { namedContexts: named })).output).toBe(
    "trigger\nnamed\n",
  );
  expect(await configOf(child)).toMatchObject({ OnBuild: null });
  expect((await build(["FROM child:1", "RUN echo again"])).output).toBe("again\n");
});

it("builds on nothing", async () => {
  await using context = await contextDirectory({ file: "1" });
  const built = await build(["FROM scratch", "COPY file /", 'CMD ["/file"]'], {
    context: { type: "directory", path: context.path },
  });
  expect(await configOf(built)).toMatchObject({ Cmd: ["/file"], WorkingDir: "/" });
  const { RootFS } = await engine.client.request("images.inspect", { image: imageOf(built) });
  expect(RootFS).toMatchObject({ Layers: [expect.any(String)] });
});

it("mounts what a RUN asks for, and leaves nothing of it", async () => {
  await using context = await contextDirectory({ "a/file": "from context", ".dockerignore": "secret\n", secret: "x" });
  const lines = [
    "FROM gantry/busybox AS made",
    "RUN echo from stage > /made",
    "FROM gantry/busybox",
    "RUN --mount=type=bind,target=/ctx ls -A /ctx; cat /ctx/a/file; (echo x > /ctx/new) 2> /dev/null || echo refused",
    "RUN --mount=type=bind,source=a/file,target=/one,rw cat /one; echo y > /one",
    "RUN --mount=type=bind,from=made,source=/made,target=/made cat /made",
    "RUN --mount=type=tmpfs,target=/tmp/t echo t > /tmp/t/t",
    "RUN --mount=type=cache,target=/cache echo run >> /cache/runs; wc -l < /cache/runs",
    "RUN --mount=type=cache,target=/cache echo run >> /cache/runs; wc -l < /cache/runs",
    "RUN ls -d /ctx /one /made /tmp/t /cache",
  ];
  const built = await runBuild(
    engine,
    buildRequestOf(lines.join("\n"), { noCache: true, context: { type: "directory", path: context.path } }),
  );
  expect(built.error).toMatchObject({ exitCode: 1 });
  for (const text of [".dockerignore\na\n", "from contextrefused\n", "from contextfrom stage\n", "1\n2\n"]) {
    expect(built.output).toContain(text);
  }
  for (const path of ["/ctx", "/one", "/made", "/tmp/t", "/cache"]) {
    expect(built.output).toContain(`ls: ${path}: No such file or directory`);
  }
});

it("runs heredocs as scripts and copies them as files", async () => {
  const lines = [
    "FROM gantry/busybox",
    "ARG NAME=world",
    "COPY <<one <<'two' /files/",
    "hello $NAME",
    "one",
    "plain $NAME",
    "two",
    "RUN <<EOF",
    "cat /files/one /files/two",
    'echo "in $NAME"',
    "EOF",
    "RUN <<EOF",
    "#!/bin/busybox cat",
    "script",
    "EOF",
  ];
  expect((await build(lines)).output).toBe("hello world\nplain $NAME\nin world\n#!/bin/busybox cat\nscript\n");
});

it("takes an image out of an OCI layout, and neither its name nor the image stays", async () => {
  await using directory = await contextDirectory({ Dockerfile: "FROM gantry/busybox\nRUN echo from layout > /file\n" });
  const archive = `${directory.path}/image.tar`;
  const made = await gantryFor(engine.config)([
    "build",
    "-t",
    "gantry/busybox:layout",
    "-o",
    `type=oci,dest=${archive}`,
    directory.path,
  ]);
  expect(made.code).toBe(0);
  execFileSync("sh", ["-ec", `mkdir ${directory.path}/layout; tar -C ${directory.path}/layout -xf ${archive}`]);
  const before = await engine.client.request("images.list", {});
  const layout = { type: "oci-layout", path: `${directory.path}/layout` } as const;
  const lines = ["FROM base", "RUN cat /file", "COPY --from=base /file /copy"];
  const of = (reference: string | null) =>
    build(lines, { namedContexts: { base: { ...layout, reference } }, output: { type: "none" } });
  expect((await of(null)).output).toBe("from layout\n");
  expect((await of("layout")).output).toBe("from layout\n");
  await expect(of("other")).rejects.toMatchObject({ code: "not-found" });
  expect(await engine.client.request("images.list", {})).toEqual(before);
});

it("pulls bases with the request's credentials, once for all that need them, and again only when told", async () => {
  await using registry = await startRegistry({ auth: "basic" });
  const account = { type: "password", username: "ann", password: testUsers.ann ?? "" } as const;
  const name = `${registry.address}/base:1`;
  const push = async (lines: readonly string[]): Promise<void> => {
    imageOf(await build(lines, { tags: [name] }));
    await engine.client.request("images.push", { reference: name, allTags: false, credentials: account });
    await engine.client.request("images.remove", { image: name, force: true });
  };
  await push(["FROM gantry/busybox", "RUN echo one > /version"]);
  const lines = [
    `FROM ${name} AS a`,
    "RUN cat /version",
    `FROM ${name}`,
    "COPY --from=a /version /copy",
    `COPY --from=${name} /version /v`,
  ];
  const refused = await runBuild(engine, buildRequestOf(lines.join("\n")));
  expect(refused.error).toMatchObject({ code: expect.stringMatching(/^(unauthenticated|permission-denied)$/) });
  expect(refused.error?.message).toContain("line 1");
  const credentials = { [registry.address]: account };
  const first = await build(lines, { credentials });
  expect(first.output).toBe("one\n");
  expect(first.steps.filter(({ title }) => title.startsWith("resolve image"))).toHaveLength(1);
  await engine.client.request("images.tag", { image: name, reference: "kept:1" });
  await push(["FROM gantry/busybox", "RUN echo two > /version"]);
  await engine.client.request("images.tag", { image: "kept:1", reference: name });
  expect((await build(lines, { credentials })).output).toBe("one\n");
  expect((await build(lines, { credentials, pull: true })).output).toBe("two\n");
});
