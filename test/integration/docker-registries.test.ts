import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { dockerFor, sendRaw } from "../support/docker-command.ts";
import { engineOfFile } from "../support/engine-of-file.ts";
import { putLayers } from "../support/images-registry.ts";
import { startRegistry, type TestRegistry, testUsers } from "../support/registry.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

const { engine } = engineOfFile();
const password = testUsers.ann ?? "";
let open: TestRegistry;
let closed: TestRegistry;
let withTokens: TestRegistry;
let directory: TempRoot;
let docker: ReturnType<typeof dockerFor>;

beforeAll(async () => {
  [open, closed, withTokens, directory] = await Promise.all([
    startRegistry(),
    startRegistry({ auth: "basic" }),
    startRegistry({ auth: "token" }),
    tempRoot(),
  ]);
  docker = dockerFor(engine, directory.path);
}, 60_000);

afterAll(async () => {
  for (const used of [open, closed, withTokens, directory]) await used?.[Symbol.asyncDispose]();
});

const describeAt = async (reference: string, account: Readonly<Record<string, string>> | null) => {
  const auth = Buffer.from(JSON.stringify(account ?? {})).toString("base64url");
  const headers = { "X-Registry-Auth": auth };
  const answer = await sendRaw(engine, `GET /v1.41/distribution/${encodeURIComponent(reference)}/json`, { headers });
  return { status: answer.status, body: JSON.parse(answer.body.toString()) };
};

it("logs in by docker login, by name and password or by a token", async () => {
  for (const { address } of [closed, withTokens]) {
    const login = ["login", "--username", "ann", "--password-stdin", address];
    const good = await docker(login, { input: password });
    expect(good).toMatchObject({ code: 0 });
    expect(good.stdout).toContain("Login Succeeded");
    const bad = await docker(login, { input: "wrong" });
    expect(bad).toMatchObject({ code: 1, stdout: "" });
    expect(bad.stderr).toContain("Error response from daemon");
    expect(bad.stderr).not.toContain("wrong");
  }
  const config: { auths: object } = JSON.parse(await readFile(directory.join("config.json"), "utf8"));
  expect(Object.keys(config.auths).sort()).toEqual([closed.address, withTokens.address].sort());
});

it("describes what a registry has, without a pull", async () => {
  const { manifest } = await putLayers(open, "team/web:1", [[["one", "one"]]]);
  const { status, body } = await describeAt(`${open.address}/team/web:1`, null);
  expect(status).toBe(200);
  // Names are those of OCI's documents: moby's description has them otherwise until v1.42.
  expect(body.Descriptor).toEqual({ mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.size });
  expect(body.Platforms).toEqual([{ architecture: expect.any(String), os: "linux" }]);
  expect(await describeAt(`${open.address}/team/web:none`, null)).toMatchObject({ status: 404 });
  expect(await describeAt("NO SUCH NAME", null)).toMatchObject({ status: 400 });
});

it("takes the account of the request where a registry asks for one", async () => {
  await putLayers(closed, "team/mine:1", [[["one", "one"]]]);
  const reference = `${closed.address}/team/mine:1`;
  expect(await describeAt(reference, null)).toMatchObject({ status: 401 });
  expect(await describeAt(reference, { username: "ann", password })).toMatchObject({ status: 200 });
});
