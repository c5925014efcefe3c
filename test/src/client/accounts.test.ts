import { chmod, chown, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findAccount, forgetAccount, keepAccount } from "../../../src/client/accounts/accounts.ts";
import { installHelper } from "../../support/credential-helper.ts";
import { tempRoot } from "../../support/temp-root.ts";

const before = { DOCKER_CONFIG: process.env.DOCKER_CONFIG, PATH: process.env.PATH };
let root: Awaited<ReturnType<typeof tempRoot>>;
let config: string;
let programs: string;

beforeEach(async () => {
  root = await tempRoot();
  await chmod(root.path, 0o755);
  config = join(root.path, "docker");
  programs = join(root.path, "programs");
  await mkdir(programs);
  process.env.DOCKER_CONFIG = config;
  process.env.PATH = `${programs}:${before.PATH}`;
});

afterEach(async () => {
  process.env.PATH = before.PATH;
  if (before.DOCKER_CONFIG === undefined) delete process.env.DOCKER_CONFIG;
  else process.env.DOCKER_CONFIG = before.DOCKER_CONFIG;
  await root[Symbol.asyncDispose]();
});

const alice = {
  username: "alice",
  credentials: { type: "password", username: "alice", password: "s3:cr\u00e9t" },
} as const;
const token = { username: "", credentials: { type: "identity-token", token: "abc" } } as const;
const base64 = (text: string) => Buffer.from(text).toString("base64");
const path = () => join(config, "config.json");
const read = async () => JSON.parse(await readFile(path(), "utf8"));

async function write(content: unknown): Promise<void> {
  await mkdir(config, { recursive: true });
  await writeFile(path(), typeof content === "string" ? content : JSON.stringify(content));
}

describe("an account in config.json", () => {
  it("is written as docker writes it, read again, and forgotten", async () => {
    expect(await findAccount("localhost:5000")).toBeNull();
    expect(await keepAccount("localhost:5000", alice)).toBe(path());
    expect(await readFile(path(), "utf8")).toBe(
      `{\n\t"auths": {\n\t\t"localhost:5000": {\n\t\t\t"auth": "${base64("alice:s3:cr\u00e9t")}"\n\t\t}\n\t}\n}`,
    );
    expect((await stat(path())).mode & 0o777).toBe(0o600);
    expect((await stat(config)).mode & 0o777).toBe(0o700);
    expect(await findAccount("localhost:5000")).toEqual(alice);
    expect(await findAccount("localhost:5001")).toBeNull();
    await forgetAccount("localhost:5000");
    expect(await read()).toEqual({ auths: {} });
    expect(await readdir(config)).toEqual(["config.json"]);
  });

  it("stands under docker's key for the default registry, and is found under older ones", async () => {
    await keepAccount("docker.io", alice);
    expect(Object.keys((await read()).auths)).toEqual(["https://index.docker.io/v1/"]);
    expect(await findAccount("docker.io")).toEqual(alice);
    await write({ auths: { "https://registry.example/v2/": { auth: base64("alice:s3:cr\u00e9t") } } });
    expect(await findAccount("registry.example")).toEqual(alice);
  });

  it("keeps what it knows nothing of, and follows a symbolic link", async () => {
    await write({ HttpHeaders: { X: "1" }, auths: { other: { auth: "eA==", email: "a@b" } }, detachKeys: "ctrl-a" });
    await mkdir(join(root.path, "linked"));
    await symlink(path(), join(root.path, "linked", "config.json"));
    process.env.DOCKER_CONFIG = join(root.path, "linked");
    await keepAccount("localhost:5000", token);
    expect((await stat(path())).mode & 0o777).toBe(0o600);
    expect(await read()).toEqual({
      HttpHeaders: { X: "1" },
      auths: { other: { auth: "eA==", email: "a@b" }, "localhost:5000": { identitytoken: "abc" } },
      detachKeys: "ctrl-a",
    });
  });

  it("loses nothing where several are kept at once", async () => {
    const names = ["one.example", "three.example", "two.example"];
    await write({ auths: {} });
    await Promise.all(names.map((name) => keepAccount(name, alice)));
    expect(Object.keys((await read()).auths).sort()).toEqual(names);
  });

  it("belongs to whom the directory belongs to", async () => {
    await mkdir(join(root.path, "home"));
    await chown(join(root.path, "home"), 1234, 1235);
    process.env.DOCKER_CONFIG = join(root.path, "home", ".docker");
    await keepAccount("localhost:5000", alice);
    for (const name of [".docker", ".docker/config.json"]) {
      expect(await stat(join(root.path, "home", name))).toMatchObject({ uid: 1234, gid: 1235 });
    }
  });

  it("prefers tokens to passwords", async () => {
    await write({
      auths: {
        one: { auth: base64("alice:"), identitytoken: "i" },
        two: { auth: base64("alice:x"), identitytoken: "i", registrytoken: "r" },
        three: { username: "bob", password: "b" },
        four: { auth: "" },
        five: { auth: "no colon in here" },
      },
    });
    const typeOf = async (name: string) => (await findAccount(name))?.credentials ?? null;
    expect(await typeOf("one")).toEqual({ type: "identity-token", token: "i" });
    expect(await typeOf("two")).toEqual({ type: "registry-token", token: "r" });
    expect(await typeOf("three")).toEqual({ type: "password", username: "bob", password: "b" });
    expect(await typeOf("four")).toBeNull();
    expect(await typeOf("five")).toBeNull();
  });

  it.each([
    ["no JSON", '{"auths": {"x": {"auth": "c2VjcmV0'],
    ["no object", '"c2VjcmV0"'],
    ["a field of another type", '{"auths": {"x": {"auth": ["c2VjcmV0"]}}}'],
  ])("tells of a file with %s without what stands in it, and does not write over it", async (_, content) => {
    await write(content);
    const failure = await findAccount("x").catch((error) => error);
    expect(failure).toMatchObject({ code: "invalid-argument" });
    expect(failure.message).toMatch(/^read .*config\.json: it/);
    expect(JSON.stringify(failure) + failure.message + failure.cause).not.toContain("c2VjcmV0");
    await expect(keepAccount("x", alice)).rejects.toMatchObject({ code: "invalid-argument" });
    expect(await readFile(path(), "utf8")).toBe(content);
  });
});

describe("a credential helper", () => {
  const calls = async () => (await readFile(join(programs, "calls"), "utf8")).trim().split("\n");

  it("keeps the secret instead of the file, and nothing of it is among its arguments", async () => {
    await installHelper(programs, "test");
    await write({ credsStore: "test" });
    expect(await keepAccount("docker.io", alice)).toBeNull();
    expect(await read()).toEqual({ credsStore: "test", auths: { "https://index.docker.io/v1/": {} } });
    expect(await findAccount("docker.io")).toEqual(alice);
    await keepAccount("localhost:5000", token);
    expect(await findAccount("localhost:5000")).toEqual(token);
    await forgetAccount("docker.io");
    await forgetAccount("docker.io");
    expect(await findAccount("docker.io")).toBeNull();
    expect((await read()).auths).toEqual({ "localhost:5000": {} });
    expect((await calls()).map((call) => call.split(" ")[0])).toEqual(Array(7).fill("1"));
  });

  it("of one registry comes before that of all", async () => {
    await installHelper(programs, "test");
    await write({ credsStore: "missing", credHelpers: { "registry.example": "test", "docker.io": "test" } });
    expect(await findAccount("registry.example")).toBeNull();
    expect(await findAccount("docker.io")).toBeNull();
    await expect(findAccount("other.example")).rejects.toMatchObject({
      code: "not-found",
      message: "credential helper docker-credential-missing is not installed",
    });
  });

  it("runs as the user whose accounts these are", async () => {
    await installHelper(programs, "test");
    await chown(programs, 65534, 65534);
    await write({ credsStore: "test" });
    await chown(config, 65534, 65534);
    await chown(path(), 65534, 65534);
    await findAccount("docker.io");
    expect(await calls()).toEqual(["1 get uid=65534 HOME=/nonexistent"]);
  });

  it.each([
    ["#!/bin/sh\necho cannot open the keyring; exit 3", "failed with exit code 3 at get: cannot open the keyring"],
    ['#!/bin/sh\necho \'{"Secret":"s3cret"}\'; exit 1', "failed with exit code 1 at get"],
    ["#!/bin/sh\necho s3cret", "gave no credentials in JSON"],
    ["#!/bin/sh\nkill -9 $$", "was ended at get"],
  ])("that fails is told in one sentence: %j", async (body, words) => {
    await installHelper(programs, "broken", body);
    await write({ credsStore: "broken" });
    await expect(findAccount("docker.io")).rejects.toMatchObject({
      code: "unavailable",
      message: `credential helper docker-credential-broken ${words}`,
    });
  });

  it("has no terminal to ask or to write on where a screen is drawn on it", async () => {
    const secret = '{"Username":"\'"$where"\'","Secret":"x"}';
    const body = `#!/bin/sh
session=$(ps -o sid= -p $$ | tr -d ' ')
where="$([ "$session" = $$ ] && echo alone || echo beside) $(readlink /proc/$$/fd/2)"
echo '${secret}'`;
    await installHelper(programs, "test", body);
    await write({ credsStore: "test" });
    expect((await findAccount("docker.io", "none"))?.username).toBe("alone /dev/null");
    expect((await findAccount("docker.io"))?.username).toMatch(/^beside (?!\/dev\/null)/);
  });

  it("is a name, not a path", async () => {
    await write({ credsStore: "../evil" });
    await expect(findAccount("docker.io")).rejects.toMatchObject({ code: "invalid-argument" });
  });
});
