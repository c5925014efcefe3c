/** The verbs that reach a registry, as a user types them, against a real one. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../engine/oci/digest.ts";
import { makeSignature, makeSigner, putSignatures } from "../support/cosign.ts";
import { installHelper } from "../support/credential-helper.ts";
import { starterImage, startTestEngine, type TestEngine } from "../support/engine.ts";
import { FaultProxy } from "../support/fault-proxy.ts";
import { gantryFor, TerminalCommand } from "../support/gantry-command.ts";
import { putLayers } from "../support/images-registry.ts";
import { startRegistry, type TestRegistry, testUsers } from "../support/registry.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

let engine: TestEngine;
let open: TestRegistry;
let closed: TestRegistry;
let directory: TempRoot;
let run: (args: readonly string[], input?: string, env?: NodeJS.ProcessEnv) => ReturnType<ReturnType<typeof gantryFor>>;

beforeAll(async () => {
  [engine, open, closed, directory] = await Promise.all([
    startTestEngine(),
    startRegistry(),
    startRegistry({ auth: "basic" }),
    tempRoot(),
  ]);
  const gantry = gantryFor(engine.config);
  run = (args, input, env) =>
    gantry(args, {
      env: { DOCKER_CONFIG: directory.join("docker"), ...env },
      ...(input === undefined ? {} : { input }),
    });
}, 60_000);

afterEach(async () => {
  const { client } = engine;
  for (const { id } of await client.request("containers.list", { all: true })) {
    await client.request("containers.remove", { container: id, force: true, volumes: true });
  }
  for (const { id, references } of await client.request("images.list", {})) {
    const isStarter = references.some((name) => name.startsWith(`${starterImage}:`));
    const others = references.filter((name) => !name.startsWith(`${starterImage}:`));
    for (const image of isStarter ? others : [id]) await client.request("images.remove", { image, force: true });
  }
});

afterAll(async () => {
  for (const used of [engine, open, closed, directory]) await used?.[Symbol.asyncDispose]();
}, 60_000);

const out = async (...args: string[]) => (await run(args)).stdout;
const lines = (text: string) => text.trimEnd().split("\n");
const password = testUsers.ann ?? "";

/** An image of two layers in a registry, its manifest's digest, and the short digests of its layers. */
async function put(registry: TestRegistry, name: string) {
  const { manifest, blobs } = await putLayers(registry, name, [[["one", "one"]], [["two", name]]]);
  const ids = blobs.map(({ bytes }) => sha256(bytes).slice(7, 19));
  return { reference: `${registry.address}/${name}`, digest: manifest.digest, ids };
}

describe("pull", () => {
  it("says what docker says, first and again", async () => {
    const { reference, digest, ids } = await put(open, "team/app:1");
    const first = await run(["pull", reference]);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    const said = lines(first.stdout);
    expect(said[0]).toBe("1: Pulling from team/app");
    for (const id of ids) {
      const own = said.filter((line) => line.startsWith(id)).map((line) => line.slice(14));
      expect(own).toEqual(["Pulling fs layer", "Download complete", "Pull complete"]);
    }
    expect(said.slice(-3)).toEqual([`Digest: ${digest}`, `Status: Downloaded newer image for ${reference}`, reference]);
    expect(lines(await out("pull", reference))).toEqual([
      "1: Pulling from team/app",
      `Digest: ${digest}`,
      `Status: Image is up to date for ${reference}`,
      reference,
    ]);
    expect(await out("pull", "-q", reference)).toBe(`${reference}\n`);
    expect(
      await out("images", "--digests", "--format", "{{.Repository}}:{{.Tag}} {{.Digest}}", `${open.address}/team/app`),
    ).toBe(`${reference} ${digest}\n`);
  });

  it("takes the tag latest where none is named, and all tags where asked", async () => {
    await Promise.all([put(open, "many:one"), put(open, "many:latest")]);
    const name = `${open.address}/many`;
    expect(lines(await out("pull", name))[0]).toBe("Using default tag: latest");
    const all = lines(await out("pull", "--all-tags", name));
    expect(all.filter((line) => line.endsWith("Pulling from many")).sort()).toEqual([
      "latest: Pulling from many",
      "one: Pulling from many",
    ]);
    expect(all.slice(-2)).toEqual([`Status: Downloaded newer image for ${name}`, name]);
    expect(lines(await out("images", "--format", "{{.Tag}}", name)).sort()).toEqual(["latest", "one"]);
    expect(await run(["pull", "-a", `${name}:one`])).toMatchObject({ code: 1, stdout: "" });
  });

  it("by digest makes an image without a tag", async () => {
    const { digest } = await put(open, "plain:1");
    const reference = `${open.address}/plain@${digest}`;
    expect(lines(await out("pull", reference)).at(-2)).toBe(`Status: Downloaded newer image for ${reference}`);
    expect(await out("images", "--format", "{{.Repository}} {{.Tag}}", `${open.address}/plain`)).toBe(
      `${open.address}/plain <none>\n`,
    );
    expect(lines(await out("rmi", reference))[0]).toBe(`Untagged: ${reference}`);
  });

  it("tells of what is not there in one sentence and a hint, with code 1", async () => {
    const result = await run(["pull", `${open.address}/no/such`]);
    expect(result).toMatchObject({ code: 1, stdout: "Using default tag: latest\n" });
    expect(result.stderr).toMatch(/^gantry: pull [^\n]*no\/such:latest: [^\n]+\nhint: [^\n]+\n$/);
    expect((await run(["pull", "NOT-A-NAME"])).code).toBe(1);
    expect((await run(["pull", "--verify", "/no/such.pub", `${open.address}/x`])).code).toBe(1);
    await writeFile(directory.join("private"), "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n");
    const refused = await run(["pull", "--verify", directory.join("private"), `${open.address}/x`]);
    expect(refused.stderr).toContain("is no public key in PEM");
  });

  it("with a key takes only what was signed with it", async () => {
    const { reference, digest } = await put(open, "signed:1");
    const [signer, stranger] = [makeSigner(), makeSigner()];
    const name = reference.slice(0, reference.lastIndexOf(":"));
    const signatures = [makeSignature(signer, digest, name)];
    await putSignatures(open, "signed", { digest, signatures });
    const keys = { right: directory.join("right.pub"), wrong: directory.join("wrong.pub") };
    await writeFile(keys.right, signer.pem);
    await writeFile(keys.wrong, stranger.pem);
    const refused = await run(["pull", "--verify", keys.wrong, reference]);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(await out("images", "-q", reference)).toBe("");
    const both = await run(["pull", "-q", "--verify", keys.wrong, "--verify", keys.right, reference]);
    expect(both).toMatchObject({ code: 0, stdout: `${reference}\n` });
  });

  it("draws a line a layer on a terminal, and leaves by Ctrl-C with nothing that prune does not take", async () => {
    const { reference, ids } = await put(open, "slow:1");
    await using proxy = await FaultProxy.start(open.url);
    proxy.fault = ({ method, url }) =>
      method === "GET" && ids.some((id) => url.includes(id)) ? { type: "hang", after: 40 } : null;
    const through = reference.replace(open.address, proxy.address);
    using terminal = new TerminalCommand(engine.config, ["pull", through]);
    await terminal.see(`${ids[0]}: `);
    await sleep(300);
    terminal.type("\x03");
    expect(await terminal.ended).toBe(130);
    expect(await out("images", "-q", through)).toBe("");
    const everything = { all: false, until: null, labels: [], dryRun: true };
    const leftover = async () => (await engine.client.request("images.prune", everything)).bytes;
    await expect.poll(leftover, { timeout: 5_000 }).toBeGreaterThan(0);
    expect(await out("image", "prune", "-f", "--filter", "label!=x")).toBe("Total reclaimed space: 0B\n");
    expect(await out("image", "prune", "-f")).toMatch(/^Total reclaimed space: [1-9]\d*B\n$/);
    expect(await leftover()).toBe(0);
    proxy.fault = () => null;
    using again = new TerminalCommand(engine.config, ["pull", through]);
    expect(await again.ended).toBe(0);
    expect(again.output).toContain(`${ids[1]}: Pull complete`);
    expect(again.output.trimEnd().endsWith(through)).toBe(true);
  });
});

describe("push", () => {
  it("says what docker says, for one tag and for all", async () => {
    const name = `${open.address}/mine/box`;
    await run(["tag", starterImage, `${name}:1`]);
    await run(["tag", starterImage, `${name}:2`]);
    const pushed = lines(await out("push", `${name}:1`));
    expect(pushed[0]).toBe(`The push refers to repository [${name}]`);
    expect(pushed[1]).toMatch(/^[0-9a-f]{12}: Preparing$/);
    expect(pushed[2]).toMatch(/^[0-9a-f]{12}: Pushed$/);
    expect(pushed[3]).toMatch(/^1: digest: sha256:[0-9a-f]{64} size: \d+$/);
    expect(lines(await out("push", `${name}:1`))[1]).toMatch(/: Layer already exists$/);
    const all = lines(await out("push", "-a", name)).filter((line) => line.includes("digest: "));
    expect(all.map((line) => line.split(":")[0])).toEqual(["1", "2"]);
    expect(await out("push", "-q", `${name}:2`)).toBe(`${name}:2\n`);
    expect(await open.findManifest("mine/box", "2")).not.toBeNull();
    const missing = await run(["push", `${open.address}/nobody/has:this`]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain("no such image");
  });
});

describe("login", () => {
  const config = () => directory.join("docker", "config.json");

  it("keeps an account that works, uses it, and forgets it", async () => {
    const server = closed.address;
    const login = await run(["login", "-u", "ann", "--password-stdin", server], `${password}\n`);
    expect(login).toMatchObject({ code: 0, stdout: "Login Succeeded\n" });
    expect(login.stderr).toContain(`stored unencrypted in '${config()}'`);
    const auth = Buffer.from(`ann:${password}`).toString("base64");
    expect(JSON.parse(await readFile(config(), "utf8"))).toEqual({ auths: { [server]: { auth } } });

    await run(["tag", starterImage, `${server}/box:1`]);
    expect((await run(["push", `${server}/box:1`])).code).toBe(0);
    expect((await run(["pull", `${server}/box:1`])).code).toBe(0);
    const again = await run(["login", server]);
    expect(again).toMatchObject({ code: 0, stdout: "Login Succeeded\n" });
    expect(again.stderr).toContain("Authenticating with existing credentials... [Username: ann]");

    expect(await out("logout", server)).toBe(`Removing login credentials for ${server}\n`);
    expect(JSON.parse(await readFile(config(), "utf8"))).toEqual({ auths: {} });
    const denied = await run(["pull", `${server}/box:1`]);
    expect(denied.code).toBe(1);
    expect(denied.stderr).toContain("gantry login");
    expect(await engine.log()).not.toContain(password);
    expect(await engine.log()).not.toContain(auth);
  });

  it("keeps nothing that does not work, and tells no secret", async () => {
    const before = await readFile(config(), "utf8").catch(() => "");
    const result = await run(["login", "-u", "ann", "-p", "wr0ng-secret", closed.address]);
    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(result.stderr).toMatch(/^WARNING! Using --password via the CLI is insecure\. Use --password-stdin\.\n/);
    expect(result.stderr).not.toContain("wr0ng-secret");
    expect(await engine.log()).not.toContain("wr0ng-secret");
    expect(await readFile(config(), "utf8").catch(() => "")).toBe(before);
  });

  it.each([
    [["--password-stdin"], "the --password-stdin option requires --username to be set"],
    [["-u", "ann", "-p", "x", "--password-stdin"], "conflicting options"],
    [["-u", "ann", "--password-stdin"], "password is empty"],
    [["-u", "ann"], "cannot perform an interactive login from a non TTY device"],
    [[], "cannot perform an interactive login from a non TTY device"],
  ])("refuses %j", async (flags, words) => {
    const result = await run(["login", ...flags, "registry.example"]);
    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(result.stderr).toContain(words);
  });

  it("asks on a terminal, and shows nothing of the password", async () => {
    process.env.DOCKER_CONFIG = directory.join("asked");
    using terminal = new TerminalCommand(engine.config, ["login", closed.address]);
    delete process.env.DOCKER_CONFIG;
    await terminal.see("Username: ");
    terminal.type("anx\x7fn\r");
    await terminal.see("Password: ");
    terminal.type(`${password}x\x7f\r`);
    const before = terminal.output;
    expect(await terminal.ended).toBe(0);
    expect(before + terminal.output).toContain("Login Succeeded");
    expect(before + terminal.output).not.toContain(password.slice(0, 4));
    using left = new TerminalCommand(engine.config, ["login", closed.address]);
    await left.see("Username: ");
    left.type("ann\r");
    await left.see("Password: ");
    left.type("\x03");
    expect(await left.ended).toBe(130);
  });

  it("leaves secrets to a helper, and goes on without one that fails", async () => {
    const programs = directory.join("programs");
    const env = { PATH: `${programs}:${process.env.PATH}`, DOCKER_CONFIG: directory.join("helped") };
    await installHelper(programs, "test");
    await mkdir(env.DOCKER_CONFIG);
    await writeFile(directory.join("helped", "config.json"), '{"credsStore":"test"}');
    const login = await run(["login", "-u", "ann", "--password-stdin", closed.address], password, env);
    expect(login).toMatchObject({ code: 0, stdout: "Login Succeeded\n", stderr: "" });
    expect(await readFile(directory.join("helped", "config.json"), "utf8")).not.toContain(password);
    await run(["tag", starterImage, `${closed.address}/helped:1`]);
    expect((await run(["push", `${closed.address}/helped:1`], undefined, env)).code).toBe(0);
    expect(await readFile(directory.join("programs", "calls"), "utf8")).not.toContain(password);

    const { reference } = await put(open, "public:1");
    await installHelper(programs, "test", "#!/bin/sh\necho the keyring is locked; exit 1");
    const public1 = await run(["pull", "-q", reference], undefined, env);
    expect(public1).toMatchObject({ code: 0, stdout: `${reference}\n` });
    expect(public1.stderr).toBe(
      "warning: credential helper docker-credential-test failed with exit code 1 at get: the keyring is locked; " +
        `going on without an account at ${open.address}\n`,
    );
  });
});

describe("run and create", () => {
  const box = () => `${open.address}/run/box:1`;

  beforeAll(async () => {
    await run(["tag", starterImage, box()]);
    await run(["push", box()]);
    await run(["rmi", box()]);
  });

  it("pull what is missing, and keep it out of the container's output", async () => {
    const first = await run(["run", "--rm", box(), "echo", "hello"]);
    expect(first).toMatchObject({ code: 0, stdout: "hello\n" });
    expect(lines(first.stderr)[0]).toBe(`Unable to find image '${box()}' locally`);
    expect(first.stderr).toContain(`Status: Downloaded newer image for ${box()}\n`);
    expect(await run(["run", "--rm", box(), "echo", "hello"])).toMatchObject({ stdout: "hello\n", stderr: "" });
    await run(["rmi", box()]);
    expect(await run(["run", "--rm", "-q", box(), "true"])).toMatchObject({ code: 0, stdout: "", stderr: "" });
  });

  it("pull always, never, and where another platform is asked for", async () => {
    const always = await run(["create", "--pull", "always", "--name", "one", box()]);
    expect(always).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[0-9a-f]{64}\n$/) });
    expect(always.stderr).toMatch(/^1: Pulling from run\/box\n/);
    const never = await run(["run", "--pull", "never", `${open.address}/run/none`]);
    expect(never).toMatchObject({ code: 125, stdout: "" });
    expect(never.stderr).toMatch(/^gantry: no such image/);
    const missing = await run(["create", `${open.address}/run/none`]);
    expect(missing).toMatchObject({ code: 1, stdout: "" });
    expect(missing.stderr).toMatch(/^Unable to find image '[^']*\/run\/none:latest' locally\ngantry: pull /);
    expect((await run(["run", "--pull", "sometimes", box()])).code).toBe(125);
    expect(await run(["run", "--rm", "--platform", "linux/amd64", box(), "true"])).toMatchObject({
      code: 0,
      stderr: "",
    });
    const other = await run(["run", "--rm", "--platform", "linux/s390x", box(), "true"]);
    expect(other).toMatchObject({ code: 125, stdout: "" });
    expect(other.stderr).toContain("not for linux/s390x");
  });
});
