import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { expect, it } from "vitest";
import { copyScene } from "../support/copy-scene.ts";

it("copies a file to a name, and into a directory", async () => {
  await using scene = await copyScene({ "a.txt": "hello", "d/b.txt": "b" });
  scene.sh("chmod 4750 a.txt; touch -d '2020-02-03 04:05:06.123456789Z' a.txt; mkdir $R/there");
  await scene.copy({ sources: ["a.txt"], target: "new/name" });
  await scene.copy({ sources: ["a.txt"], target: "/there" });
  await scene.copy({ sources: ["a.txt", "d/b.txt"], target: "dir/", workingDirectory: "/w" });
  const [a, new_] = [`${scene.rootfs}/new/name`, `${scene.rootfs}/new`];
  expect(readFileSync(a, "utf8")).toBe("hello");
  expect(scene.sh("stat -c '%a %u:%g %y' $R/new/name; stat -c %a $R/new")).toBe(
    "4750 0:0 2020-02-03 04:05:06.123456789 +0000\n755\n",
  );
  expect(lstatSync(new_).isDirectory()).toBe(true);
  expect(scene.sh("cd $R; find there w | sort")).toBe("there\nthere/a.txt\nw\nw/dir\nw/dir/a.txt\nw/dir/b.txt\n");
});

it("copies what is in a directory, links as links, and linked files as linked", async () => {
  await using scene = await copyScene({ "d/x": "x", "d/s/y": "y" });
  scene.sh("cd d; ln x x2; ln -s /etc/passwd abs; ln -s ../../up rel; mkfifo -m 620 s/fifo; mkdir -m 1777 empty");
  await scene.copy({ sources: ["d"], target: "/app" });
  expect(readlinkSync(`${scene.rootfs}/app/abs`)).toBe("/etc/passwd");
  expect(scene.sh("cd $R/app; find . | sort; stat -c '%h %F %a' x s/fifo empty")).toBe(
    `${[".", "./abs", "./empty", "./rel", "./s", "./s/fifo", "./s/y", "./x", "./x2"].join("\n")}\n` +
      "2 regular file 644\n1 fifo 620\n2 directory 1777\n",
  );
});

it("says what is not there in docker's words", async () => {
  await using scene = await copyScene({ a: "a" });
  await expect(scene.copy({ sources: ["nope"], target: "/" })).rejects.toMatchObject({
    code: "not-found",
    message: '"/nope": not found',
  });
  await expect(scene.digest({ sources: ["../etc/passwd"], target: "/" })).rejects.toThrow('"/etc/passwd": not found');
});
