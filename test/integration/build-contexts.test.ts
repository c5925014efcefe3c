import { execFileSync } from "node:child_process";
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { fetchRemote } from "../../engine/builder/context/fetch-remote.ts";
import { openContext } from "../../engine/builder/context/open-context.ts";
import { openFileCopier } from "../../engine/builder/copy/local-file-copier.ts";
import { makeAuthority } from "../support/certificates.ts";
import { plainWish } from "../support/copy-scene.ts";
import { tarOf } from "../support/tar-of.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

function optionsIn(
  root: TempRoot,
  stream: AsyncIterable<Uint8Array> | null = null,
  signal = AbortSignal.timeout(30_000),
) {
  const scratch = root.join("scratch");
  mkdirSync(scratch, { recursive: true, mode: 0o711 });
  return { stream, scratch, signal, onProgress: () => {} };
}

async function* pieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1000) yield Uint8Array.from(bytes.subarray(at, at + 1000));
}

async function serve(listener: RequestListener): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Files below a directory. */
function serveFiles(directory: string) {
  return serve((request, response) => {
    const path = join(directory, normalize(new URL(request.url ?? "/", "http://x").pathname));
    if (!existsSync(path) || statSync(path).isDirectory()) response.writeHead(404).end();
    else createReadStream(path).pipe(response);
  });
}

const repository = `
git init -q -b main repo; cd repo
git config user.email a@b; git config user.name c; git config commit.gpgsign false
echo FROM scratch >Dockerfile; mkdir sub; echo one >sub/file; git add .; git commit -qm one; git tag v1
echo two >sub/file; git commit -qam two
    git update-server-info
`;

function makeRepository(root: TempRoot): string {
  return execFileSync("bash", ["-ceu", `${repository}git rev-parse v1`], { cwd: root.path, encoding: "utf8" }).trim();
}

it("reads a directory in place, and nothing outside of it", async () => {
  await using root = await tempRoot();
  mkdirSync(root.join("c/d"), { recursive: true });
  writeFileSync(root.join("c/Dockerfile"), "FROM scratch");
  writeFileSync(root.join("secret"), "secret");
  execFileSync("bash", ["-c", "ln -s ../../secret d/up; ln -s /secret d/abs; ln -s ../Dockerfile d/ok"], {
    cwd: root.join("c"),
  });
  await using context = await openContext({ type: "directory", path: root.join("c") }, optionsIn(root));
  expect((await context.readFile("Dockerfile", 100))?.toString()).toBe("FROM scratch");
  expect((await context.readFile("d/ok", 100))?.toString()).toBe("FROM scratch");
  expect(await context.readFile("d/up", 100)).toBeNull();
  expect(await context.readFile("d/abs", 100)).toBeNull();
  expect(await context.readFile("../secret", 100)).toBeNull();
  await expect(context.readFile("d", 100)).rejects.toThrow("is not a file");
  await expect(context.readFile("Dockerfile", 5)).rejects.toThrow("more than 5 bytes");
  expect(context.tree(["# no", "/d/", "!d/ok"])).toMatchObject({ ignore: ["d", "!d/ok"], keepsOwners: false });
});

it("says that a directory is not there, or is none", async () => {
  await using root = await tempRoot();
  writeFileSync(root.join("file"), "");
  const open = (path: string) => openContext({ type: "directory", path }, optionsIn(root));
  await expect(open(root.join("nope"))).rejects.toMatchObject({ code: "not-found" });
  await expect(open(root.join("file"))).rejects.toMatchObject({ code: "invalid-argument" });
});

it.each(["none", "gzip", "xz", "bzip2", "zstd"])("unpacks a tar that comes compressed with %s", async (compression) => {
  await using root = await tempRoot();
  const tar = tarOf([
    { path: "./Dockerfile", data: "FROM scratch" },
    { path: "d/", mode: 0o750, mtime: 1_000_000_000 },
    { path: "d/f", data: "x", uid: 5, gid: 6, mode: 0o4755 },
  ]).bytes;
  const bytes =
    compression === "none" ? tar : execFileSync(compression, ["-c"], { input: tar, maxBuffer: 1e8, stdio: "pipe" });
  const options = optionsIn(root, pieces(bytes));
  {
    await using context = await openContext({ type: "stream" }, options);
    expect((await context.readFile("Dockerfile", 100))?.toString()).toBe("FROM scratch");
    expect(statSync(`${context.directory}/d/f`)).toMatchObject({ mode: 0o104755, uid: 5, gid: 6 });
    expect(statSync(`${context.directory}/d`).mtimeMs).toBe(1e12);
  }
  expect(readdirSync(options.scratch)).toEqual([]);
});

it.each([
  ["a name that leads out", tarOf([{ path: "../evil", data: "x" }]).bytes],
  ["a broken end", tarOf([{ path: "f", data: "x".repeat(2000) }]).bytes.subarray(0, 1500)],
  ["a broken compression", gzipSync(Buffer.alloc(100_000, "abc")).subarray(0, 100)],
  ["no tar at all", Buffer.from("FROM scratch\n".repeat(100))],
])("leaves nothing of a tar with %s", async (_, bytes) => {
  await using root = await tempRoot();
  const options = optionsIn(root, pieces(bytes));
  await expect(openContext({ type: "stream" }, options)).rejects.toMatchObject({ code: "corrupt" });
  expect(readdirSync(options.scratch)).toEqual([]);
  expect(existsSync(root.join("evil"))).toBe(false);
});

it("never writes through links of a tar", async () => {
  await using root = await tempRoot();
  const outside = root.join("outside");
  mkdirSync(outside);
  const tar = tarOf([
    { path: "link", type: "2", linkPath: outside },
    { path: "link/evil", data: "x" },
    { path: "up", type: "2", linkPath: "../../.." },
    { path: "up/outside/evil", data: "x" },
  ]).bytes;
  const opening = openContext({ type: "stream" }, optionsIn(root, pieces(tar)));
  await expect(opening).rejects.toThrow("entry link/evil: cannot be written");
  expect(readdirSync(outside)).toEqual([]);
  const honest = tarOf([
    { path: "top", type: "2", linkPath: "/" },
    { path: "top/../../outside-by-link/", type: "5" },
    { path: "up", type: "2", linkPath: "../../../d" },
    { path: "d/" },
    { path: "up/f", data: "x" },
  ]);
  await expect(openContext({ type: "stream" }, optionsIn(root, pieces(honest.bytes)))).rejects.toThrow('".."');
  const inside = tarOf([
    { path: "d/" },
    { path: "up", type: "2", linkPath: "../../../d" },
    { path: "up/f", data: "x" },
  ]);
  await using context = await openContext({ type: "stream" }, optionsIn(root, pieces(inside.bytes)));
  expect(readFileSync(`${context.directory}/d/f`, "utf8")).toBe("x");
});

it("ends a stream that is cancelled, and leaves nothing", async () => {
  await using root = await tempRoot();
  const abort = new AbortController();
  const endless = async function* () {
    yield tarOf([{ path: "f", data: "x".repeat(5000) }]).bytes.subarray(0, 2000);
    abort.abort();
    await new Promise((resolve) => setTimeout(resolve, 50));
    yield Buffer.alloc(1000);
  };
  const options = optionsIn(root, endless(), abort.signal);
  await expect(openContext({ type: "stream" }, options)).rejects.toMatchObject({ code: "cancelled" });
  expect(readdirSync(options.scratch)).toEqual([]);
});

it("takes a tar from an http address, and a Dockerfile by itself", async () => {
  await using root = await tempRoot();
  await using server = await serve((request, response) => {
    if (request.url === "/old") response.writeHead(302, { location: "/c.tar.gz" }).end();
    else if (request.url === "/c.tar.gz") response.end(gzipSync(tarOf({ Dockerfile: "FROM scratch", a: "b" }).bytes));
    else if (request.url === "/df") response.end("FROM scratch\nCOPY . /\n");
    else response.writeHead(404).end();
  });
  const options = optionsIn(root);
  {
    await using tar = await openContext({ type: "remote", url: `${server.url}/old` }, options);
    expect((await tar.readFile("a", 100))?.toString()).toBe("b");
    await using file = await openContext({ type: "remote", url: `${server.url}/df` }, options);
    expect((await file.readFile("Dockerfile.other", 100))?.toString()).toBe("FROM scratch\nCOPY . /\n");
    expect(await file.readFile(".dockerignore", 100)).toBeNull();
    expect(file.source).toBe(`${server.url}/df`);
  }
  await expect(openContext({ type: "remote", url: `${server.url}/no` }, options)).rejects.toThrow(
    "invalid response status 404",
  );
  expect(readdirSync(options.scratch)).toEqual([]);
});

it("fetches a file for ADD with its time, name and checksum", async () => {
  await using root = await tempRoot();
  await using server = await serve((request, response) => {
    if (request.url?.startsWith("/dir/")) response.setHeader("last-modified", "Sun, 09 Sep 2001 01:46:40 GMT");
    response.end("hello\n");
  });
  const checksum = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
  let count = 0;
  const fetch = (path: string, expected: string | null) => {
    const directory = root.join(`fetched-${count++}`);
    mkdirSync(directory, { mode: 0o700 });
    const options = { directory, signal: AbortSignal.timeout(10_000), checksum: expected, keepGitDirectory: false };
    return fetchRemote(`${server.url}${path}`, options);
  };
  const file = await fetch("/dir/a%20b.txt?x=/y", checksum);
  expect(file).toMatchObject({ name: "a b.txt", isDirectory: false, modifiedAt: 1_000_000_000 });
  expect(readFileSync(file.path, "utf8")).toBe("hello\n");
  expect(await fetch("/", null)).toMatchObject({ name: "__unnamed__", modifiedAt: 0 });
  expect(await fetch("/..%2f..%2f", null)).toMatchObject({ name: "__unnamed__" });
  await expect(fetch("/dir/f", `sha256:${"0".repeat(64)}`)).rejects.toMatchObject({ code: "corrupt" });
  await expect(fetch("/dir/f", "md5:0")).rejects.toMatchObject({ code: "invalid-argument" });
});

it("checks who it talks to, and keeps passwords to whom they are for", async () => {
  await using root = await tempRoot();
  const authority = makeAuthority(root.path);
  const { certificate, key } = authority.issue("localhost");
  const seen: (string | undefined)[] = [];
  await using other = await serve((request, response) => {
    seen.push(request.headers.authorization);
    response.end("far");
  });
  const own = { cert: readFileSync(certificate), key: readFileSync(key) };
  const server = createSecureServer(own, (request, response) => {
    seen.push(request.headers.authorization);
    if (request.url === "/away") response.writeHead(301, { location: other.url }).end();
    else response.end("near");
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const fetch = (path: string) => {
    mkdirSync(root.join(`d${path}`), { recursive: true });
    const options = { directory: root.join(`d${path}`), signal: AbortSignal.timeout(10_000), checksum: null };
    const url = `https://me:secret@localhost:${(server.address() as AddressInfo).port}${path}`;
    return fetchRemote(url, { ...options, keepGitDirectory: false });
  };
  try {
    const refused = await fetch("/x").catch((error) => error);
    expect(refused).toMatchObject({ code: "unavailable", message: expect.stringMatching(/certificate/) });
    expect(refused.message).not.toContain("secret");
    process.env.SSL_CERT_FILE = authority.certificate;
    expect(readFileSync((await fetch("/near")).path, "utf8")).toBe("near");
    expect(readFileSync((await fetch("/away")).path, "utf8")).toBe("far");
    const basic = `Basic ${Buffer.from("me:secret").toString("base64")}`;
    expect(seen).toEqual([basic, basic, undefined]);
  } finally {
    delete process.env.SSL_CERT_FILE;
    server.closeAllConnections();
    server.close();
  }
});

it("checks a repository out: branch, tag, commit, directory", async () => {
  await using root = await tempRoot();
  const first = makeRepository(root);
  await using server = await serveFiles(root.path);
  const options = optionsIn(root);
  const read = async (url: string, path: string): Promise<string | undefined> => {
    await using context = await openContext({ type: "remote", url }, options);
    expect(existsSync(`${context.directory}/.git`)).toBe(false);
    return (await context.readFile(path, 100))?.toString();
  };
  const dumb = `${server.url}/repo/.git`;
  const local = `file://${root.join("repo")}`;
  expect(await read(dumb, "sub/file")).toBe("two\n");
  expect(await read(`${dumb}#v1`, "sub/file")).toBe("one\n");
  expect(await read(`${dumb}#${first}:sub`, "file")).toBe("one\n");
  expect(await read(`${local}#main:sub`, "file")).toBe("two\n");
  expect(await read(`${local}#${first}`, "sub/file")).toBe("one\n");
  await expect(read(`${dumb}#nope`, "x")).rejects.toThrow("does not contain ref nope");
  await expect(read(`${local}#:nope`, "x")).rejects.toMatchObject({ code: "not-found" });
  await expect(read(`${dumb}?checksum=${"0".repeat(40)}`, "x")).rejects.toMatchObject({ code: "corrupt" });
  expect(readdirSync(options.scratch)).toEqual([]);
});

it("brings the same files for the same commit, with .git where that is kept", async () => {
  await using root = await tempRoot();
  makeRepository(root);
  await using server = await serveFiles(root.path);
  await using copier = openFileCopier();
  const digests: string[] = [];
  for (const name of ["one", "two"]) {
    const directory = root.join(name);
    mkdirSync(directory, { mode: 0o700 });
    const options = { directory, signal: AbortSignal.timeout(20_000), checksum: null, keepGitDirectory: true };
    const file = await fetchRemote(`${server.url}/repo/.git#main`, options);
    expect(file.isDirectory).toBe(true);
    const tree = { directory: file.path, ignore: null, keepsOwners: false };
    const work = { signal: AbortSignal.timeout(20_000) };
    digests.push((await copier.digest(tree, { ...plainWish, sources: ["."] }, work)).digest);
    const git = (...args: string[]) => execFileSync("git", args, { cwd: file.path, encoding: "utf8" });
    expect(git("-c", "safe.directory=*", "status", "--short")).toBe("");
    await new Promise((resolve) => setTimeout(resolve, 1_100));
  }
  expect(digests[0]).toBe(digests[1]);
});

it("never takes submodules from this host, and runs nothing of a repository", async () => {
  await using root = await tempRoot();
  makeRepository(root);
  const script = `
    cd repo; mkdir hooks; printf '#!/bin/sh\\ntouch ${root.path}/ran\\n' >hooks/post-checkout; chmod +x hooks/post-checkout
    printf '* filter=evil\\n' >.gitattributes; git add .; git commit -qm hooks
    cp hooks/post-checkout .git/hooks/post-checkout
    git -c protocol.file.allow=always submodule add -q ${root.path}/repo inner; git commit -qm inner; git update-server-info`;
  execFileSync("bash", ["-ceu", script], { cwd: root.path, stdio: "pipe" });
  await using server = await serveFiles(root.path);
  const url = `${server.url}/repo/.git`;
  await expect(openContext({ type: "remote", url }, optionsIn(root))).rejects.toMatchObject({ code: "unavailable" });
  await using context = await openContext({ type: "remote", url: `${url}?submodules=false` }, optionsIn(root));
  expect(existsSync(`${context.directory}/hooks/post-checkout`)).toBe(true);
  expect(existsSync(root.join("ran"))).toBe(false);
});

it("ends git when the build is cancelled", async () => {
  await using root = await tempRoot();
  const abort = new AbortController();
  await using server = await serve(() => setTimeout(() => abort.abort(), 50));
  const options = optionsIn(root, null, abort.signal);
  const opening = openContext({ type: "remote", url: `${server.url}/x.git` }, options);
  await expect(opening).rejects.toMatchObject({ code: "cancelled" });
  expect(readdirSync(options.scratch)).toEqual([]);
});
