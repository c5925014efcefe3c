/**
 * Section 5 ("Container Runtime") of the CIS Docker Benchmark as docker-bench-security 1.6 checks it with `docker inspect`: what a container
 * has without any flag, and what flags are said to give.
 */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { starterImage, startTestEngine, type TestEngine } from "../support/engine.ts";
import { gantryFor } from "../support/gantry-command.ts";

let engine: TestEngine;
let gantry: ReturnType<typeof gantryFor>;

beforeAll(async () => {
  engine = await startTestEngine();
  gantry = gantryFor(engine.config);
  await start("plain");
  await start("hardened", ...hardened);
  await start("careless", ...careless);
}, 60_000);
afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

const hardened = [
  ...["--memory", "64m", "--cpu-shares", "512", "--pids-limit", "100", "--read-only", "--restart", "on-failure:5"],
  ...["--security-opt", "no-new-privileges", "--cap-drop", "ALL", "--health-cmd", "true", "-p", "127.0.0.1:18734:80"],
  ...["--ulimit", "nofile=512:512", "--user", "1000:1000"],
];
const careless = [
  ...["--privileged", "--network", "host", "--pid", "host", "--ipc", "host", "--uts", "host", "--cap-add", "SYS_ADMIN"],
  ...[
    "-v",
    "/etc:/host-etc",
    "--security-opt",
    "seccomp=unconfined",
    "--device",
    "/dev/null:/dev/x",
    "--cgroupns",
    "host",
  ],
];

async function start(name: string, ...flags: string[]): Promise<void> {
  expect(await gantry(["run", "-d", "--name", name, ...flags, starterImage, "sleep", "300"])).toMatchObject({
    code: 0,
  });
}

async function inspect(name: string, format: string): Promise<string> {
  const { code, stdout, stderr } = await gantry(["inspect", "--format", format, name]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout.trim();
}

/** Number and name of the check; the format that the script gives to inspect; what passes. */
type Check = readonly [string, string, RegExp];

/** Checks that a container without any flag passes. */
const byDefault: readonly Check[] = [
  ["5.4 no added capabilities", "{{ .HostConfig.CapAdd }}", /^(\[\]|<no value>|<nil>)$/],
  ["5.5 not privileged", "{{ .HostConfig.Privileged }}", /^false$/],
  ["5.6 no sensitive host directory", "{{ range .Mounts }}{{ .Source }} {{ end }}", /^$/],
  ["5.9 only needed ports", "{{ .NetworkSettings.Ports }}", /^map\[\]$/],
  ["5.10 not on the host's network", "{{ .HostConfig.NetworkMode }}", /^(?!host$)/],
  ["5.16 not in the host's pid namespace", "{{ .HostConfig.PidMode }}", /^$/],
  ["5.17 not in the host's ipc namespace", "{{ .HostConfig.IpcMode }}", /^private$/],
  ["5.18 no devices", "{{ .HostConfig.Devices }}", /^(\[\]|<no value>|<nil>)$/],
  ["5.20 no shared propagation", "{{ range .Mounts }}{{ .Propagation }} {{ end }}", /^(?!.*shared)/],
  ["5.21 not in the host's uts namespace", "{{ .HostConfig.UTSMode }}", /^$/],
  ["5.22 the default seccomp profile", "{{ .HostConfig.SecurityOpt }}", /^(?!.*unconfined)/],
  ["5.25 its own cgroup parent", "{{ .HostConfig.CgroupParent }}", /^$/],
  ["5.31 not in the host's user namespace by wish", "{{ .HostConfig.UsernsMode }}", /^$/],
  ["5.32 no engine's socket inside", "{{ range .Mounts }}{{ .Source }} {{ end }}", /^(?!.*\.sock)/],
];

/** Checks that need a flag, of which a container without it is warned. */
const byFlag: readonly Check[] = [
  ["5.11 a limit of memory", "{{ .HostConfig.Memory }}", /^[1-9]\d+$/],
  ["5.12 a share of processors", "{{ .HostConfig.CpuShares }}", /^(?!0$|1024$)\d+$/],
  ["5.13 a read-only root", "{{ .HostConfig.ReadonlyRootfs }}", /^true$/],
  [
    "5.14 ports on one address",
    "{{ range $p, $c := .NetworkSettings.Ports }}{{ (index $c 0).HostIp }}{{ end }}",
    /^127\.0\.0\.1$/,
  ],
  [
    "5.15 restarts on failure, five times",
    "{{ .HostConfig.RestartPolicy.Name }}:{{ .HostConfig.RestartPolicy.MaximumRetryCount }}",
    /^on-failure:5$/,
  ],
  ["5.19 ulimits", "{{ range .HostConfig.Ulimits }}{{ .Name }}={{ .Soft }}:{{ .Hard }}{{ end }}", /^nofile=512:512$/],
  ["5.26 no new privileges", "{{ .HostConfig.SecurityOpt }}", /no-new-privileges/],
  ["5.27 health is looked after", "{{ .State.Health.Status }}", /^(starting|healthy)$/],
  ["5.29 a limit of pids", "{{ .HostConfig.PidsLimit }}", /^100$/],
  ["4.1 a user but root", "{{ .Config.User }}", /^1000:1000$/],
];

it.each(byDefault)("%s: without any flag", async (_name, format, passes) => {
  expect(await inspect("plain", format)).toMatch(passes);
});

it.each([...byDefault.filter(([name]) => !/^5\.(9) /.test(name)), ...byFlag])(
  "%s: with the flags for it",
  async (_name, format, passes) => {
    expect(await inspect("hardened", format)).toMatch(passes);
  },
);

it("5.2 an AppArmor profile where the kernel has AppArmor", async () => {
  const wanted = existsSync("/sys/module/apparmor/parameters/enabled") ? /^(?!unconfined$).+/ : /^$/;
  expect(await inspect("plain", "{{ .AppArmorProfile }}")).toMatch(wanted);
});

it("5.8 no privileged port, and 5.3 no SELinux label, where none was asked for", async () => {
  expect(await inspect("plain", "{{ .HostConfig.PortBindings }}")).toBe("map[]");
  expect(await inspect("plain", "{{ .ProcessLabel }}")).toBe("");
});

describe("what is careless", () => {
  /** A check that hides what was done would be worse than none. */
  it.each([
    ["5.4", "{{ .HostConfig.CapAdd }}", /SYS_ADMIN/],
    ["5.5", "{{ .HostConfig.Privileged }}", /^true$/],
    ["5.6", "{{ range .Mounts }}{{ .Source }}:{{ .RW }} {{ end }}", /^\/etc:true$/],
    ["5.10", "{{ .HostConfig.NetworkMode }}", /^host$/],
    ["5.16", "{{ .HostConfig.PidMode }}", /^host$/],
    ["5.17", "{{ .HostConfig.IpcMode }}", /^host$/],
    ["5.18", "{{ range .HostConfig.Devices }}{{ .PathOnHost }}{{ end }}", /^\/dev\/null$/],
    ["5.21", "{{ .HostConfig.UTSMode }}", /^host$/],
    ["5.22", "{{ .HostConfig.SecurityOpt }}", /seccomp[:=]unconfined/],
    ["cgroup namespace", "{{ .HostConfig.CgroupnsMode }}", /^host$/],
  ])("%s is told as it is", async (_name, format, told) => {
    expect(await inspect("careless", format)).toMatch(told);
  });
});

describe("what inspect says is so in the kernel", () => {
  const status = async (name: string) => (await gantry(["exec", name, "cat", "/proc/1/status"])).stdout;

  it("of the hardened one", async () => {
    const text = await status("hardened");
    expect(text).toMatch(/CapEff:\s+0+\n/);
    expect(text).toMatch(/CapBnd:\s+0+\n/);
    expect(text).toMatch(/NoNewPrivs:\s+1/);
    expect(text).toMatch(/Seccomp:\s+2/);
    expect(text).toMatch(/Uid:\s+1000\s+1000/);
    expect((await gantry(["exec", "hardened", "touch", "/x"])).stderr).toMatch(/Read-only file system/);
  });

  it("of the plain one", async () => {
    const text = await status("plain");
    expect(text).toMatch(/CapEff:\s+00000000a80425fb/);
    expect(text).toMatch(/Seccomp:\s+2/);
  });
});
