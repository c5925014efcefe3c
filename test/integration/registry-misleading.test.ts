import { writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { FaultProxy } from "../support/fault-proxy.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { ann, openRepository, putWeb, testClient } from "../support/registry-client.ts";
import { tempRoot } from "../support/temp-root.ts";

const signal = (): AbortSignal => AbortSignal.timeout(20_000);

let registry: TestRegistry;

beforeAll(async () => {
  registry = await startRegistry();
  await putWeb(registry);
});

afterAll(() => registry[Symbol.asyncDispose]());

const challenge = (realm: string) =>
  ({ type: "answer", status: 401, headers: { "www-authenticate": `Bearer realm="${realm}",service="s"` } }) as const;

it.each([
  "file:///etc/passwd",
  "unix:///run/docker.sock",
  "http://169.254.169.254/latest",
  "javascript:alert(1)",
  "http://ann:x@127.0.0.1:1/token",
])("shows no password to %s, and forgets that it was told to", async (realm) => {
  await using proxy = await FaultProxy.start(registry.url);
  // One repository is behind something odd; the others are not.
  proxy.fault = ({ url }) => (url.includes("/odd/") ? challenge(realm) : null);
  await using client = testClient();
  const open = (name: string) => openRepository(client, `${proxy.address}/${name}`, { credentials: ann });
  for (let round = 0; round < 2; round++) {
    await expect(open("odd/web").describe("1", signal())).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("names no token server that may be trusted with a password"),
    });
    expect(await open("team/web").describe("1", signal())).not.toBeNull();
  }
  expect(proxy.requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
});

it("hears the registry again when the token server it once named refuses", async () => {
  await using proxy = await FaultProxy.start(registry.url);
  const mayPass = { now: false };
  proxy.fault = ({ url }) => {
    if (url.startsWith("/gone")) return { type: "answer", status: 404, body: "no such page" };
    return mayPass.now ? null : challenge(`http://${proxy.address}/gone`);
  };
  await using client = testClient();
  const describe = () => openRepository(client, `${proxy.address}/team/web`).describe("1", signal());
  await expect(describe()).rejects.toMatchObject({ code: "unavailable" });
  mayPass.now = true;
  expect(await describe()).not.toBeNull();
});

/** An address of this host that others see, too. */
function outerAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const outer = addresses.find(({ family, internal }) => family === "IPv4" && !internal);
  if (outer === undefined) throw new Error("the host has no address but its loopback's");
  return outer.address;
}

it.each(["http://127.0.0.1:1/x", "http://localhost:1/x", "http://[::1]:1/x", "http://0.0.0.0:1/x"])(
  "follows nobody but this host itself to %s",
  async (target) => {
    await using settings = await tempRoot();
    await using proxy = await FaultProxy.start(registry.url, outerAddress());
    proxy.fault = ({ url }) => (url.includes("/manifests/") ? { type: "redirect", to: target } : null);
    writeFileSync(
      join(settings.path, "engine.json"),
      JSON.stringify({ "insecure-registries": [proxy.address, "0.0.0.0/0"] }),
    );
    await using client = testClient({ settings: settings.path });
    await expect(openRepository(client, `${proxy.address}/team/web`).describe("1", signal())).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringContaining("which is an address of this host's own"),
    });
  },
);

it("takes a port that is none for no registry's address", async () => {
  await using client = testClient();
  const wrong = { code: "invalid-argument", message: '"localhost:65536" is no registry\'s address' };
  expect(() => openRepository(client, "localhost:65536/team/web")).toThrow(expect.objectContaining(wrong));
  await expect(client.login("localhost:65536", ann, signal())).rejects.toMatchObject(wrong);
});
