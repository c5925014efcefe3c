import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { type ContainerRecord, initialState } from "../../../engine/containers/container-record.ts";
import { ContainerTable } from "../../../engine/containers/container-table.ts";
import { resolveRequest } from "../../../engine/containers/resolve-request.ts";
import { openDatabase } from "../../../engine/database/database.ts";
import type { ImageForContainer } from "../../../engine/images/image-service.ts";
import { sha256 } from "../../../engine/oci/digest.ts";
import { emptyCreateRequest } from "../../../engine/protocol/defaults.ts";

const image: ImageForContainer = {
  id: sha256("image") as ImageForContainer["id"],
  chain: [],
  config: {
    entrypoint: [],
    command: ["sh"],
    environment: ["A=1"],
    user: "",
    workingDirectory: "",
    exposedPorts: ["80/tcp"],
    volumes: [],
    labels: { from: "image", both: "image" },
    stopSignal: null,
  },
};

function openTable() {
  const directory = mkdtempSync(join(tmpdir(), "gantry-table-"));
  const database = openDatabase(join(directory, "gantry.db"));
  onTestFinished(() => {
    database.close();
    rmSync(directory, { recursive: true });
  });
  database
    .prepare("INSERT INTO images (id, created_at, architecture, os, added_at) VALUES (?, '', '', '', '')")
    .run(image.id);
  return { database, table: new ContainerTable(database) };
}

function recordOf(id: string, name: string): ContainerRecord {
  const request = { ...emptyCreateRequest("busybox"), labels: { both: "request" } };
  const createdAt = new Date().toISOString();
  const resolution = resolveRequest(id, request, image);
  return { id, name, imageID: image.id, createdAt, request, resolution, state: initialState };
}

const first = "aa11".repeat(16);
const second = "aa22".repeat(16);

it("finds by name, id and unique prefix, and says what is wrong else", () => {
  const { table } = openTable();
  table.insert(recordOf(first, "one"));
  table.insert(recordOf(second, "two"));
  expect(table.get("one").id).toBe(first);
  expect(table.get("/two").id).toBe(second);
  expect(table.get("aa22").id).toBe(second);
  expect(() => table.get("aa")).toThrow("container id aa is ambiguous: 2 begin with it");
  expect(() => table.get("three")).toThrow("no such container: three");
});

it("gives a name to one container only, and keeps it through a restart", () => {
  const { database, table } = openTable();
  table.insert(recordOf(first, "one"));
  expect(() => table.insert(recordOf(second, "one"))).toThrow("container name one is in use by container aa11aa11aa11");
  table.rename(first, "other");
  table.update(first, { status: "running", pid: 7 });
  const reopened = new ContainerTable(database);
  expect(reopened.get("other")).toEqual(table.get("other"));
  expect(reopened.find(first)?.state.pid).toBe(7);
  expect(() => table.get("one")).toThrow("no such container: one");
  table.delete(first);
  expect(new ContainerTable(database).all()).toEqual([]);
});

it("keeps off a row that it cannot read", () => {
  const { database, table } = openTable();
  table.insert(recordOf(first, "one"));
  database.exec("UPDATE containers SET state = '{}'");
  const reopened = new ContainerTable(database);
  expect(reopened.all()).toEqual([]);
  expect(reopened.unreadable.map(({ id }) => id)).toEqual([first]);
});

it("reads the records of engines that knew less", () => {
  const { database, table } = openTable();
  const record = recordOf(first, "one");
  table.insert(record);
  const { request, resolution, state } = record;
  const { domainname, volumesFrom, endpoints, annotations, healthcheck, log, ...older } = request;
  const { restartDelay, reason, ...olderState } = state;
  const resources = { memory: 64, memorySwap: null, memoryReservation: null, nanoCpus: null };
  const rest = { cpuShares: null, cpusetCpus: null, pidsLimit: null };
  const text = JSON.stringify({ request: { ...older, resources: { ...resources, ...rest } }, resolution });
  database.prepare("UPDATE containers SET request = ?, state = ?").run(text, JSON.stringify(olderState));
  const reopened = new ContainerTable(database);
  expect(reopened.unreadable).toEqual([]);
  expect(reopened.get("one")).toMatchObject({
    request: { ...request, resources: { ...request.resources, memory: 64 } },
    state,
  });
});

it("tells changes once a turn", async () => {
  const { table } = openTable();
  const told: (readonly string[])[] = [];
  table.onChange((ids) => told.push(ids));
  table.insert(recordOf(first, "one"));
  table.update(first, { status: "running" });
  table.insert(recordOf(second, "two"));
  await new Promise((resolve) => setImmediate(resolve));
  expect(told).toEqual([[first, second]]);
});

it("resolves a request against its image", () => {
  const resolution = recordOf(first, "one").resolution;
  expect(resolution.args).toEqual(["sh"]);
  expect(resolution.hostname).toBe("aa11aa11aa11");
  expect(resolution.labels).toEqual({ from: "image", both: "request" });
  expect(resolution.environment).toContain("A=1");
});
