import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Credentials } from "../../engine/protocol/transfers.ts";
import { FaultProxy } from "../support/fault-proxy.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { ann, openRepository, putWeb, readAll, testClient } from "../support/registry-client.ts";
import { tempRoot } from "../support/temp-root.ts";

const signal = (): AbortSignal => AbortSignal.timeout(20_000);
const wrong: Credentials = { type: "password", username: "ann", password: "guess-42" };

async function pullAll(registry: TestRegistry, credentials: Credentials | null): Promise<void> {
  await using client = testClient();
  const { manifest, layer } = await putWeb(registry);
  const repository = openRepository(client, `${registry.address}/team/web`, { credentials });
  expect(await repository.describe("1", signal())).toEqual(manifest);
  expect(await repository.describe("none", signal())).toBeNull();
  for (const name of ["1", manifest.digest]) {
    const fetched = await repository.manifest(name, signal());
    expect(fetched.descriptor).toEqual(manifest);
    expect(JSON.parse(String(fetched.bytes)).layers[0].digest).toBe(layer.descriptor.digest);
  }
  expect(await readAll(repository.blob(layer.descriptor, 0, signal()))).toEqual(layer.bytes);
  expect(await readAll(repository.blob(layer.descriptor, 99_990, signal()))).toEqual(layer.bytes.subarray(99_990));
  expect(await readAll(repository.blob(layer.descriptor, 100_000, signal()))).toHaveLength(0);
  expect(await repository.tags(signal())).toEqual(["1"]);
}

describe.each(["basic", "token"] as const)("a registry with %s authentication", (auth) => {
  it("gives its images to who has an account", async () => {
    await using registry = await startRegistry({ auth });
    await pullAll(registry, ann);
  });

  it("refuses others in a sentence without the password", async () => {
    await using registry = await startRegistry({ auth });
    await putWeb(registry);
    await using client = testClient();
    const name = `${registry.address}/team/web`;
    await expect(openRepository(client, name).manifest("1", signal())).rejects.toMatchObject({
      code: "unauthenticated",
      message: `manifest ${name}:1: access denied by registry ${registry.address}, or it does not exist: authentication required`,
      hint: `log in if it needs an account: gantry login ${registry.address}`,
    });
    const refused = openRepository(client, name, { credentials: wrong }).manifest("1", signal());
    await expect(refused).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(refused).rejects.not.toThrow("guess-42");
    const login = client.login(registry.address, wrong, signal());
    await expect(login).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(login).rejects.not.toThrow("guess-42");
  });

  it("says to log in whether the credentials are right", async () => {
    await using registry = await startRegistry({ auth });
    await using client = testClient();
    const { status, identityToken } = await client.login(registry.address, ann, signal());
    expect(status).toBe("Login Succeeded");
    expect(identityToken === null).toBe(auth === "basic");
  });
});

it("gives images to everybody where there is no authentication, and in the clear on this host", async () => {
  await using registry = await startRegistry();
  await pullAll(registry, null);
  await pullAll(registry, ann);
});

describe("tokens", () => {
  it("are got once for all who want the same, and kept", async () => {
    await using registry = await startRegistry({ auth: "token" });
    const { layer } = await putWeb(registry);
    await using client = testClient();
    const read = async (): Promise<void> => {
      const repository = openRepository(client, `${registry.address}/team/web`, { credentials: ann });
      await repository.describe("1", signal());
      const blobs = [1, 2, 3, 4].map((offset) => readAll(repository.blob(layer.descriptor, offset, signal())));
      await Promise.all(blobs);
    };
    await read();
    await read();
    expect(registry.tokens?.requests).toEqual([
      { method: "GET", scopes: ["repository:team/web:pull"], grant: "", user: "ann" },
    ]);
  });

  it("are renewed when they end in the middle of the work", async () => {
    await using registry = await startRegistry({ auth: "token", tokenLifetime: 1 });
    const { manifest } = await putWeb(registry);
    await using client = testClient();
    const repository = openRepository(client, `${registry.address}/team/web`, { credentials: ann });
    expect(await repository.describe("1", signal())).toEqual(manifest);
    await sleep(900);
    expect(await repository.describe("1", signal())).toEqual(manifest);
    expect(registry.tokens?.requests).toHaveLength(2);
  });

  it("are got anew when the registry takes one for too old before we do", async () => {
    await using registry = await startRegistry({ auth: "token" });
    const { manifest } = await putWeb(registry);
    await using proxy = await FaultProxy.start(registry.url);
    await using client = testClient();
    const repository = openRepository(client, `${proxy.address}/team/web`, { credentials: ann });
    expect(await repository.describe("1", signal())).toEqual(manifest);
    let refusals = 0;
    const challenge = `Bearer realm="${registry.tokens?.realm}",service="${registry.tokens?.service}",scope="repository:team/web:pull",error="invalid_token"`;
    proxy.fault = () => {
      refusals += 1;
      return refusals > 1 ? null : { type: "answer", status: 401, headers: { "www-authenticate": challenge } };
    };
    expect(await repository.describe("1", signal())).toEqual(manifest);
    expect(registry.tokens?.requests).toHaveLength(2);
  });

  it("come by POST where the server knows no GET", async () => {
    await using registry = await startRegistry({ auth: "token" });
    const { manifest } = await putWeb(registry);
    if (registry.tokens !== null) registry.tokens.takesGets = false;
    await using client = testClient();
    const repository = openRepository(client, `${registry.address}/team/web`, { credentials: ann });
    expect(await repository.describe("1", signal())).toEqual(manifest);
    expect(registry.tokens?.requests.at(-1)).toMatchObject({ method: "POST", grant: "password", user: "ann" });
  });

  it("come for an identity token, which stands for the password", async () => {
    await using registry = await startRegistry({ auth: "token" });
    const { manifest } = await putWeb(registry);
    await using client = testClient();
    const { identityToken } = await client.login(registry.address, ann, signal());
    const credentials: Credentials = { type: "identity-token", token: identityToken ?? "" };
    const repository = openRepository(client, `${registry.address}/team/web`, { credentials });
    expect(await repository.describe("1", signal())).toEqual(manifest);
    expect(registry.tokens?.requests.at(-1)).toMatchObject({ method: "POST", grant: "refresh_token", user: "ann" });
    const stale = openRepository(client, `${registry.address}/team/web`, {
      credentials: { type: "identity-token", token: "secret-of-yesterday" },
    }).describe("1", signal());
    await expect(stale).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(stale).rejects.not.toThrow("secret-of-yesterday");
  });

  it("may be the registry's own", async () => {
    await using registry = await startRegistry({ auth: "token" });
    const { manifest } = await putWeb(registry);
    await using client = testClient();
    const token = registry.tokens?.sign("ann", ["repository:team/web:pull"]) ?? "";
    const credentials: Credentials = { type: "registry-token", token };
    const repository = openRepository(client, `${registry.address}/team/web`, { credentials });
    expect(await repository.describe("1", signal())).toEqual(manifest);
    expect(registry.tokens?.requests).toEqual([]);
  });

  it("are given to nobody in particular by a public registry", async () => {
    await using registry = await startRegistry({ auth: "token", isPublic: true });
    const { manifest } = await putWeb(registry);
    await using client = testClient();
    expect(await openRepository(client, `${registry.address}/team/web`).describe("1", signal())).toEqual(manifest);
    await expect(
      openRepository(client, `${registry.address}/team/web`, { access: "push" }).putManifest(
        "2",
        "x/y",
        Buffer.from("{}"),
        signal(),
      ),
    ).rejects.toMatchObject({ code: "unauthenticated" });
  });

  it("are not asked for in the clear by a server elsewhere that the registry names", async () => {
    await using registry = await startRegistry();
    await using proxy = await FaultProxy.start(registry.url);
    await using client = testClient();
    const challenge = 'Bearer realm="http://tokens.example/token",service="x"';
    proxy.fault = () => ({ type: "answer", status: 401, headers: { "www-authenticate": challenge } });
    const described = openRepository(client, `${proxy.address}/team/web`, { credentials: ann }).describe("1", signal());
    await expect(described).rejects.toThrow("names no token server that may be trusted with a password");
  });
});

describe("certificates", () => {
  // A name that is this host's but no loopback one: there, certificates count.
  const name = hostname();

  it("are checked against what the administrator put into certs.d", async () => {
    await using registry = await startRegistry({ tls: true, listensWidely: true, auth: "token" });
    const { manifest } = await putWeb(registry);
    await using root = await tempRoot();
    const address = registry.address.replace("127.0.0.1", name);
    await using client = testClient({ settings: root.path });
    const describeIt = () =>
      openRepository(client, `${address}/team/web`, { credentials: ann }).describe("1", signal());
    await expect(describeIt()).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(`^the certificate of registry ${address} is not trusted: `),
      hint: `put its authority's certificate into /etc/gantry/certs.d/${address}/ca.crt`,
    });
    const directory = root.join("certs.d", address);
    mkdirSync(directory, { recursive: true });
    copyFileSync(registry.authority?.certificate ?? "", join(directory, "ca.crt"));
    expect(await describeIt()).toEqual(manifest);
  });

  it("are shown to a registry that wants a client's", async () => {
    await using registry = await startRegistry({ tls: true, wantsClientCertificate: true });
    const { manifest } = await putWeb(registry);
    await using root = await tempRoot();
    const directory = root.join("certs.d", registry.address);
    mkdirSync(directory, { recursive: true });
    await using client = testClient({ settings: root.path });
    const describeIt = () => openRepository(client, `${registry.address}/team/web`).describe("1", signal());
    await expect(describeIt()).rejects.toMatchObject({ code: "unavailable" });
    const own = registry.authority?.issue("client");
    copyFileSync(own?.certificate ?? "", join(directory, "client.cert"));
    await expect(describeIt()).rejects.toThrow(`${join(directory, "client.cert")} has no client.key beside it`);
    writeFileSync(join(directory, "client.key"), "no key at all");
    await expect(describeIt()).rejects.toMatchObject({
      code: "failed-precondition",
      message: expect.stringContaining(`the certificates for ${registry.address} in certs.d cannot be used: `),
    });
    copyFileSync(own?.key ?? "", join(directory, "client.key"));
    expect(await describeIt()).toEqual(manifest);
  });

  it("do not count for a registry that is listed as insecure", async () => {
    await using registry = await startRegistry({ tls: true, listensWidely: true });
    const { manifest } = await putWeb(registry);
    await using root = await tempRoot();
    const address = registry.address.replace("127.0.0.1", name);
    writeFileSync(root.join("engine.json"), JSON.stringify({ "insecure-registries": [address] }));
    await using client = testClient({ settings: root.path });
    expect(await openRepository(client, `${address}/team/web`).describe("1", signal())).toEqual(manifest);
  });

  it("are a must elsewhere: http is not tried", async () => {
    await using registry = await startRegistry({ listensWidely: true });
    const { manifest } = await putWeb(registry);
    await using root = await tempRoot();
    const address = registry.address.replace("127.0.0.1", name);
    await using client = testClient({ settings: root.path });
    const describeIt = () => openRepository(client, `${address}/team/web`).describe("1", signal());
    await expect(describeIt()).rejects.toMatchObject({
      message: `registry ${address} does not speak https`,
      hint: `if it may be trusted without, add "${address}" to insecure-registries in /etc/gantry/engine.json`,
    });
    writeFileSync(root.join("engine.json"), JSON.stringify({ "insecure-registries": [address] }));
    expect(await describeIt()).toEqual(manifest);
    writeFileSync(root.join("engine.json"), "{");
    await expect(describeIt()).rejects.toThrow(`${root.join("engine.json")}: it is not valid json`);
  });
});
