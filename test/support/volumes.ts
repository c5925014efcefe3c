import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { MountRequest } from "../../engine/protocol/create-request.ts";
import { copyIn } from "../../src/client/upload.ts";
import { openDatabaseCopy } from "./database-copy.ts";
import { createContainer, eventually, readLog, runContainer, type TestEngine } from "./engine.ts";
import { type TarItem, tarOf } from "./tar-of.ts";

type Options = Partial<NonNullable<MountRequest["volume"]>>;

/** `-v name:/target` */
export function namedVolume(
  source: string,
  target: string,
  { readOnly = false, ...volume }: Options & { readonly readOnly?: boolean } = {},
): MountRequest {
  const options = { noCopy: false, subpath: "", driver: "", driverOptions: {}, labels: {}, ...volume };
  return { type: "volume", source, target, readOnly, createSource: true, options: [], volume: options };
}

/** `-v /target` */
export function anonymousVolume(target: string): MountRequest {
  return namedVolume("", target);
}

/** Runs a command in a new container to its end, removes it, and gives what it printed. Fails where the command does. */
export async function outputOf(
  engine: TestEngine,
  command: string[],
  changes: Parameters<typeof runContainer>[1] = {},
): Promise<string> {
  const container = await runContainer(engine, { command, ...changes });
  const { exitCode } = await engine.client.request("containers.wait", { container, condition: "stopped" });
  const text = await readLog(engine, container);
  await engine.client.request("containers.remove", { container, force: true, volumes: true });
  if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${text}`);
  return text;
}

/** Makes an image of the starter image, files, and lines of a Dockerfile. */
export async function makeImage(
  engine: TestEngine,
  reference: string,
  { files, changes }: { readonly files: readonly TarItem[]; readonly changes: string[] },
): Promise<void> {
  const container = await createContainer(engine);
  const tar = (async function* () {
    yield tarOf(files).bytes;
  })();
  await copyIn(engine.client, tar, { container, path: "/", keepOwner: false, noOverwriteDirNonDir: false });
  const options = { author: "", message: "", pause: false };
  await engine.client.request("containers.commit", { container, reference, changes, ...options });
  await engine.client.request("containers.remove", { container, force: true, volumes: true });
}

/** What volumes are on the disk, on record, and said to be there, is the same. */
export async function expectVolumesInLine(engine: TestEngine): Promise<void> {
  const directory = join(engine.config.root, "volumes");
  const listed = (await engine.client.request("volumes.list", {})).map(({ name }) => name);
  await eventually(() => readdirSync(directory).every((name) => !name.startsWith(".")));
  expect(readdirSync(directory).sort()).toEqual(listed);
  for (const name of listed) expect(readdirSync(join(directory, name))).toEqual(["_data"]);
  expect((await engine.client.request("system.fsck", { repair: false })).findings).toEqual([]);
  using copy = openDatabaseCopy(join(engine.config.root, "gantry.db"));
  const { database } = copy;
  expect(database.prepare("SELECT name FROM volumes ORDER BY name").all()).toEqual(listed.map((name) => ({ name })));
  expect(database.prepare("PRAGMA foreign_key_check").all()).toEqual([]);
}
