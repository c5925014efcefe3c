import { expect, it } from "vitest";
import { emptyMirror } from "../../../src/store/mirror.ts";
import { usersOfNetwork, usersOfVolume, visibleContainers } from "../../../src/store/selectors.ts";
import { initialUi } from "../../../src/store/ui.ts";
import { aContainer, aNetwork, anEndpoint, aVolume } from "../../support/protocol-values.ts";

const mount = { type: "volume", source: "/v/data/_data", target: "/data", readOnly: false, name: "data" };
const web = aContainer({
  id: "w",
  name: "web",
  endpoints: [anEndpoint()],
  mounts: [mount, { ...mount, target: "/b" }],
});
const old = aContainer({ id: "o", name: "old", status: "exited", pid: null });
const mirror = { ...emptyMirror, containers: [web, old] };
const names = (found: readonly { readonly name: string }[]) => found.map(({ name }) => name);

it("finds who uses a network or a volume, by what either side tells, once each", () => {
  const there = { id: "w", name: "web", ipAddress: null, ipv6Address: null, macAddress: null };
  expect(names(usersOfNetwork(mirror, aNetwork({ containers: [there] })))).toEqual(["web"]);
  expect(names(usersOfNetwork(mirror, aNetwork({ id: "n2", containers: [{ ...there, id: "o" }] })))).toEqual(["old"]);
  expect(names(usersOfNetwork(mirror, aNetwork({ id: "n3" })))).toEqual([]);
  expect(names(usersOfVolume(mirror, { ...aVolume({ usedBy: ["o", "gone"] }), id: "data" }))).toEqual(["web", "old"]);
});

it("filters containers by network and volume as docker does", () => {
  const shown = (containers: string) =>
    names(visibleContainers(mirror, { ...initialUi, filters: { ...initialUi.filters, containers } }));
  expect(shown("network=front")).toEqual(["web"]);
  expect(shown("Volume=data")).toEqual(["web"]);
  expect(shown("network=")).toEqual([]);
  expect(shown("old")).toEqual(["old"]);
});

it("looks through hundreds of each within a moment", () => {
  const containers = Array.from({ length: 500 }, (_, index) =>
    aContainer({ id: `c${index}`, mounts: [{ ...mount, name: `v${index}` }] }),
  );
  const many = { ...emptyMirror, containers };
  const begin = performance.now();
  for (let index = 0; index < 500; index += 1) {
    expect(usersOfVolume(many, { ...aVolume({ name: `v${index}` }), id: "" }).length).toBe(1);
  }
  expect(performance.now() - begin).toBeLessThan(250);
});
