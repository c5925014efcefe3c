import { expect, it } from "vitest";
import { findProxy, isInsecureHost, leadsInwards } from "../../../engine/registry/host-rules.ts";
import { parseRegistrySettings } from "../../../engine/registry/registry-settings.ts";

const settingsOf = (value: unknown) => parseRegistrySettings(JSON.stringify(value), "engine.json");
const none = settingsOf({});

it.each(["127.0.0.1:5000", "127.8.9.1", "[::1]:5000", "localhost", "localhost:5000", "LOCALHOST:80"])(
  "lets %s speak http, being this host",
  async (host) => expect(await isInsecureHost(host, none)).toBe(true),
);

it.each([
  "docker.io",
  "10.0.0.1:5000",
  "128.0.0.1",
  "localhost.example",
  "127.0.0.1.example",
  "[::2]",
  "[::ffff:10.0.0.1]",
])("wants https of %s", async (host) => expect(await isInsecureHost(host, none)).toBe(false));

it.each([
  ["registry.example:5000", true],
  ["registry.example", false],
  ["REGISTRY.example:5000", true],
  ["other.example:81", true],
  ["10.1.2.3:5000", true],
  ["11.1.2.3:5000", false],
  ["[fd00::7]:5000", true],
  ["[fe00::7]:5000", false],
  // Names whose addresses lie in a listed network: looked up.
  ["name.that.does.not.exist.invalid", false],
])("looks %s up in the list", async (host, isListed) => {
  const settings = settingsOf({
    "insecure-registries": ["registry.example:5000", "other.example", "10.0.0.0/8", "fd00::/16"],
  });
  expect(await isInsecureHost(host, settings)).toBe(isListed);
});

const environment = {
  HTTPS_PROXY: "http://secure:1",
  http_proxy: "plain:2",
  NO_PROXY: "one.example, .two.example,10.0.0.0/8,three.example:8443,9.9.9.9,*.four.example",
};

it.each([
  ["https://registry.example/v2/", "http://secure:1"],
  ["http://registry.example/v2/", "http://plain:2"],
  ["https://one.example/", null],
  ["https://sub.one.example/", null],
  ["https://notone.example/", "http://secure:1"],
  ["https://two.example/", "http://secure:1"],
  ["https://sub.two.example/", null],
  ["https://10.1.2.3:5000/", null],
  ["https://three.example/", "http://secure:1"],
  ["https://three.example:8443/", null],
  ["https://9.9.9.9/", null],
  ["https://sub.four.example/", null],
  ["http://127.0.0.1:5000/", null],
  ["http://localhost:5000/", null],
  ["http://[::1]:5000/", null],
])("finds the proxy for %s", (url, proxy) => {
  expect(findProxy(new URL(url), none, environment)).toBe(proxy);
});

it("puts the administrator's word before the environment", () => {
  const settings = settingsOf({ proxies: { "https-proxy": "http://mine:3", "no-proxy": "registry.example" } });
  expect(findProxy(new URL("https://one.example/"), settings, environment)).toBe("http://mine:3");
  expect(findProxy(new URL("https://registry.example/"), settings, environment)).toBeNull();
  const off = settingsOf({ proxies: { "https-proxy": "" } });
  expect(findProxy(new URL("https://registry.example/"), off, environment)).toBeNull();
});

it("asks no proxy where there is none, or all is excepted", () => {
  const url = new URL("https://registry.example/");
  expect(findProxy(url, none, {})).toBeNull();
  expect(findProxy(url, none, { HTTPS_PROXY: "http://p:1", NO_PROXY: "*" })).toBeNull();
});

it("does not repeat a proxy it cannot use, which may hold a password", () => {
  const find = () => findProxy(new URL("https://a.example/"), none, { HTTPS_PROXY: "socks5://ann:secret@p:1" });
  expect(find).toThrow("the engine's variable HTTPS_PROXY holds no address of an http proxy");
});

it.each([
  "127.0.0.1:8080",
  "localhost",
  "app.localhost:80",
  "169.254.169.254",
  "0.0.0.0:5000",
  "[::1]",
  "[::]:80",
  "[fe80::1]:80",
  "[::ffff:169.254.169.254]",
  "[::ffff:a9fe:a9fe]",
])("lets no other host lead us to %s", (host) => {
  expect(leadsInwards(host, "registry.example:5000")).toBe(true);
  expect(leadsInwards(host, "10.0.0.1")).toBe(true);
  // Who asks for a registry on this host knows what runs there.
  expect(leadsInwards(host, "127.0.0.1:5000")).toBe(false);
});

it.each(["registry.example", "10.0.0.2:80", "[fd00::1]", "storage.example:443"])(
  "lets a host lead us to %s",
  (host) => {
    expect(leadsInwards(host, "registry.example:5000")).toBe(false);
  },
);

it("lets an address lead to itself", () => {
  expect(leadsInwards("169.254.7.7:81", "169.254.7.7:80")).toBe(false);
});
