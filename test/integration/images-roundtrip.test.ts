import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../engine/oci/digest.ts";
import { allKinds, Buildah, kindsIn, makeKinds } from "../support/buildah.ts";
import { startTestEngine } from "../support/engine.ts";
import { gantryFor } from "../support/gantry-command.ts";
import { run } from "../support/images-archives.ts";
import { type ImagesEngine, openImagesEngine, quietWork } from "../support/images-engine.ts";
import { pullOf } from "../support/images-registry.ts";
import { savedFile } from "../support/images-save.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { ann } from "../support/registry-client.ts";

let buildah: Buildah;
let directory: string;
/** Everybody's; with name and password over TLS; with a token server, which answers nobody while another program is waited for. */
let plain: TestRegistry;
let secured: TestRegistry;
let tokens: TestRegistry;
const held = new AsyncDisposableStack();

beforeAll(async () => {
  buildah = held.use(new Buildah());
  directory = mkdtempSync(join(tmpdir(), "gantry-test-"));
  held.defer(() => rmSync(directory, { recursive: true, force: true }));
  plain = held.use(await startRegistry());
  secured = held.use(await startRegistry({ auth: "basic", tls: true }));
  tokens = held.use(await startRegistry({ auth: "token" }));
  makeKinds(buildah);
}, 60_000);

afterAll(() => held[Symbol.asyncDispose](), 60_000);

const person = "ann:open sesame";

/** Puts the image into the plain registry in one of its forms; gives its manifest. */
async function putForm(form: string): Promise<Buffer> {
  const name = `docker://${plain.address}/kinds/${form}:1`;
  if (form === "zstd") {
    const layout = `oci:${join(directory, "zstd")}:1`;
    const from = `docker://${plain.address}/kinds/oci:1`;
    run("skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-compress-format", "zstd", from, layout);
    run("skopeo", "copy", "-q", "--dest-tls-verify=false", layout, name);
  } else buildah.run("push", "-q", "--tls-verify=false", "--format", form, "kinds", name);
  return manifestIn(plain, `kinds/${form}`, "1");
}

async function manifestIn(registry: TestRegistry, repository: string, tag: string): Promise<Buffer> {
  const manifest = await registry.findManifest(repository, tag);
  if (manifest === null) throw new Error(`${repository}:${tag} is not there`);
  return manifest;
}

async function push(engine: ImagesEngine, from: string, to: string): Promise<void> {
  await engine.images.tag(from, to);
  await engine.images.push({ reference: to, allTags: false, credentials: ann }, quietWork);
}

describe("from registry to registry", () => {
  it.each(["oci", "v2s2", "zstd"])("keeps every digest of an image in the form %s", async (form) => {
    const original = await putForm(form);
    const manifest = JSON.parse(original.toString());
    await using engine = await openImagesEngine();
    const name = `${plain.address}/kinds/${form}`;
    const [pulled] = await engine.images.pull(pullOf(`${name}:1`), quietWork);
    expect(pulled).toMatchObject({ digest: sha256(original), id: manifest.config.digest, isNew: true });
    const [again] = await engine.images.pull(pullOf(`${name}@${sha256(original)}`), quietWork);
    expect(again).toMatchObject({ digest: sha256(original), isNew: false });

    await push(engine, `${name}:1`, `${secured.address}/other/${form}:2`);
    await push(engine, `${name}:1`, `${tokens.address}/other/${form}:2`);
    expect(await manifestIn(secured, `other/${form}`, "2")).toEqual(original);
    expect(await manifestIn(tokens, `other/${form}`, "2")).toEqual(original);

    // Every blob is checked by who reads it.
    const copy = join(directory, `copy-${form}`);
    const source = `docker://${secured.address}/other/${form}:2`;
    run("skopeo", "copy", "-q", "--src-tls-verify=false", "--src-creds", person, source, `dir:${copy}`);
    expect(readFileSync(join(copy, "manifest.json"))).toEqual(original);
    await using second = await openImagesEngine();
    const [brought] = await second.images.pull(
      pullOf(`${tokens.address}/other/${form}:2`, { credentials: ann }),
      quietWork,
    );
    expect(brought).toMatchObject({ digest: sha256(original), id: manifest.config.digest });
  });

  it("gives other tools the very files it was given", () => {
    const name = `docker://${secured.address}/other/v2s2:2`;
    const id = buildah.run("pull", "-q", "--tls-verify=false", "--creds", person, name);
    expect(buildah.look(id, kindsIn)).toEqual(allKinds);
  });
});

it("takes each platform's image out of the lists that others make", async () => {
  const platforms = ["linux/amd64", "linux/arm64", "linux/arm/v7"];
  buildah.run("manifest", "create", "list");
  for (const platform of platforms) {
    const [, architecture = "", variant = ""] = platform.split("/");
    const made = ["--arch", architecture, ...(variant === "" ? [] : ["--variant", variant]), "--label", platform];
    const name = buildah.commit("kinds-1", `for-${architecture}`, () => {}, ...made);
    buildah.run("manifest", "add", ...made.slice(0, -2), "list", name);
  }
  for (const form of ["oci", "v2s2"]) {
    const first = `${plain.address}/lists/${form}:1`;
    const second = `${secured.address}/lists/${form}:1`;
    buildah.run("manifest", "push", "-q", "--all", "--tls-verify=false", "--format", form, "list", `docker://${first}`);
    const verify = ["--src-tls-verify=false", "--dest-tls-verify=false", "--dest-creds", person];
    run("skopeo", "copy", "-q", "--multi-arch", "all", ...verify, `docker://${first}`, `docker://${second}`);
    const digest = sha256(await manifestIn(plain, `lists/${form}`, "1"));
    await using engine = await openImagesEngine();
    for (const platform of platforms) {
      const by = { platform, credentials: ann };
      const [pulled] = await engine.images.pull(pullOf(second, by), quietWork);
      expect(pulled?.digest).toBe(digest);
      const { Architecture, Variant = "", RepoDigests } = await engine.images.inspect(second);
      expect(["linux", Architecture, Variant].filter((part) => part !== "").join("/")).toBe(platform);
      expect(RepoDigests).toEqual([`${secured.address}/lists/${form}@${digest}`]);
    }
    const [host] = await engine.images.pull(pullOf(`${first.slice(0, -2)}@${digest}`), quietWork);
    expect(engine.images.resolve(host?.id ?? "").config.labels).toMatchObject({ "linux/amd64": "" });
  }
});

describe("in archives", () => {
  it.each(["docker-archive", "oci-archive"] as const)("%s is the same image to everyone", async (format) => {
    await using engine = await openImagesEngine();
    const name = `${plain.address}/kinds/v2s2:1`;
    const [pulled] = await engine.images.pull(pullOf(name), quietWork);
    const id = pulled?.id.slice(7);
    const file = await savedFile(engine, [name], format);
    expect(buildah.run("pull", "-q", `${format}:${file}`)).toBe(id);
    const archives = [
      `docker-archive:${directory}/b-${format}.tar:a/b:1`,
      `oci-archive:${directory}/c-${format}.tar:a/c:1`,
    ];
    buildah.run("push", "-q", "--format", "v2s2", id ?? "", archives[0] ?? "");
    run("skopeo", "copy", "-q", `${format}:${file}`, archives[1] ?? "");
    for (const archive of archives) {
      await using other = await openImagesEngine();
      await other.loadFile(archive.split(":")[1] ?? "");
      expect(other.images.list()[0]).toMatchObject({ id: pulled?.id });
      expect(other.images.resolve(pulled?.id ?? "").chain).toEqual(engine.images.resolve(name).chain);
    }
  });
});

it("keeps every kind of file through run, commit, push, pull, save, load, export and import", async () => {
  await using engine = await startTestEngine();
  const gantry = gantryFor(engine.config);
  const must = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await gantry(args);
    expect([args.join(" "), code, code === 0 ? "" : stderr]).toEqual([args.join(" "), 0, ""]);
    return stdout.trim();
  };
  const seen = async (image: string, ...command: string[]): Promise<string[]> => {
    const id = await must("run", "-d", "--network", "none", image, ...command);
    try {
      return kindsIn(await must("inspect", "-f", "{{.GraphDriver.Data.MergedDir}}", id));
    } finally {
      await must("rm", "-f", id);
    }
  };
  const name = `${plain.address}/kinds/oci:1`;
  expect(await seen(name)).toEqual(allKinds);

  const made = `${plain.address}/kinds/made:1`;
  // A link to a file of a lower layer brings all of it into the new one.
  const changed = await must("run", "-d", "--name", "changed", "--network", "none", name);
  await must("exec", changed, "sh", "-c", "ln /bin/able /bin/third; ln -f /bin/third /bin/linked; rm /bin/third");
  expect(kindsIn(await must("inspect", "-f", "{{.GraphDriver.Data.MergedDir}}", changed))).toEqual(allKinds);
  await must("commit", "changed", made);
  await must("export", "-o", join(directory, "exported.tar"), "changed");
  await must("rm", "-f", changed);
  expect(await seen(made)).toEqual(allKinds);
  await must("push", "-q", made);
  await must("save", "-o", join(directory, "made.tar"), made);
  await must("rmi", made, name);
  expect(await seen(made)).toEqual(allKinds);
  await must("rmi", made);
  await must("load", "-q", "-i", join(directory, "made.tar"));
  expect(await seen(made)).toEqual(allKinds);
  await must("import", "-q", join(directory, "exported.tar"), "imported:1");
  expect(await seen("imported:1", "/bin/sleep", "300")).toEqual(allKinds);
});
