import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { BuildOptions } from "../../../../src/cli/build/build-flags.ts";
import { parseBuildFlags, progressKind, wantsColour } from "../../../../src/cli/build/build-request.ts";

let directory: string;
const agent = createServer();

beforeAll(async () => {
  directory = mkdtempSync("/tmp/gantry-test-");
  writeFileSync(join(directory, "secret"), "s3cret\n");
  await new Promise<void>((resolve) => agent.listen(join(directory, "agent"), resolve));
});

afterAll(() => {
  agent.close();
  rmSync(directory, { recursive: true, force: true });
});

function parse(options: BuildOptions, environment: Record<string, string> = {}) {
  return parseBuildFlags(options, { directory, environment });
}

const fields = (options: BuildOptions, environment?: Record<string, string>) => parse(options, environment).fields;

it("asks for nothing special without flags", () => {
  const { fields: plain, plan, tags } = parse({});
  expect(plan).toEqual({ output: { type: "image" }, destination: null, names: [], push: false });
  expect(tags).toEqual([]);
  expect(plain).toMatchObject({ network: "default", noCache: false, pull: false, provenance: "", sbom: false });
  expect(plain).toMatchObject({ sourceDateEpoch: null, shmSize: null, target: "", platform: "", check: false });
});

it("takes build arguments as written, from the environment, and from the user's settings", () => {
  const options = { buildArg: ["A=1", "B=", "C", "D", "E=x=y"] };
  expect(fields(options, { C: "here" }).buildArgs).toEqual({ A: "1", B: "", C: "here", E: "x=y" });
  const proxies = { HTTP_PROXY: "http://proxy", http_proxy: "http://proxy" };
  const own = parseBuildFlags({ buildArg: ["http_proxy=mine"] }, { directory, environment: {} }, proxies);
  expect(own.fields.buildArgs).toEqual({ HTTP_PROXY: "http://proxy", http_proxy: "mine" });
  expect(() => fields({ buildArg: ["=x"] })).toThrow("the name is missing");
});

it("takes SOURCE_DATE_EPOCH from the environment, or from an argument", () => {
  const fromHere = fields({}, { SOURCE_DATE_EPOCH: "17" });
  expect(fromHere).toMatchObject({ sourceDateEpoch: 17, buildArgs: { SOURCE_DATE_EPOCH: "17" } });
  expect(fields({ buildArg: ["SOURCE_DATE_EPOCH=0"] }, { SOURCE_DATE_EPOCH: "17" }).sourceDateEpoch).toBe(0);
  expect(() => fields({}, { SOURCE_DATE_EPOCH: "today" })).toThrow("invalid SOURCE_DATE_EPOCH");
});

it("reads secrets of files and of the environment", () => {
  const secrets = (secret: string, environment?: Record<string, string>) =>
    fields({ secret: [secret] }, environment).secrets.map(({ id, value }) => [
      id,
      String(Buffer.from(value, "base64")),
    ]);
  expect(secrets("id=s,src=secret")).toEqual([["s", "s3cret\n"]]);
  expect(secrets("id=secret")).toEqual([["secret", "s3cret\n"]]);
  expect(secrets("id=s,env=TOKEN", { TOKEN: "t" })).toEqual([["s", "t"]]);
  expect(secrets("type=env,id=TOKEN", { TOKEN: "t" })).toEqual([["TOKEN", "t"]]);
  expect(secrets("id=TOKEN", { TOKEN: "t" })).toEqual([["TOKEN", "t"]]);
});

it.each([
  ["id", "invalid field 'id' must be a key=value pair"],
  ["src=secret", "secret missing ID"],
  ["id=s,src=gone", "no such file"],
  ["id=s,what=x", "unexpected key 'what' in 'id=s,what=x'"],
  ["id=s,type=magic", 'unsupported secret type "magic"'],
])("refuses the secret %s", (secret, message) => {
  expect(() => fields({ secret: [secret] })).toThrow(message);
});

it("finds agents, and no keys", () => {
  expect(fields({ ssh: ["default"] }, { SSH_AUTH_SOCK: join(directory, "agent") }).ssh).toEqual([
    { id: "default", path: join(directory, "agent") },
  ]);
  expect(fields({ ssh: ["own=agent"] }).ssh).toEqual([{ id: "own", path: join(directory, "agent") }]);
  expect(() => fields({ ssh: ["default"] })).toThrow("make sure SSH_AUTH_SOCK is set");
  expect(() => fields({ ssh: ["own=secret"] })).toThrow("no socket of an agent");
});

it.each([
  ["out", { output: { type: "local" }, destination: "/d/out" }],
  ["-", { output: { type: "tar" }, destination: "-" }],
  ["type=local,dest=/x", { output: { type: "local" }, destination: "/x" }],
  ["type=tar", { output: { type: "tar" }, destination: "-" }],
  ["type=tar,dest=x.tar", { output: { type: "tar" }, destination: "/d/x.tar" }],
  ["type=oci,dest=x.tar,name=a:b", { output: { type: "oci" }, destination: "/d/x.tar", names: ["a:b"] }],
  ["type=docker", { output: { type: "image" }, destination: null }],
  ["type=docker,dest=-", { output: { type: "docker" }, destination: "-" }],
  ['type=image,"name=a,b",push=true', { output: { type: "image" }, names: ["a", "b"], push: true }],
  ["type=registry,name=r/a", { output: { type: "image" }, names: ["r/a"], push: true }],
  ["type=cacheonly", { output: { type: "none" }, destination: null }],
])("takes the output %s", (output, expected) => {
  expect(parseBuildFlags({ output: [output] }, { directory: "/d", environment: {} }).plan).toMatchObject(expected);
});

it.each([
  [["type=local"], "dest is required for local exporter"],
  [["type=local,dest=-"], "dest cannot be stdout for local exporter"],
  [["type=magic,dest=x"], 'output type "magic" is not supported'],
  [["type=tar,dest=x,compression=zstd"], "unexpected key 'compression'"],
  [["a", "b"], "multiple outputs are not supported"],
])("refuses the output %s", (output, message) => {
  expect(() => parse({ output })).toThrow(message);
});

it("knows where caches come from and go to", () => {
  const { cacheFrom, cacheTo } = fields({
    cacheFrom: ["user/app", "type=registry,ref=r/c", "type=local,src=in"],
    cacheTo: ["type=local,dest=out,mode=max", "r/c"],
  });
  expect(cacheFrom).toEqual([
    { type: "registry", reference: "user/app" },
    { type: "registry", reference: "r/c" },
    { type: "local", path: join(directory, "in") },
  ]);
  expect(cacheTo).toEqual([
    { type: "local", path: join(directory, "out"), mode: "max" },
    { type: "registry", reference: "r/c", mode: "min" },
  ]);
  expect(() => fields({ cacheFrom: ["type=gha"] })).toThrow('cache type "gha" is not supported');
  expect(() => fields({ cacheTo: ["type=inline"] })).toThrow('cache type "inline" is not supported');
  expect(() => fields({ cacheTo: ["type=local"] })).toThrow("'type=local' lacks dest");
});

it("knows named contexts", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const { namedContexts } = fields({
    buildContext: [
      "a=../a",
      "b=docker-image://alpine:3",
      "c=https://host/x.git#main",
      "d=oci-layout://lay:v1",
      `e=oci-layout:///lay@${digest}`,
      "f=oci-layout://lay",
    ],
  });
  expect(namedContexts).toEqual({
    a: { type: "directory", path: join(directory, "../a") },
    b: { type: "image", reference: "alpine:3" },
    c: { type: "remote", url: "https://host/x.git#main" },
    d: { type: "oci-layout", path: join(directory, "lay"), reference: "v1" },
    e: { type: "oci-layout", path: "/lay", reference: digest },
    f: { type: "oci-layout", path: join(directory, "lay"), reference: null },
  });
  expect(() => fields({ buildContext: ["a"] })).toThrow("want NAME=PATH or NAME=URL");
});

it("knows attestations in both forms", () => {
  expect(fields({ provenance: "true" })).toMatchObject({ provenance: "min", sbom: false });
  expect(fields({ provenance: "mode=max", sbom: "true" })).toMatchObject({ provenance: "max", sbom: true });
  expect(fields({ attest: ["type=provenance,mode=max", "type=sbom"] })).toMatchObject({
    provenance: "max",
    sbom: true,
  });
  expect(fields({ attest: ["type=provenance"], provenance: "false" })).toMatchObject({ provenance: "" });
  expect(() => fields({ sbom: "generator=x" })).toThrow("the engine makes it itself");
  expect(() => fields({ attest: ["type=magic"] })).toThrow('attestation type "magic" is not supported');
});

it.each<[BuildOptions, string]>([
  [{ annotation: ["a=b"] }, "--annotation is not supported"],
  [{ builder: "other" }, 'no builder "other" found'],
  [{ isolation: "hyperv" }, "Linux has only default"],
  [{ platform: ["linux/amd64,linux/arm64"] }, "multiple platforms are not supported"],
  [{ cache: false, noCacheFilter: ["a"] }, "cannot currently be used together"],
  [{ allow: ["everything"] }, 'invalid entitlement "everything"'],
  [{ push: true, output: ["out"] }, "push and this output cannot be used together"],
  [{ call: "outline" }, "--call outline is not supported"],
])("refuses %o with a sentence and code 1", (options, message) => {
  expect(() => parse(options)).toThrow(
    expect.objectContaining({ message: expect.stringContaining(message), exitCode: 1 }),
  );
});

it("takes what docker's flags say of RUN", () => {
  const { resources, shmSize, ulimits, extraHosts, allow } = fields({
    memory: "1g",
    memorySwap: "-1",
    cpus: "1.5",
    cpuShares: "512",
    cpusetCpus: "0",
    shmSize: "128m",
    ulimit: ["nofile=10:20"],
    addHost: ["a:10.0.0.1", "b=::1"],
    allow: ["network.host", "fs.read=/x"],
  });
  expect(resources).toMatchObject({
    memory: 2 ** 30,
    memorySwap: -1,
    nanoCpus: 1.5e9,
    cpuShares: 512,
    cpusetCpus: "0",
  });
  expect(shmSize).toBe(2 ** 27);
  expect(ulimits).toEqual([{ name: "nofile", soft: 10, hard: 20 }]);
  expect(extraHosts).toEqual([
    { name: "a", address: "10.0.0.1" },
    { name: "b", address: "::1" },
  ]);
  expect(allow).toEqual(["network.host"]);
});

it("shows progress as the place allows", () => {
  const terminal = { isTTY: true, term: "xterm" };
  const pipe = { isTTY: false, term: "xterm" };
  expect(progressKind({}, terminal)).toBe("tty");
  expect(progressKind({}, { isTTY: true, term: "dumb" })).toBe("plain");
  expect(progressKind({}, pipe)).toBe("plain");
  expect(progressKind({ progress: "rawjson" }, terminal)).toBe("rawjson");
  expect(progressKind({ quiet: true, progress: "plain" }, terminal)).toBe("quiet");
  expect(() => progressKind({ progress: "tty" }, pipe)).toThrow("needs a terminal");
  expect(() => progressKind({ progress: "loud" }, pipe)).toThrow("invalid progress mode loud");
  expect([wantsColour({ TERM: "xterm" }), wantsColour({ TERM: "xterm", NO_COLOR: "1" })]).toEqual([true, false]);
});
