import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { expect, it } from "vitest";
import { copyScene } from "../support/copy-scene.ts";

it("follows links of the root file system within it", async () => {
  await using scene = await copyScene({ f: "f", "d/g": "g" });
  scene.sh(
    "cd $R; mkdir -p usr/lib real; ln -s /usr/lib lib; ln -s ../../../real up; ln -s /missing/there dangling; ln -s /etc/x real/x",
  );
  await scene.copy({ sources: ["f"], target: "/lib/" });
  await scene.copy({ sources: ["f"], target: "up/new/f" });
  await scene.copy({ sources: ["d"], target: "/dangling" });
  await scene.copy({ sources: ["f"], target: "/real/x" });
  expect(scene.sh("cd $R; find . -type f | sort")).toBe("./etc/x\n./missing/there/g\n./real/new/f\n./usr/lib/f\n");
  // By its own name in a directory a link is replaced, not followed.
  scene.sh("ln -s /usr/outside $R/real/f");
  await scene.copy({ sources: ["f"], target: "/real/" });
  expect(scene.sh("stat -c %F $R/real/f; ls $R/usr")).toBe("regular file\nlib\n");
});

it("ends links that lead in a circle", async () => {
  await using scene = await copyScene({ f: "f" });
  scene.sh("ln -s b $R/a; ln -s a $R/b; ln -s loop loop; cp -P loop $R/loop");
  await expect(scene.copy({ sources: ["f"], target: "/a/x" })).rejects.toThrow("too many links");
  await expect(scene.copy({ sources: ["loop"], target: "/x" })).rejects.toThrow('"/loop": not found');
});

it("keeps the mode and owner of a directory that is there, and makes those below it like their source", async () => {
  await using scene = await copyScene({ "d/s/f": "f" });
  scene.sh("chmod 700 d; chmod 711 d/s; touch -d @1000 d/s d; mkdir -p $R/t/s; chmod 1777 $R/t; chown -R 5:6 $R/t");
  await scene.copy({ sources: ["d"], target: "/t" });
  await scene.copy({ sources: ["d"], target: "/new/t" });
  expect(scene.sh("cd $R; stat -c '%n %a %u:%g %Y' t t/s new/t new/t/s | sed 's/ [0-9]\\{9,\\}$/ now/'")).toBe(
    "t 1777 5:6 now\nt/s 711 0:0 1000\nnew/t 755 0:0 now\nnew/t/s 711 0:0 1000\n",
  );
});

it("refuses to put a file in place of a directory, and the reverse", async () => {
  await using scene = await copyScene({ f: "f", "d/f/x": "x", "e/d": "file" });
  scene.sh("mkdir -p $R/t/f; touch $R/file");
  await expect(scene.copy({ sources: ["f"], target: "/t/" })).rejects.toThrow(
    "cannot replace to directory /t/f with file",
  );
  await expect(scene.copy({ sources: ["d"], target: "/file" })).rejects.toThrow("cannot copy to non-directory: /file");
  await expect(scene.copy({ sources: ["f"], target: "/file/x" })).rejects.toThrow("mkdir /file: not a directory");
  await expect(scene.copy({ sources: ["f"], target: "/file/" })).rejects.toThrow("mkdir /file: not a directory");
  scene.sh("rmdir $R/t/f; touch $R/t/f");
  await expect(scene.copy({ sources: ["d"], target: "/t" })).rejects.toThrow("cannot copy to non-directory: /t/f");
  await expect(scene.copy({ sources: ["f", "e/d"], target: "/one" })).rejects.toThrow(
    "when using COPY with more than one source file, the destination must be a directory and end with a /",
  );
});

it("gives files the owner that is asked for, by the image's own names", async () => {
  await using scene = await copyScene({ "d/f": "f" });
  scene.sh(
    "mkdir $R/etc; echo 'www:x:33:44::/:/' >$R/etc/passwd; echo 'staff:x:50:' >$R/etc/group; chown 7:8 d/f; ln -s f d/l",
  );
  const cases = {
    www: "33:44",
    "www:staff": "33:50",
    "12": "12:12",
    "12:13": "12:13",
    ":staff": "0:50",
    "1:staff": "1:50",
  };
  for (const [chown, owner] of Object.entries(cases)) {
    await scene.copy({ sources: ["d"], target: `/${chown}/a/b`, chown });
    expect(scene.sh(`cd $R; stat -c %u:%g '${chown}' '${chown}/a/b' '${chown}/a/b/f' '${chown}/a/b/l'`)).toBe(
      `${owner}\n`.repeat(4),
    );
  }
  await scene.copy({ sources: ["d"], target: "/kept" }, { keepsOwners: true });
  expect(scene.sh("stat -c %u:%g $R/kept $R/kept/f")).toBe("0:0\n7:8\n");
  await expect(scene.copy({ sources: ["d"], target: "/x", chown: "nobody" })).rejects.toThrow(
    `user "nobody" is not in the image's /etc/passwd`,
  );
  await expect(scene.copy({ sources: ["d"], target: "/x", chown: "a:b:c" })).rejects.toThrow("invalid chown string");
});

it("does not read the host's accounts by a link", async () => {
  await using scene = await copyScene({ f: "f" });
  scene.sh("mkdir $R/etc; ln -s ../../../../../../../etc/passwd $R/etc/passwd");
  await expect(scene.copy({ sources: ["f"], target: "/x", chown: "daemon" })).rejects.toThrow("is not in the image's");
});

it.each([
  ["755", "755", "755"],
  ["0644", "644", "644"],
  ["4711", "4711", "4711"],
  ["u+x,go-r", "700", "711"],
  ["a=rX", "444", "555"],
  ["g=u", "664", "775"],
  ["+s", "6644", "6755"],
  ["o+t,u=rwx", "1744", "1755"],
])("sets modes by %s", async (chmod, file, directory) => {
  await using scene = await copyScene({ "d/s/f": "f" });
  scene.sh("chmod 755 d/s; chmod 644 d/s/f; ln -s f d/s/l");
  await scene.copy({ sources: ["d"], target: "/t", chmod });
  expect(scene.sh("stat -c %a $R/t/s/f $R/t/s")).toBe(`${file}\n${directory}\n`);
});

it.each(["888", "77777", "u+q", "x", "u", "+"])("refuses the mode %s", async (chmod) => {
  await using scene = await copyScene({ f: "f" });
  const copying = scene.copy({ sources: ["f"], target: "/t", chmod });
  if (chmod === "+") await copying;
  else await expect(copying).rejects.toThrow("invalid chmod parameter");
});

it("copies attributes, but none that would tell overlayfs what to show", async () => {
  await using scene = await copyScene({ "d/f": "f" });
  const set = (name: string, path: string) =>
    execFileSync("python3", ["-c", `import os,sys;os.setxattr(sys.argv[2],sys.argv[1],b"v\\0w")`, name, path]);
  set("user.a", `${scene.context}/d/f`);
  set("user.b", `${scene.context}/d`);
  set("trusted.overlay.opaque", `${scene.context}/d`);
  scene.sh("setcap cap_net_raw+ep d/f");
  await scene.copy({ sources: ["."], target: "/t" });
  await scene.copy({ sources: ["."], target: "/kept", chown: "1:2" }, { keepsOwners: true });
  const names = (path: string) =>
    execFileSync("python3", ["-c", "import os,sys;print(sorted(os.listxattr(sys.argv[1])))", path], {
      encoding: "utf8",
    });
  // What a program may do does not come by a context.
  expect(names(`${scene.rootfs}/t/d/f`)).toBe("['user.a']\n");
  expect(names(`${scene.rootfs}/kept/d/f`)).toBe("['security.capability', 'user.a']\n");
  expect(names(`${scene.rootfs}/t/d`)).toBe("['user.b']\n");
});

it("leaves out sockets, and what overlayfs would take for a mark", async () => {
  await using scene = await copyScene({ f: "f" });
  scene.sh("mknod null c 1 3; mknod gone c 0 0");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${scene.context}/socket`, resolve));
  try {
    await scene.copy({ sources: ["."], target: "/t" });
  } finally {
    server.close();
  }
  expect(scene.sh("cd $R/t; stat -c '%n %F %t %T' *")).toBe("f regular file 0 0\nnull character special file 1 3\n");
});

it("does not follow links of the target where they are to be replaced", async () => {
  await using scene = await copyScene({ f: "f", "d/f": "new" });
  scene.sh("cd $R; mkdir real there; chmod 1777 there; ln -s /real app; echo old >file; mkdir -p x/f/sub");
  await scene.copy({ sources: ["f"], target: "/app/", link: true });
  await scene.copy({ sources: ["d"], target: "/file", link: true });
  await scene.copy({ sources: ["f"], target: "/there/", link: true });
  await scene.copy({ sources: ["d"], target: "/x", link: true });
  expect(scene.sh("cd $R; find . -type f | sort; ls real; stat -c '%a %F' app there")).toBe(
    "./app/f\n./file/f\n./there/f\n./x/f\n755 directory\n1777 directory\n",
  );
  // Without a slash it is a file, whatever was there.
  await scene.copy({ sources: ["f"], target: "/there", link: true });
  expect(readFileSync(`${scene.rootfs}/there`, "utf8")).toBe("f");
});

it("writes what the Dockerfile itself holds", async () => {
  await using scene = await copyScene();
  const file = { name: "run.sh", content: { text: "#!/bin/sh\nä\n" }, modifiedAt: 1_000_000_000.5, mode: 0o644 };
  await scene.copy({ files: [file, { ...file, name: "b" }], target: "/bin/", chmod: "u+x" });
  await scene.copy({ files: [{ ...file, modifiedAt: null }], target: "/one", chown: "3:4" });
  expect(scene.sh("cd $R; cat one; stat -c '%n %a %u:%g %y' bin/run.sh; stat -c '%a %u:%g' one; ls bin")).toBe(
    "#!/bin/sh\nä\nbin/run.sh 744 0:0 2001-09-09 01:46:40.500000000 +0000\n644 3:4\nb\nrun.sh\n",
  );
  expect(Date.now() - Number(scene.sh("stat -c %Y $R/one")) * 1000).toBeLessThan(60_000);
});

it("puts fetched files where they belong, with their own mode and time", async () => {
  await using scene = await copyScene();
  mkdirSync(scene.root.join("fetched/repository/sub"), { recursive: true });
  scene.sh("cd ../fetched; echo x >file; chmod 777 file; echo y >repository/sub/y");
  const file = { name: "x.txt", content: { path: scene.root.join("fetched/file") }, modifiedAt: 1000, mode: 0o600 };
  const repository = {
    ...file,
    name: "r",
    content: { path: scene.root.join("fetched/repository") },
    isDirectory: true,
  };
  await scene.copy({ files: [file, repository], target: "/t/" });
  expect(scene.sh("cd $R/t; find . -type f | sort; stat -c '%a %Y' x.txt")).toBe("./sub/y\n./x.txt\n600 1000\n");
});

it("makes directories as WORKDIR wants them, and finds paths", async () => {
  await using scene = await copyScene();
  scene.sh("ln -s /real $R/link; touch $R/file");
  expect(await scene.copier.makeDirectory(scene.rootfs, "/link/a/b", { uid: 3, gid: 4 })).toBe(true);
  expect(await scene.copier.makeDirectory(scene.rootfs, "/real/a", null)).toBe(false);
  expect(scene.sh("stat -c '%a %u:%g' $R/real/a/b $R/real")).toBe("755 3:4\n755 3:4\n");
  await expect(scene.copier.makeDirectory(scene.rootfs, "/file/x", null)).rejects.toThrow("not a directory");
  expect(await scene.copier.locate(scene.rootfs, "/link/../link/a")).toBe(`${scene.rootfs}/real/a`);
  expect(await scene.copier.locate(scene.rootfs, "../..")).toBe(scene.rootfs);
  expect(await scene.copier.locate(scene.rootfs, "nope")).toBeNull();
});

it("says when the disk is full, and when it was cancelled", async () => {
  await using scene = await copyScene();
  scene.sh("head -c 3000000 /dev/urandom >big; mount -t tmpfs -o size=1m tmpfs $R");
  await expect(scene.copy({ sources: ["big"], target: "/" })).rejects.toMatchObject({ code: "resource-exhausted" });
  const work = { signal: AbortSignal.abort() };
  const wish = { ...{ sources: ["big"], files: [], target: "/", workingDirectory: "/", chown: null, chmod: null } };
  const rest = { parents: false, excludes: [], unpack: false, link: false, what: "" };
  const tree = { directory: scene.context, ignore: null, keepsOwners: false };
  await expect(scene.copier.copy(tree, { ...wish, ...rest }, scene.rootfs, work)).rejects.toMatchObject({
    code: "cancelled",
  });
});
