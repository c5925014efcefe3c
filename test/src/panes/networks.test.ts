import { expect, it } from "vitest";
import { connectionLines, connectionRows } from "../../../src/panes/networks/connections.ts";
import { networkForm, networkRequest, networkTwin } from "../../../src/panes/networks/create-form.ts";
import { networkPage } from "../../../src/panes/networks/details-page.ts";
import { networkColumns, networkRow } from "../../../src/panes/networks/view-model.ts";
import type { Form } from "../../../src/store/form.ts";
import { emptyMirror } from "../../../src/store/mirror.ts";
import { usersOfNetwork } from "../../../src/store/selectors.ts";
import { inputOf } from "../../../src/store/text-input.ts";
import { drawnRows, textOf } from "../../support/drawn-rows.ts";
import { aContainer, aNetwork, anEndpoint } from "../../support/protocol-values.ts";

const now = Date.parse("2026-11-22T00:00:00Z");
const web = aContainer({ id: "w", name: "web", endpoints: [anEndpoint({ aliases: ["www", "w"] })] });
const old = aContainer({
  id: "o",
  name: "old",
  status: "exited",
  pid: null,
  endpoints: [anEndpoint({ ipAddress: null })],
});
const other = aContainer({ id: "x", name: "other" });
const front = aNetwork({
  containers: [{ id: "w", name: "web", ipAddress: "10.5.0.2", ipv6Address: null, macAddress: "02:00" }],
});
const host = aNetwork({ id: "h", name: "host", driver: "host", subnets: [], interfaceName: null });
const mirror = { ...emptyMirror, containers: [web, old, other], networks: [front, host] };

it("tells of a network in a row, the most important where there is little room", () => {
  const rows = [
    networkRow({ ...front, internal: true, enableIPv6: true }, usersOfNetwork(mirror, front), now),
    networkRow(host, [], now),
  ];
  const wide = drawnRows(networkColumns, rows, 140);
  expect(wide[0]).toMatch(/^ +NAME +DRIVER +SUBNET +IN USE +CONTAINERS +AGE +DEVICE/);
  expect(wide[1]).toMatch(/^ +front +bridge +10\.5\.0\.0\/24 +internal IPv6 +2 +web old +2d +br-front *$/);
  expect(wide[2]).toMatch(/^ +host +host +- *$/);
  const narrow = drawnRows(networkColumns, rows, 56);
  expect(narrow[1]).toMatch(/^ +front +10\.5\.0\.0\/24 +internal IPv6 +2 *$/);
});

it("tells how many subnets there are beside the first", () => {
  const subnet = { gateway: "", ipRange: "" };
  const subnets = ["10.5.0.0/24", "fd00:5::/64"].map((text) => ({ ...subnet, subnet: text }));
  expect(drawnRows(networkColumns, [networkRow(aNetwork({ subnets }), [], now)], 80)[1]).toContain("10.5.0.0/24 +1");
});

it("lets no escape sequence of a name through", () => {
  const evil = aNetwork({ name: "a\u001b[2Jb", interfaceName: "x\u0007", subnets: [] });
  expect(networkRow(evil, [], now)).toMatchObject({ name: "ab", device: "x" });
});

it("tells all about a network, and who is on it under which names", () => {
  const lines = textOf(networkPage({ ...front, options: { mtu: "1400" } }, usersOfNetwork(mirror, front), now));
  expect(lines).toContain("Subnets       10.5.0.0/24  gateway 10.5.0.1");
  expect(lines).toContain("Names         resolved: containers find each other by name");
  expect(lines).toContain("Options       mtu=1400");
  expect(lines.slice(lines.indexOf("Containers 2"))).toEqual([
    "Containers 2",
    "● web  10.5.0.2  02:00  as www w",
    "○ old  exited  as www",
  ]);
  expect(textOf(networkPage({ ...front, internal: true }, [], now)).join("\n")).toMatch(
    /Way out +none: internal[\s\S]*none$/,
  );
});

it("shows which networks a container is on, and which containers are on a network", () => {
  expect(
    connectionRows(mirror, { side: "network", id: front.id }).map(({ name, connected }) => [name, connected]),
  ).toEqual([
    ["web", true],
    ["old", true],
    ["other", false],
  ]);
  // The host's own network is no place to join later.
  expect(connectionRows(mirror, { side: "container", id: "x" })).toMatchObject([{ name: "front", connected: false }]);
  const view = { kind: "connections", side: "container", id: "w", selection: { id: null, index: 0 } } as const;
  expect(textOf(connectionLines(mirror, view, { width: 60, height: 5 }))[1]).toMatch(/^┃ ✓ {2}front +10\.5\.0\.2$/);
});

function filled(values: Readonly<Record<string, string>>): Form {
  const form = networkForm();
  const typed = Object.entries(values).map(([field, value]) => [field, inputOf(value)] as const);
  return { ...form, inputs: { ...form.inputs, ...Object.fromEntries(typed) } };
}

it("makes a request of the form, and the same as a command line", () => {
  const form = filled({
    name: "front",
    driver: "macvlan",
    subnets: "10.5.0.0/24, fd00:5::/64",
    gateways: "10.5.0.9",
    internal: "yes",
    ipv6: "y",
    options: "parent=eth0 'x=two words'",
  });
  expect(networkRequest(form)).toEqual({
    name: "front",
    driver: "macvlan",
    subnets: [
      { subnet: "10.5.0.0/24", gateway: "10.5.0.9", ipRange: "" },
      { subnet: "fd00:5::/64", gateway: "", ipRange: "" },
    ],
    internal: true,
    enableIPv6: true,
    labels: {},
    options: { parent: "eth0", x: "two words" },
  });
  expect(networkTwin(form)).toBe(
    "gantry network create -d macvlan --subnet 10.5.0.0/24 --gateway 10.5.0.9 --subnet fd00:5::/64 --internal --ipv6 -o parent=eth0 -o 'x=two words' front",
  );
  expect(networkTwin(filled({ name: "plain" }))).toBe("gantry network create plain");
});

it("says which value of the form is wrong", () => {
  expect(() => networkRequest(filled({}))).toThrow("name: a network needs one");
  expect(() => networkRequest(filled({ name: "a", driver: "overlay" }))).toThrow('driver: "overlay" is not one of');
  expect(() => networkRequest(filled({ name: "a", gateways: "10.0.0.1" }))).toThrow(
    "gateway: each one needs its subnet",
  );
  expect(() => networkRequest(filled({ name: "a", options: "mtu" }))).toThrow('options: "mtu" is not NAME=value');
});
