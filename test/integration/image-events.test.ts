import { expect, it } from "vitest";
import { type ImagesEngine, openImagesEngine, quietWork } from "../support/images-engine.ts";
import { pullOf, putLayers } from "../support/images-registry.ts";
import { identityOf, saved } from "../support/images-save.ts";
import { chunksOf, tarOf } from "../support/images-tar.ts";
import { startRegistry } from "../support/registry.ts";

const labels = { maintainer: "ann" };

/** What is told from now on: action, object and attributes. */
function listen(engine: ImagesEngine): unknown[] {
  const told: unknown[] = [];
  engine.events.onEvent(({ type, action, id, attributes }) => {
    expect(type).toBe("image");
    told.push([action, id, attributes]);
  });
  return told;
}

it("tells what happens to images in docker's words", async () => {
  await using registry = await startRegistry();
  await using engine = await openImagesEngine();
  const told = listen(engine);
  const take = (): unknown[] => told.splice(0);
  const repository = `${registry.address}/team/web`;
  await putLayers(registry, "team/web:1", [[["motd", "hello"]]], { config: { config: { Labels: labels } } });

  await engine.images.pull(pullOf(`${repository}:1`), quietWork);
  const { id } = engine.images.resolve(`${repository}:1`);
  expect(take()).toEqual([["pull", `${repository}:1`, { ...labels, name: repository }]]);
  await engine.images.tag(id, `${repository}:2`);
  expect(take()).toEqual([["tag", id, { ...labels, name: `${repository}:2` }]]);
  await engine.images.push({ reference: `${repository}:2`, allTags: false, credentials: null }, quietWork);
  expect(take()).toEqual([["push", `${repository}:2`, { ...labels, name: repository }]]);
  const archive = await saved(engine, [`${repository}:1`]);
  expect(take()).toEqual([["save", id, { ...labels, name: id }]]);
  await engine.images.load(chunksOf(archive), quietWork);
  expect(take()).toEqual([["load", id, { ...labels, name: id }]]);
  await engine.images.remove(`${repository}:2`, false);
  expect(take()).toEqual([["untag", id, { ...labels, name: id }]]);
  await engine.images.remove(id, true);
  // One for the name and one for the digest the registry knows it by.
  const untag = ["untag", id, { ...labels, name: id }];
  expect(take()).toEqual([untag, untag, ["delete", id, { name: id }]]);
});

it("tells of imports and prunes", async () => {
  await using engine = await openImagesEngine();
  const told = listen(engine);
  const rootfs = await tarOf([["motd", "hello"]]);
  const plain = { changes: ["LABEL maintainer=ann"], message: "" };
  const { id } = await engine.images.import(chunksOf(rootfs), { ...plain, reference: "web:1" }, quietWork);
  expect(told.splice(0)).toEqual([
    ["tag", id, { ...labels, name: "web:1" }],
    ["import", id, { ...labels, name: id }],
  ]);
  const { bytes } = await engine.images.prune({ all: true, until: null, labels: [] }, false);
  expect(told).toEqual([
    ["untag", id, { ...labels, name: id }],
    ["delete", id, { name: id }],
    ["prune", "", { reclaimed: String(bytes) }],
  ]);
});

it("imports for another platform, where it is one", async () => {
  await using engine = await openImagesEngine();
  const rootfs = await tarOf([["motd", "hello"]]);
  const options = { changes: [], message: "", reference: "web:arm", platform: "linux/arm/v7" };
  await engine.images.import(chunksOf(rootfs), options, quietWork);
  expect(await engine.images.inspect("web:arm")).toMatchObject({ Architecture: "arm", Variant: "v7", Os: "linux" });
  const wrong = engine.images.import(chunksOf(rootfs), { ...options, platform: "a/b/c/d" }, quietWork);
  await expect(wrong).rejects.toMatchObject({ code: "invalid-argument" });
});

it("says a digest of no repository that never told one", async () => {
  await using registry = await startRegistry();
  await using engine = await openImagesEngine();
  await putLayers(registry, "team/web:1", [[["motd", "hello"]]]);
  const repository = `${registry.address}/team/web`;
  const [pulled] = await engine.images.pull(pullOf(`${repository}:1`), quietWork);
  await engine.images.tag(`${repository}:1`, "mine:1");
  const known = [`${repository}@${pulled?.digest}`];
  expect(await identityOf(engine, "mine:1")).toMatchObject({
    RepoTags: [`${repository}:1`, "mine:1"],
    RepoDigests: known,
  });
  expect(() => engine.images.resolve(`mine@${pulled?.digest}`)).toThrow("no such image");
  const archive = await saved(engine, ["mine:1"], "oci-archive");
  await engine.images.remove(`${repository}:1`, false);
  await engine.images.remove("mine:1", false);
  await engine.images.load(chunksOf(archive), quietWork);
  expect(await identityOf(engine, "mine:1")).toMatchObject({ RepoTags: ["mine:1"], RepoDigests: [] });
});
