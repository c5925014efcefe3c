import { expect, it } from "vitest";
import { parseRegistrySettings, readRegistrySettings } from "../../../engine/registry/registry-settings.ts";

const parse = (value: unknown) => parseRegistrySettings(JSON.stringify(value), "engine.json");

it("takes a missing file for one that decides nothing", async () => {
  const nothing = { insecure: [], mirrors: [], proxies: { http: null, https: null, no: null } };
  expect(await readRegistrySettings("/nowhere/at/all")).toEqual(nothing);
  expect(parse({})).toEqual(nothing);
});

it("reads docker's keys", () => {
  const settings = parse({
    "insecure-registries": ["Registry.example:5000", "10.0.0.0/8", "[fd00::1]:5000", "fd00::/8"],
    "registry-mirrors": ["https://mirror.example/", "http://10.0.0.1:5000"],
    proxies: {
      "http-proxy": "http://proxy:3128",
      "https-proxy": "http://ann:secret@proxy:3128",
      "no-proxy": "*.example",
    },
  });
  expect(settings).toEqual({
    insecure: ["registry.example:5000", "10.0.0.0/8", "[fd00::1]:5000", "fd00::/8"],
    mirrors: ["https://mirror.example", "http://10.0.0.1:5000"],
    proxies: { http: "http://proxy:3128", https: "http://ann:secret@proxy:3128", no: "*.example" },
  });
});

it.each([
  [[], "engine.json: must be an object"],
  [{ "insecure-registry": [] }, 'engine.json: has an unknown key "insecure-registry"'],
  [{ "insecure-registries": "a" }, "engine.json: insecure-registries must be an array"],
  [
    { "insecure-registries": ["http://a"] },
    "engine.json: insecure-registries.0 must be a host, host:port or a network",
  ],
  [{ "insecure-registries": ["10.0.0.0/33"] }, "engine.json: insecure-registries.0 must be a host"],
  [{ "registry-mirrors": ["mirror.example"] }, "engine.json: registry-mirrors.0 must be a URL such as https://"],
  [{ "registry-mirrors": ["https://ann:x@mirror.example"] }, "engine.json: registry-mirrors.0 must be a URL"],
  [
    { proxies: { "http-proxy": "socks5://u:secret@p" } },
    "engine.json: proxies.http-proxy must be a URL such as http://",
  ],
  [{ proxies: { "no-proxy": ["a"] } }, "engine.json: proxies.no-proxy must be a text"],
])("names the mistake in %j", (value, message) => {
  expect(() => parse(value)).toThrow(message);
  expect(() => parse(value)).not.toThrow("secret");
});

it("says so where it is no json", () => {
  expect(() => parseRegistrySettings("{", "engine.json")).toThrow("engine.json: it is not valid json");
});
