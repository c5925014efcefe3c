import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { openDatabase } from "../../../engine/database/database.ts";
import { migrations } from "../../../engine/database/schema.ts";
import { ImageRecords } from "../../../engine/images/image-records.ts";
import { type ImageID, sha256 } from "../../../engine/oci/digest.ts";
import { tempRoot } from "../../support/temp-root.ts";

const id = sha256("an image") as ImageID;

it("takes over a database of the first version with all that is in it", async () => {
  await using root = await tempRoot();
  const path = join(root.path, "gantry.db");
  const old = new DatabaseSync(path);
  old.exec(`${migrations[0]}; PRAGMA user_version = 1`);
  old.prepare("INSERT INTO images VALUES (?, NULL, ?, 'amd64', 'linux', ?)").run(id, "2026-01-01T00:00:00Z", "now");
  old.prepare("INSERT INTO image_references VALUES (?, ?)").run("docker.io/library/web:1", id);
  old.close();

  const database = openDatabase(path);
  const records = new ImageRecords(database);
  records.addDigest("docker.io/library/web", sha256("a manifest"), id);
  records.addDigest("docker.io/library/web", sha256("a manifest"), id);
  expect(records.list()).toMatchObject([
    {
      id,
      references: ["docker.io/library/web:1"],
      digests: [{ repository: "docker.io/library/web", digest: sha256("a manifest") }],
    },
  ]);
  records.remove({ references: ["docker.io/library/web:1"], digests: [], image: id });
  expect(database.prepare("SELECT * FROM image_digests").all()).toEqual([]);
  database.close();

  const again = openDatabase(path);
  expect(again.prepare("PRAGMA user_version").get()).toEqual({ user_version: migrations.length });
  again.close();
});
