import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askDocker, filterQuery } from "../support/docker-client.ts";
import { type DockerResult, dockerFor, linesOf, sendRaw } from "../support/docker-command.ts";
import { eventually, starterImage } from "../support/engine.ts";
import { engineOfFile } from "../support/engine-of-file.ts";

const { engine } = engineOfFile();
let place: string;
let docker: (...args: string[]) => Promise<DockerResult>;
let quietly: (input: string, ...args: string[]) => Promise<DockerResult>;

beforeAll(() => {
  place = mkdtempSync("/tmp/gantry-test-");
  const command = dockerFor(engine, join(place, "config"));
  const env = { DOCKER_BUILDKIT: "0" };
  docker = (...args) => command(args, { env });
  quietly = (input, ...args) => command(args, { env, input });
});

afterAll(() => rmSync(place, { recursive: true, force: true }));

/** A context with this Dockerfile and these files. */
function contextOf(name: string, dockerfile: string, files: Readonly<Record<string, string>> = {}): string {
  const directory = join(place, name);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "Dockerfile"), dockerfile);
  for (const [path, content] of Object.entries(files)) writeFileSync(join(directory, path), content);
  return directory;
}

const from = `FROM ${starterImage}\n`;

/** What docker prints of a build, but for its first line and for IDs. */
function told({ stdout }: DockerResult): string {
  const [first, ...rest] = stdout.split("\n");
  expect(first).toMatch(/^Sending build context to Docker daemon/);
  return rest.join("\n").replace(/\b[0-9a-f]{12}\b/g, "<id>");
}

describe("docker build", () => {
  it("says what docker's own engine says, first and from the cache", async () => {
    const context = contextOf("words", `ARG X=1\n${from}ENV A=b\nRUN echo "hello $A"\nCOPY f /\nCMD ["cat", "/f"]\n`, {
      f: "content\n",
    });
    const first = await docker("build", "-t", "words:1", "-t", "words:2", "--build-arg", "NOPE=1", context);
    expect(told(first)).toBe(`Step 1/6 : ARG X=1
Step 2/6 : FROM ${starterImage}
 ---> <id>
Step 3/6 : ENV A=b
 ---> Using cache
 ---> <id>
Step 4/6 : RUN echo "hello $A"
 ---> Running in <id>
hello b
Removing intermediate container <id>
 ---> <id>
Step 5/6 : COPY f /
 ---> <id>
Step 6/6 : CMD ["cat", "/f"]
 ---> Running in <id>
Removing intermediate container <id>
 ---> <id>
[Warning] One or more build-args [NOPE] were not consumed
Successfully built <id>
Successfully tagged words:1
Successfully tagged words:2
`);
    expect(first.code).toBe(0);
    const again = told(await docker("build", "-t", "words:1", context));
    expect(again.match(/Using cache/g)).toHaveLength(4);
    const id = /Successfully built (\w+)/.exec(first.stdout)?.[1] ?? "";
    expect((await docker("run", "--rm", id)).stdout).toBe("content\n");
    expect((await docker("run", "--rm", "words:2")).stdout).toBe("content\n");
  });

  it("works where docker has fallen back from BuildKit by itself", async () => {
    const context = contextOf("fallback", `${from}RUN true\n`);
    const command = dockerFor(engine, join(place, "config"));
    const { code, stdout, stderr } = await command(["build", "-t", "fallback", context]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("legacy builder is deprecated") });
    expect(stdout).toContain("Successfully tagged fallback:latest");
  });

  it("gives the exit code of the command that failed, and its words", async () => {
    const result = await docker("build", contextOf("fails", `${from}RUN echo before; exit 7\n`));
    expect(result.code).toBe(7);
    expect(result.stdout).toContain("before\n");
    expect(result.stderr).toContain("The command '/bin/sh -c echo before; exit 7' returned a non-zero code: 7");
    expect((await docker("ps", "-aq")).stdout).toBe("");
  });

  it.each([
    ["an unknown instruction", `${from}FOO x\n`, "dockerfile parse error on line 2: unknown instruction: FOO"],
    ["a missing file", `${from}COPY nix /\n`, "COPY failed: file not found in build context"],
    ["a missing stage", `${from}COPY --from=9 a /\n`, "9"],
    ["nothing", "", "dockerfile parse error"],
  ])("says what is wrong with %s", async (_, dockerfile, message) => {
    const { code, stderr } = await docker("build", contextOf("wrong", dockerfile));
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(message) });
  });

  it("takes flags, a Dockerfile elsewhere and one of stdin", async () => {
    const dockerfile = `${from}ARG WHO\nRUN echo "$WHO" > /who; id -u > /id; cat /etc/hosts > /hosts\nFROM scratch AS last\n`;
    const context = contextOf("flags", `${dockerfile}COPY nix /\n`);
    const flags = ["--build-arg", "WHO=me", "--label", "b=2", "--label", "a=1", "--target", "0", "--no-cache"];
    const limits = ["-m", "64m", "--cpu-shares", "100", "--ulimit", "nofile=64:64", "--add-host", "other:10.1.1.1"];
    const built = await docker("build", "-t", "flags", ...flags, ...limits, "--network", "none", context);
    expect(built).toMatchObject({ code: 0, stdout: expect.stringContaining("LABEL a=1 b=2") });
    expect((await docker("run", "--rm", "flags", "cat", "/who", "/hosts")).stdout).toMatch(
      /^me\n[\s\S]*10\.1\.1\.1\s+other/,
    );
    const labels = await docker("inspect", "-f", "{{json .Config.Labels}}", "flags");
    expect(JSON.parse(labels.stdout)).toMatchObject({ a: "1", b: "2" });

    writeFileSync(join(place, "elsewhere"), `${from}COPY Dockerfile /here\n`);
    expect((await docker("build", "-f", join(place, "elsewhere"), context)).code).toBe(0);
    expect((await quietly(`${from}RUN echo alone\n`, "build", "-")).stdout).toContain("alone\n");
    const missing = await docker("build", "-f", join(context, "nope"), context);
    expect(missing.stderr).toContain("unable to evaluate symlinks in Dockerfile path");
  });

  it("prints an ID alone where it is to be quiet, and all where that failed", async () => {
    const good = await docker("build", "-q", contextOf("quiet", `${from}RUN echo said\n`));
    expect(good).toMatchObject({ code: 0, stdout: expect.stringMatching(/^sha256:[0-9a-f]{64}\n$/) });
    const bad = await docker("build", "-q", contextOf("unquiet", `${from}RUN echo said; false\n`));
    expect(bad).toMatchObject({ code: 1, stdout: "" });
    expect(bad.stderr).toContain("said\n");
  });

  it("refuses what needs BuildKit, and says what works", async () => {
    const command = dockerFor(engine, join(place, "config"));
    const answer = await command(["build", contextOf("kit", from)], { env: { DOCKER_BUILDKIT: "1" } });
    // The client itself has no BuildKit here: what its requests would be told is seen below.
    expect(answer.code).not.toBe(0);
    for (const query of ["version=2", "remote=client-session"]) {
      const { status, body } = await askDocker(engine, `POST /build?${query}`);
      expect({ status, body }).toEqual({
        status: 501,
        body: { message: expect.stringContaining("DOCKER_BUILDKIT=0") },
      });
    }
  });

  it("lists and prunes its cache", async () => {
    await docker("build", contextOf("cache", `${from}RUN echo cached > /cached\n`));
    const { body } = await askDocker(engine, "GET /v1.44/system/df?type=build-cache");
    const [record] = (body as { BuildCache: Record<string, unknown>[] }).BuildCache;
    expect(record).toMatchObject({ ID: expect.any(String), Type: "regular", InUse: expect.any(Boolean), Parents: [] });
    const nothing = await askDocker(engine, `POST /build/prune?${filterQuery({ until: ["24h"] })}`);
    expect(nothing).toEqual({ status: 200, body: { CachesDeleted: null, SpaceReclaimed: 0 } });
    const { stdout } = await docker("builder", "prune", "-af");
    expect(stdout).toContain("Deleted build cache objects:");
    const after = await askDocker(engine, "GET /system/df?type=build-cache");
    expect((after.body as { BuildCache: unknown[] }).BuildCache).toEqual([]);
  });
});

describe("POST /build", () => {
  const pack = (...flags: string[]) => {
    contextOf("packed", `${from}COPY f /f\nRUN cat /f\n`, { f: "packed\n" });
    return execFileSync("tar", ["-c", ...flags, "-C", join(place, "packed"), "."], { maxBuffer: 1 << 24 });
  };
  const post = (query: string, body: Buffer) =>
    sendRaw(engine, `POST /v1.41/build?${query}`, { headers: { "Content-Type": "application/x-tar" }, body });

  it.each([[], ["-z"], ["-j"], ["-J"], ["--zstd"]])("takes a context packed with %s", async (...flags) => {
    const answer = await post("nocache=1", pack(...flags.filter(Boolean)));
    expect(answer.status).toBe(200);
    const lines = linesOf(answer);
    expect(lines).toContainEqual({ stream: "packed\n" });
    expect(lines).toContainEqual({ aux: { ID: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) } });
    expect(lines.at(-1)).toEqual({ stream: expect.stringMatching(/^Successfully built [0-9a-f]{12}\n$/) });
  });

  it.each([
    ["t=UPPER", 400, "must be lowercase"],
    ["dockerfile=nope", 400, "Cannot locate specified Dockerfile: nope"],
    ["buildargs=x", 400, "error reading buildargs"],
    ['outputs=[{"Type":"local"}]', 501, "gantry build --output"],
    ["target=nope", 400, "nope"],
    ["platform=junk/of/many/parts", 400, "platform"],
    ["shmsize=x", 400, "invalid syntax"],
    ["isolation=hyperv", 400, "isolation"],
  ])("refuses %s with %i before it begins", async (query, status, message) => {
    const answer = await post(query, pack());
    expect(answer.status).toBe(status);
    expect(JSON.parse(String(answer.body))).toEqual({ message: expect.stringContaining(message) });
  });

  it("refuses what is no tar", async () => {
    const answer = await post("t=x", Buffer.from("no tar at all, and longer than a header ".repeat(40)));
    expect(answer.status).toBe(400);
  });

  it("builds what lies elsewhere", async () => {
    const server = createServer((_, response) => response.end(`${from}RUN echo from afar\n`));
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    try {
      const answer = await post(`remote=${encodeURIComponent(`http://127.0.0.1:${port}/Dockerfile`)}`, Buffer.alloc(0));
      expect(linesOf(answer)).toContainEqual({ stream: "from afar\n" });
    } finally {
      server.close();
    }
  });

  it("ends a build when its client goes, and leaves nothing", async () => {
    const context = contextOf("long", `${from}RUN echo begun; sleep 600\n`);
    const tar = execFileSync("tar", ["-c", "-C", context, "."]);
    const call = request({
      socketPath: engine.config.dockerSocket,
      method: "POST",
      path: "/build",
      headers: { "Content-Type": "application/x-tar" },
    });
    call.on("error", () => undefined);
    call.end(tar);
    const [response] = await once(call, "response");
    let text = "";
    response.on("error", () => undefined);
    response.on("data", (chunk: Buffer) => {
      text += chunk;
    });
    await eventually(() => text.includes("begun"));
    call.destroy();
    const builds = () => engine.client.request("builds.list", {});
    await eventually(async () => (await builds()).every(({ status }) => status !== "running"));
    expect((await builds())[0]).toMatchObject({ status: "cancelled" });
  });

  it("is cancelled by its ID, and knows nothing of others", async () => {
    expect((await askDocker(engine, "POST /build/cancel?id=nope")).status).toBe(200);
    expect((await askDocker(engine, "POST /build/cancel")).status).toBe(400);
    const building = post(
      "t=cancelled",
      execFileSync("tar", ["-c", "-C", contextOf("c", `${from}RUN sleep 600\n`), "."]),
    );
    const running = async () =>
      (await engine.client.request("builds.list", {})).find((one) => one.status === "running");
    await eventually(async () => (await running())?.current.includes("sleep") ?? false);
    await sleep(50);
    await askDocker(engine, `POST /build/cancel?id=${(await running())?.id}`);
    expect(linesOf(await building).at(-1)).toMatchObject({ error: expect.stringContaining("cancelled") });
  });
});
