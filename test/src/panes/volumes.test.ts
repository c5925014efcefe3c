import { expect, it } from "vitest";
import { volumeForm, volumeRequest, volumeTwin } from "../../../src/panes/volumes/create-form.ts";
import { volumePage } from "../../../src/panes/volumes/details-page.ts";
import { volumeColumns, volumeRow } from "../../../src/panes/volumes/view-model.ts";
import type { Form } from "../../../src/store/form.ts";
import { inputOf } from "../../../src/store/text-input.ts";
import { drawnRows, textOf } from "../../support/drawn-rows.ts";
import { aContainer, aVolume } from "../../support/protocol-values.ts";

const now = Date.parse("2026-11-22T00:00:00Z");
const volume = (fields: Parameters<typeof aVolume>[0] = {}) => {
  const made = aVolume(fields);
  return { ...made, id: made.name };
};
const mount = { type: "volume", source: "/v/data/_data", target: "/var/lib", readOnly: true, name: "data" };
const db = aContainer({ name: "db", mounts: [mount] });
const old = aContainer({ name: "old", status: "exited", pid: null, mounts: [{ ...mount, readOnly: false }] });

it("tells of a volume in a row", () => {
  const rows = [
    volumeRow(volume(), [old, db], now),
    volumeRow(volume({ name: "0123456789abcdef0123", anonymous: true, size: null }), [], now),
    volumeRow(volume({ name: "tmp", options: { type: "tmpfs", device: "tmpfs", o: "size=1m" }, size: 0 }), [], now),
    volumeRow(volume({ name: "srv", options: { type: "none", device: "/srv", o: "bind,ro" } }), [], now),
    volumeRow(volume({ name: "far\u001b[2J", options: { type: "nfs", device: ":/export" } }), [], now),
  ];
  const [title, ...lines] = drawnRows(volumeColumns, rows, 140);
  expect(title).toMatch(/NAME +SIZE +KIND +IN USE +AGE +CONTAINERS +PATH/);
  expect(lines[0]).toMatch(/^ +data +1MB +2 +2d +db old +\/v\/data\/_data$/);
  expect(lines[1]).toMatch(/^ +0123456789ab anonymous +… +- +2d/);
  expect(lines[2]).toMatch(/^ +tmp +0B +tmpfs +-/);
  expect(lines[3]).toMatch(/^ +srv +1MB +bind \/srv +-/);
  expect(lines[4]).toMatch(/^ +far +1MB +nfs :\/export +-/);
  expect(drawnRows(volumeColumns, rows, 50)[1]).toMatch(/^ +data +1MB +\S* +2 +2d$|^ +data +1MB +2 +2d$/);
});

it("tells all about a volume, and where containers have it", () => {
  const lines = textOf(volumePage(volume({ labels: { b: "2", a: "1" } }), [db, old], now));
  expect(lines).toContain("Path          /v/data/_data");
  expect(lines).toContain("Size          1MB");
  expect(lines).toContain("Labels        a=1");
  expect(lines.slice(lines.indexOf("Containers 2"))).toEqual([
    "Containers 2",
    "● db  at /var/lib read-only",
    "○ old  at /var/lib  exited",
  ]);
  expect(textOf(volumePage(volume({ size: null }), [], now))).toContain("Size          not looked at yet");
});

function filled(values: Readonly<Record<string, string>>): Form {
  const form = volumeForm();
  const typed = Object.entries(values).map(([field, value]) => [field, inputOf(value)] as const);
  return { ...form, inputs: { ...form.inputs, ...Object.fromEntries(typed) } };
}

it("makes a request of the form, and the same as a command line", () => {
  const form = filled({ name: "tmp", type: "tmpfs", device: "tmpfs", o: "size=64m,mode=700", labels: "team=web" });
  expect(volumeRequest(form)).toEqual({
    name: "tmp",
    driver: "local",
    options: { type: "tmpfs", device: "tmpfs", o: "size=64m,mode=700" },
    labels: { team: "web" },
  });
  expect(volumeTwin(form)).toBe(
    "gantry volume create -o type=tmpfs -o device=tmpfs -o o=size=64m,mode=700 --label team=web tmp",
  );
  expect(volumeRequest(filled({}))).toEqual({ name: "", driver: "local", options: {}, labels: {} });
  expect(() => volumeRequest(filled({ labels: "x" }))).toThrow('labels: "x" is not NAME=value');
});
