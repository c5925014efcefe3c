import { describe, expect, it } from "vitest";
import { chooseProfile, formatProfile, hasAppArmor, parseProfiles } from "../../../engine/host/apparmor.ts";

describe("a container's AppArmor profile", () => {
  const choose = (wish: Partial<Parameters<typeof chooseProfile>[0]>, available = true) =>
    chooseProfile(
      { apparmor: "", privileged: false, ...wish },
      { available, own: "gantry-default", isLoaded: (name) => name === "nginx" },
    );

  it("is the engine's own, none for a privileged one, or the one that was named", () => {
    expect(choose({})).toBe("gantry-default");
    expect(choose({ privileged: true })).toBe("unconfined");
    expect(choose({ apparmor: "unconfined" })).toBe("unconfined");
    expect(choose({ apparmor: "nginx", privileged: true })).toBe("nginx");
    expect(() => choose({ apparmor: "apache" })).toThrow("AppArmor profile apache is not loaded");
  });

  it("is none where the kernel has no AppArmor, and a sentence for who asked for one", () => {
    expect(choose({}, false)).toBeNull();
    expect(choose({ apparmor: "unconfined" }, false)).toBeNull();
    expect(() => choose({ apparmor: "nginx" }, false)).toThrow(
      "AppArmor profile nginx cannot be used: this host has no AppArmor",
    );
    expect(typeof hasAppArmor()).toBe("boolean");
  });
});

describe("the engine's own profile", () => {
  it("denies what docker-default denies", () => {
    const text = formatProfile("gantry-default", new Set(["abi/3.0", "tunables/global", "abstractions/base"]));
    expect(text.split("\n").slice(0, 4)).toEqual([
      "abi <abi/3.0>,",
      "#include <tunables/global>",
      'profile "gantry-default" flags=(attach_disconnected,mediate_deleted) {',
      "  #include <abstractions/base>",
    ]);
    for (const rule of [
      "deny mount,",
      "deny network alg,",
      "deny @{PROC}/* w,",
      "deny @{PROC}/sysrq-trigger rwklx,",
      "deny @{PROC}/sys/kernel/{?,??,[^s][^h][^m]**} w,",
      "deny /sys/firmware/** rwklx,",
      "deny /sys/kernel/security/** rwklx,",
      'signal (send,receive) peer="gantry-default",',
      'ptrace (trace,read,tracedby,readby) peer="gantry-default",',
    ]) {
      expect(text).toContain(`  ${rule}\n`);
    }
  });

  it("needs nothing of the distribution's", () => {
    expect(formatProfile("own", new Set())).not.toContain("include");
    expect(formatProfile("own", new Set()).split("\n")[0]).toBe("@{PROC}=/proc/");
  });

  it("is found in the kernel's list", () => {
    expect(parseProfiles("docker-default (enforce)\n/usr/bin/man (complain)\nmy app (enforce)\n")).toEqual(
      new Set(["docker-default", "/usr/bin/man", "my app"]),
    );
  });
});
