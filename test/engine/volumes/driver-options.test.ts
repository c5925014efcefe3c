import { describe, expect, it } from "vitest";
import { checkDriverOptions, driverMountOf, mountArguments, serverOf } from "../../../engine/volumes/driver-options.ts";

const check = (options: Record<string, string>) => () => checkDriverOptions("v", options);

describe("options of the driver local", () => {
  it("are docker's", () => {
    expect(check({})).not.toThrow();
    expect(check({ type: "tmpfs", device: "tmpfs", o: "size=100m,uid=1000" })).not.toThrow();
    expect(check({ type: "none", device: "/srv/data", o: "bind" })).not.toThrow();
    expect(check({ type: "nfs", device: ":/path/to/dir", o: "addr=192.168.1.1,rw" })).not.toThrow();
    expect(check({ type: "cifs", device: "//host/share", o: "addr=host,username=u,password=a b" })).not.toThrow();
    expect(check({ tpye: "tmpfs" })).toThrow('volume v: invalid option: "tpye"');
    expect(check({ type: "tmpfs" })).toThrow('missing required option: "device"');
    expect(check({ device: "/x" })).toThrow('missing required option: "type"');
    expect(check({ o: "bind" })).toThrow('missing required option: "type"');
    expect(check({ size: "1g" })).toThrow("no quotas");
  });

  it.each([
    [{ type: "-oloop", device: "x" }, "names no file system"],
    [{ type: "tmpfs,x", device: "x" }, "names no file system"],
    [{ type: "a b", device: "x" }, "names no file system"],
    [{ type: "tmpfs", device: "--help" }, "device"],
    [{ type: "tmpfs", device: "a\nb" }, "device"],
    [{ type: "tmpfs", device: "a\0b" }, "device"],
    [{ type: "none", device: "relative", o: "bind" }, "is not an absolute path"],
    [{ type: "none", device: "relative", o: "rbind,ro" }, "is not an absolute path"],
    [{ type: "tmpfs", device: "x", o: "rw,remount" }, '"remount" is not allowed'],
    [{ type: "tmpfs", device: "x", o: "move" }, '"move" is not allowed'],
    [{ type: "tmpfs", device: "x", o: "uhelper=evil" }, "is not allowed"],
    [{ type: "tmpfs", device: "x", o: "helper=evil" }, "is not allowed"],
    [{ type: "tmpfs", device: "x", o: "X-mount.mkdir" }, "is not allowed"],
    [{ type: "tmpfs", device: "x", o: "-t ext4" }, "is not allowed"],
    [{ type: "tmpfs", device: "x", o: "size=1\nnoexec" }, "is not allowed"],
    [{ type: "tmpfs", device: "x", o: "x".repeat(5000) }, "too long"],
  ])("refuse what mount would take for something else: %j", (options, reason) => {
    expect(check(options as Record<string, string>)).toThrow(reason);
  });
});

describe("mount(8)", () => {
  const args = (options: Record<string, string>, address: string | null = null) =>
    mountArguments(driverMountOf(options), "/target", address);

  it("gets each text as one argument, and runs no helper", () => {
    expect(args({ type: "tmpfs", device: "a b", o: "size=1m,,mode=700" })).toEqual([
      "-i",
      "-n",
      "-t",
      "tmpfs",
      "-o",
      "size=1m,mode=700",
      "--",
      "a b",
      "/target",
    ]);
    expect(args({ type: "ext4", device: "/dev/loop1" })).toEqual([
      "-i",
      "-n",
      "-t",
      "ext4",
      "--",
      "/dev/loop1",
      "/target",
    ]);
  });

  it("gets the address of a server by number, as docker's", () => {
    const nfs = { type: "nfs", device: ":/export", o: "addr=nas.example,vers=4" };
    expect(serverOf(driverMountOf(nfs))).toBe("nas.example");
    expect(args(nfs, "10.0.0.9")).toContain("vers=4,addr=10.0.0.9");
    expect(serverOf(driverMountOf({ type: "nfs", device: ":/export", o: "addr=10.0.0.9" }))).toBeNull();
    expect(serverOf(driverMountOf({ type: "nfs4", device: "nas:/export" }))).toBe("nas");
    expect(serverOf(driverMountOf({ type: "nfs", device: "[fe80::1]:/export" }))).toBe("fe80::1");
    expect(serverOf(driverMountOf({ type: "cifs", device: "//nas/share" }))).toBe("nas");
    expect(serverOf(driverMountOf({ type: "tmpfs", device: "nas:/x" }))).toBeNull();
  });
});
