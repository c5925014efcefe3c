import { expect, it } from "vitest";
import { checkRequest, checkSources } from "../../../engine/containers/check-request.ts";
import type { CreateRequest } from "../../../engine/protocol/create-request.ts";
import { emptyCreateRequest, unlimited } from "../../../engine/protocol/defaults.ts";

const request = (changes: Partial<CreateRequest>): CreateRequest => ({ ...emptyCreateRequest("busybox"), ...changes });

it.each<[string, Partial<CreateRequest>]>([
  ['environment variable "=a" has no name', { environment: ["=a"] }],
  ['hostname "-x" is not valid', { hostname: "-x" }],
  ['DNS server "dns" is not an IP address', { dns: ["dns"] }],
  ['host name "a\\nb" of --add-host is not valid', { extraHosts: [{ name: "a\nb", address: "1.2.3.4" }] }],
  ['DNS option "a\\nnameserver 1.2.3.4" is not valid', { dnsSearch: ["a\nnameserver 1.2.3.4"] }],
  ["--cpuset-cpus 0,4077: this host has no processor 4077", { resources: { ...unlimited, cpusetCpus: "0,4077" } }],
  ['--cpuset-cpus "3-1" is not a list such as', { resources: { ...unlimited, cpusetCpus: "3-1" } }],
  ["--cpuset-mems 63: this host has no memory node 63, only", { resources: { ...unlimited, cpusetMems: "63" } }],
  ['0-9999,0-9" is not a list such as', { resources: { ...unlimited, cpusetCpus: "0-9999,".repeat(100_000) } }],
  ['signal "SIGFOO" is not known', { stopSignal: "SIGFOO" }],
  ["the request holds a NUL byte", { command: ["a\0b"] }],
  ["the request holds a NUL byte", { labels: { "a\0": "b" } }],
  ["(--rm) and restarted (--restart)", { autoRemove: true, restartPolicy: { name: "always", maximumRetryCount: 0 } }],
  ["takes no retry count", { restartPolicy: { name: "always", maximumRetryCount: 3 } }],
])("says: %s", (message, changes) => {
  expect(() => checkRequest(request(changes))).toThrow(message);
});

it("warns of ports that no network can publish", () => {
  const ports = [{ hostAddress: "", hostPort: 80, containerPort: 80, protocol: "tcp" as const }];
  expect(checkRequest(request({ network: "host", ports }))).toEqual([
    "published ports are discarded with network host",
  ]);
  expect(checkRequest(request({ ports }))).toEqual([]);
});

it("refuses a bind mount of nothing, unless it may be made", async () => {
  const mount = {
    type: "bind" as const,
    source: "/no/such",
    target: "/x",
    readOnly: false,
    createSource: false,
    options: [],
  };
  await expect(checkSources([mount])).rejects.toThrow("mount source /no/such does not exist on this host");
  await checkSources([
    { ...mount, createSource: true },
    { ...mount, source: "/tmp" },
  ]);
});
