import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { llistxattr, lsetxattr } from "../../engine/host/syscalls.ts";
import { rebuildTar } from "../../engine/images/rebuild-tar.ts";
import { openLayerStore } from "../../engine/layers/overlay-layer-store.ts";
import { sha256 } from "../../engine/oci/digest.ts";
import { base, layers, made, root, signal, stack, step, tarOfLayer } from "../support/step-layers.ts";
import { listingOf } from "../support/tar-listing.ts";
import { madeOf, sourceOf } from "../support/tar-of.ts";

describe("a step's layer", () => {
  it("is what the step has changed, with the digest of the tar that is made of it later", async () => {
    const chain = await stack(base);
    const layer = await made(chain, (rootfs) => {
      writeFileSync(`${rootfs}/etc/motd`, "new");
      rmSync(`${rootfs}/gone`, { recursive: true });
      rmSync(`${rootfs}/opaque`, { recursive: true });
      mkdirSync(`${rootfs}/opaque/inner`, { recursive: true });
      writeFileSync(`${rootfs}/opaque/inner/fresh`, "fresh");
      linkSync(`${rootfs}/opaque/inner/fresh`, `${rootfs}/opaque/inner/linked`);
      execFileSync("mkfifo", [`${rootfs}/opaque/pipe`]);
      lsetxattr(`${rootfs}/opaque/inner/fresh`, "user.note", Buffer.from("mine"));
    });
    const whole = [...chain, layer.diffID];
    const tar = await tarOfLayer(whole);
    expect(sha256(tar)).toBe(layer.diffID);
    expect(await listingOf(tar)).toEqual([
      ".wh.gone = ",
      "etc/",
      "etc/motd = new",
      "opaque/",
      "opaque/.wh..wh..opq = ",
      "opaque/inner/",
      "opaque/inner/fresh = fresh",
      "opaque/inner/linked => opaque/inner/fresh",
      "opaque/pipe",
    ]);
    expect(layer).toMatchObject({ size: 8, entries: 9 });
    await layers.prepare("next", whole);
    const next = await layers.mount("next");
    expect(readdirSync(next).sort()).toEqual(["etc", "opaque", "usr"]);
    expect(readFileSync(`${next}/etc/motd`, "utf8")).toBe("new");
    expect(readFileSync(`${next}/etc/hosts`, "utf8")).toBe("h");
    expect(readdirSync(`${next}/opaque`).sort()).toEqual(["inner", "pipe"]);
  });

  it("is the same layer as the one its tar is unpacked to", async () => {
    const chain = await stack(base);
    const work = (rootfs: string) => {
      writeFileSync(`${rootfs}/etc/motd`, "new");
      rmSync(`${rootfs}/gone`, { recursive: true });
      rmSync(`${rootfs}/opaque`, { recursive: true });
      mkdirSync(`${rootfs}/opaque/dir`, { recursive: true });
      for (const path of ["opaque", "opaque/dir"]) utimesSync(`${rootfs}/${path}`, 1.5, 1.5);
      linkSync(`${rootfs}/etc/motd`, `${rootfs}/opaque/dir/linked`);
      lsetxattr(`${rootfs}/etc/motd`, "user.note", Buffer.from("mine"));
      execFileSync("mknod", [`${rootfs}/opaque/null`, "c", "1", "3"]);
      execFileSync("truncate", ["-s", "1M", `${rootfs}/opaque/sparse`]);
      chownSync(`${rootfs}/opaque/sparse`, 1000, 2000);
    };
    // Long ago, so that what is unpacked now has other times where it may.
    using layer = await made(chain, work, { latest: 1000 });
    const whole = [...chain, layer.diffID];
    const tar = madeOf(await tarOfLayer(whole));
    const source = sourceOf(tar, root.path);
    const names = layers.upkeep.namesOf(whole);
    expect(await layers.upkeep.verify(String(names[1]), source, { signal })).toMatchObject({ problems: [] });
    await using elsewhere = await openLayerStore({ root: root.join("other") });
    await elsewhere.unpackBase(sourceOf(tar, root.path), { signal });
    expect(elsewhere.find([layer.diffID])).toMatchObject({ size: layer.size, entries: layer.entries });
    const again: Uint8Array[] = [];
    for await (const chunk of rebuildTar(elsewhere, [layer.diffID], signal)) again.push(Buffer.from(chunk));
    expect(sha256(Buffer.concat(again))).toBe(layer.diffID);
  });

  it("is seen to be damaged without its tar", async () => {
    const chain = await stack(base);
    using layer = await made(chain, (rootfs) => writeFileSync(`${rootfs}/etc/motd`, "new"));
    const whole = [...chain, layer.diffID];
    const name = String(layers.upkeep.namesOf(whole)[1]);
    expect(await layers.upkeep.verify(name, null, { signal })).toEqual({ digests: null, problems: [] });
    const file = `${layers.pathOf(whole)}/etc/motd`;
    const { mtimeMs } = statSync(file);
    writeFileSync(file, "bad");
    utimesSync(file, mtimeMs / 1000, mtimeMs / 1000);
    expect(await layers.upkeep.verify(name, null, { signal })).toEqual({
      digests: null,
      problems: ["its files are not what they were when it was made"],
    });
  });

  it("is none where nothing was changed, but for mount points", async () => {
    const chain = await stack(base);
    expect(await step(chain, () => {})).toBeNull();
    const mountPoints = ["/proc", "/etc/resolv.conf", "/run/secrets/key", "/run/secrets", "/run", "/usr/bin/tool"];
    const empty = await step(
      chain,
      (rootfs) => {
        mkdirSync(`${rootfs}/proc`);
        mkdirSync(`${rootfs}/run/secrets`, { recursive: true });
        writeFileSync(`${rootfs}/run/secrets/key`, "");
        writeFileSync(`${rootfs}/etc/resolv.conf`, "");
      },
      { mountPoints },
    );
    expect(empty).toBeNull();
    expect(layers.listWritable()).toEqual([]);
  });

  it("keeps what was changed beside mount points, with its times", async () => {
    const chain = await stack(base);
    const layer = await made(
      chain,
      (rootfs) => {
        mkdirSync(`${rootfs}/proc`);
        writeFileSync(`${rootfs}/etc/resolv.conf`, "");
        writeFileSync(`${rootfs}/etc/mine`, "mine");
        mkdirSync(`${rootfs}/sys`);
        writeFileSync(`${rootfs}/sys/kept`, "");
        utimesSync(`${rootfs}/etc`, 1000, 1000);
      },
      { mountPoints: ["/proc", "/sys", "/etc/resolv.conf"] },
    );
    const fs = layers.pathOf([...chain, layer.diffID]);
    expect(readdirSync(fs).sort()).toEqual(["etc", "sys"]);
    expect(readdirSync(`${fs}/etc`)).toEqual(["mine"]);
    expect(statSync(`${fs}/etc`).mtimeMs).toBe(1_000_000);
    expect(sha256(await tarOfLayer([...chain, layer.diffID]))).toBe(layer.diffID);
  });

  it("follows no link to a mount point", async () => {
    const chain = await stack(base);
    mkdirSync(root.join("host"));
    writeFileSync(root.join("host/empty"), "");
    const layer = await made(
      chain,
      (rootfs) => {
        rmSync(`${rootfs}/etc`, { recursive: true });
        execFileSync("ln", ["-s", root.join("host"), `${rootfs}/etc`]);
      },
      { mountPoints: ["/etc/empty", "/etc"] },
    );
    expect(existsSync(root.join("host/empty"))).toBe(true);
    expect(lstatSync(`${layers.pathOf([...chain, layer.diffID])}/etc`).isSymbolicLink()).toBe(true);
  });

  it("has nothing in it that no tar of a layer holds", async () => {
    const chain = await stack(base);
    const layer = await made(chain, async (rootfs) => {
      writeFileSync(`${rootfs}/etc/motd`, "new");
      writeFileSync(`${rootfs}/etc/.wh.hosts`, "");
      mkdirSync(`${rootfs}/usr/bin/.wh..wh..opq`);
      const server = createServer().listen(`${rootfs}/etc/socket`);
      await new Promise((resolve) => server.on("listening", resolve));
      // Node takes the name away when it closes; here it stays as a killed server leaves it.
      execFileSync("cp", ["-a", `${rootfs}/etc/socket`, `${rootfs}/usr/bin/socket`]);
      await new Promise((resolve) => server.close(resolve));
    });
    const fs = layers.pathOf([...chain, layer.diffID]);
    expect(execFileSync("find", [".", "-type", "f"], { cwd: fs, encoding: "utf8" }).trim()).toBe("./etc/motd");
    expect(readdirSync(`${fs}/usr/bin`)).toEqual([]);
    for (const path of ["", "/etc", "/etc/motd"]) {
      expect(llistxattr(`${fs}${path}`).filter((name) => name.startsWith("trusted."))).toEqual([]);
    }
    expect(sha256(await tarOfLayer([...chain, layer.diffID]))).toBe(layer.diffID);
  });

  it("has no time later than it may", async () => {
    const chain = await stack(base);
    const work = (rootfs: string) => {
      writeFileSync(`${rootfs}/etc/motd`, "new");
      writeFileSync(`${rootfs}/etc/early`, "early");
      utimesSync(`${rootfs}/etc/early`, 500, 500);
      rmSync(`${rootfs}/gone`, { recursive: true });
      mkdirSync(`${rootfs}/dir`);
    };
    const one = await made(chain, work, { latest: 1000 });
    const fs = layers.pathOf([...chain, one.diffID]);
    expect(["etc", "etc/motd", "etc/early", "gone", "dir"].map((path) => lstatSync(`${fs}/${path}`).mtimeMs)).toEqual([
      1_000_000, 1_000_000, 500_000, 1_000_000, 1_000_000,
    ]);
    const other = await made(chain, work, { latest: 1000 });
    expect(other.diffID).toBe(one.diffID);
  });

  it("is dropped where it is there already", async () => {
    const chain = await stack(base);
    const work = (rootfs: string) => {
      writeFileSync(`${rootfs}/etc/motd`, "new");
      for (const path of ["etc/motd", "etc"]) utimesSync(`${rootfs}/${path}`, 1000, 1000);
    };
    const both = await Promise.all([made(chain, work), made(chain, work)]);
    expect(both[0].diffID).toBe(both[1].diffID);
    expect(layers.listWritable()).toEqual([]);
    const inMaking = () => readdirSync(root.join("engine/layers")).filter((name) => name.startsWith(".new"));
    await vi.waitFor(() => expect(inMaking()).toEqual([]));
  });
});

describe("a step's layer that cannot be kept", () => {
  it("is left where it is on a full disk", async () => {
    const small = root.join("small");
    mkdirSync(small);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", small]);
    await using store = await openLayerStore({ root: small });
    await store.prepare("full", []);
    const rootfs = await store.mount("full", { isVolatile: true });
    writeFileSync(`${rootfs}/kept`, "kept");
    const fill = () => {
      for (let size = 65_536; size >= 1; size = Math.floor(size / 2)) {
        try {
          for (;;) appendFileSync(`${rootfs}/fill`, Buffer.alloc(size));
        } catch {
          // Full for so many bytes.
        }
      }
    };
    fill();
    await expect(store.commit("full", { signal })).rejects.toMatchObject({ code: "resource-exhausted" });
    expect(store.upkeep.list()).toEqual([]);
    expect(readFileSync(`${await store.mount("full")}/kept`, "utf8")).toBe("kept");
    rmSync(`${rootfs}/fill`);
    const layer = await store.commit("full", { signal });
    expect(layer).toMatchObject({ entries: 1, size: 4 });
    expect(store.listWritable()).toEqual([]);
  });

  it("is left where it is when nobody wants it any more", async () => {
    const chain = await stack(base);
    await layers.prepare("step", chain);
    writeFileSync(`${await layers.mount("step")}/kept`, "kept");
    await expect(layers.commit("step", { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "cancelled" });
    expect(layers.listWritable()).toEqual(["step"]);
    await expect(layers.commit("none", { signal })).rejects.toMatchObject({ code: "not-found" });
  });
});
