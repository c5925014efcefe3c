import { join } from "node:path";
import { expect, it } from "vitest";
import { type Database, openDatabase } from "../../../engine/database/database.ts";
import { recordOf } from "../../../engine/volumes/volume-request.ts";
import { VolumeTable } from "../../../engine/volumes/volume-table.ts";
import { tempRoot } from "../../support/temp-root.ts";

const record = (name: string) => recordOf({ name, driver: "", options: {}, labels: {} }, false);
const use = (container: string, volume: string, isNamed = true) => {
  return { container, volume, isNamed, isMade: true, isUnfilled: true, isGoing: false };
};

function insertContainer(database: Database, id: string): void {
  database.exec(
    `INSERT OR IGNORE INTO images (id, created_at, architecture, os, added_at) VALUES ('i', '', '', '', '')`,
  );
  database.exec(
    `INSERT INTO containers (id, name, image_id, created_at, request, state) VALUES ('${id}', '${id}', 'i', '', '', '')`,
  );
}

async function open() {
  const root = await tempRoot();
  const database = openDatabase(join(root.path, "db"));
  const dispose = async () => {
    database.close();
    await root[Symbol.asyncDispose]();
  };
  return { database, table: new VolumeTable(database), [Symbol.asyncDispose]: dispose };
}

it("writes volumes, a container and its uses together or not at all", async () => {
  await using opened = await open();
  const { database, table } = opened;
  const fail = () => {
    throw new Error("no");
  };
  expect(() => table.claim([record("a")], [use("c", "a")], fail)).toThrow("no");
  expect(table.find("a")).toBeNull();
  expect(new VolumeTable(database).all()).toEqual([]);
  // A use of what is not there.
  expect(() => table.claim([], [use("c", "none")], () => insertContainer(database, "c"))).toThrow("FOREIGN KEY");
  expect(database.prepare("SELECT count(*) AS n FROM containers").get()).toEqual({ n: 0 });
  table.claim([record("a"), record("b")], [use("c", "a"), use("c", "b", false)], () => insertContainer(database, "c"));
  table.markGoing("c");
  table.markFilled("c");
  const again = new VolumeTable(database);
  expect(again.all()).toEqual(table.all());
  expect(again.usesBy("c")).toEqual(table.usesBy("c"));
  expect(again.usesOf("b")).toEqual([{ ...use("c", "b", false), isUnfilled: false, isGoing: true }]);
  expect(again.usesOf("a")).toEqual([{ ...use("c", "a"), isUnfilled: false }]);
});

it("lets uses go with the container, and marks what goes along", async () => {
  await using opened = await open();
  const { database, table } = opened;
  table.claim([record("a"), record("b")], [use("c", "a"), use("c", "b")], () => insertContainer(database, "c"));
  expect(() => table.delete("a")).toThrow("FOREIGN KEY");
  expect(table.find("a")).not.toBeNull();
  table.release("c", ["b"], () => database.exec("DELETE FROM containers WHERE id = 'c'"));
  expect(table.usesOf("a")).toEqual([]);
  expect(table.usesBy("c")).toEqual([]);
  expect(new VolumeTable(database).all().map(({ name, status }) => `${name} ${status}`)).toEqual([
    "a making",
    "b removing",
  ]);
});

it("keeps a row that it cannot read, and its name", async () => {
  await using opened = await open();
  opened.database.exec("INSERT INTO volumes VALUES ('bad', 'local', '', 0, 'ready', 'no json')");
  const table = new VolumeTable(opened.database);
  expect(table.unreadable.map(({ name }) => name)).toEqual(["bad"]);
  expect(table.isTaken("bad")).toBe(true);
  expect(table.all()).toEqual([]);
});
