import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { runDocker } from "../support/docker-client.ts";
import { starterImage } from "../support/engine.ts";
import { engineOfFile } from "../support/engine-of-file.ts";

const { engine } = engineOfFile();
const docker = (...args: string[]) => runDocker(engine, ...args);
const failure = (...args: string[]) =>
  docker(...args).then(
    () => ({ code: 0, stderr: "" }),
    (error: { code: number; stderr: string }) => ({ code: error.code, stderr: error.stderr }),
  );
const run = (name: string, ...flags: string[]) =>
  docker("run", "-d", "--init", "--name", name, ...flags, starterImage, "sleep", "1000");

describe("docker's own command line", () => {
  it("lists, names, changes and ends containers", async () => {
    const id = await run("web", "--label", "tier=front", "-p", "127.0.0.1::80");
    await docker("create", "--name", "idle", starterImage, "true");
    expect(await docker("ps", "--format", "{{.Names}} {{.State}} {{.Image}}")).toBe(`web running ${starterImage}`);
    expect(await docker("ps", "-aq", "--no-trunc", "--filter", "label=tier")).toBe(id);
    expect(await docker("ps", "-a", "--format", "{{.Names}}: {{.Status}}")).toMatch(
      /^idle: Created\nweb: Up (Less than a|\d+) second/,
    );
    expect(await docker("ps", "-a", "-s", "--format", "{{.Size}}", "--filter", "name=web")).toMatch(/virtual \d/);
    expect(await docker("port", "web")).toMatch(/^80\/tcp -> 127\.0\.0\.1:\d+$/);
    expect(await docker("port", "web", "80")).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(await docker("inspect", "--type", "container", "-f", "{{.Name}} {{.State.Running}}", "web", "idle")).toBe(
      "/web true\n/idle false",
    );
    expect(await docker("inspect", "-s", "-f", "{{.SizeRootFs}}", "web")).toMatch(/^\d{6,}$/);
    await docker("rename", "web", "site");
    await docker("update", "-m", "64m", "--memory-swap", "-1", "--restart", "unless-stopped", "site");
    expect(await docker("inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}}", "site")).toBe(
      "67108864 unless-stopped",
    );
    await docker("pause", "site");
    expect(await docker("ps", "--format", "{{.Status}}")).toMatch(/\(Paused\)$/);
    await docker("unpause", "site");
    expect(await docker("top", "site", "-o", "pid,args")).toMatch(/^PID +COMMAND\n[\s\S]*sleep 1000/);
    await docker("kill", "-s", "TERM", "site");
    expect(await docker("wait", "site")).toBe("143");
    await docker("start", "site");
    await docker("restart", "-t", "0", "site");
    await docker("stop", "-t", "0", "site");
    expect(await docker("diff", "site")).toBe("");
    expect(await docker("container", "prune", "-f")).toContain(id);
    expect(await docker("ps", "-aq")).toBe("");
  });

  it("says what is wrong, with its own exit codes", async () => {
    expect(await failure("start", "nosuch")).toMatchObject({
      stderr: expect.stringContaining("No such container: nosuch"),
    });
    expect(await failure("inspect", "nosuch")).toMatchObject({
      stderr: expect.stringContaining("No such object: nosuch"),
    });
    expect(await failure("rm", "-f", "nosuch")).toMatchObject({ code: 0 });
    expect(await failure("run", "-d", starterImage, "no-such-command")).toMatchObject({ code: 127 });
    expect(await failure("run", "-d", starterImage, "/etc")).toMatchObject({ code: 126 });
    expect(await failure("run", "-d", "--memory", "1k", starterImage, "true")).toMatchObject({ code: 125 });
    await run("taken");
    expect(await failure("run", "-d", "--name", "taken", starterImage, "true")).toMatchObject({
      code: 125,
      stderr: expect.stringContaining('The container name "/taken" is already in use by container'),
    });
    expect(await failure("rm", "taken")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cannot remove container "/taken": container is running'),
    });
    await docker("rm", "-f", ...(await docker("ps", "-aq")).split("\n"));
  });

  it("takes every flag of run that the engine has", async () => {
    await docker("network", "create", "--subnet", "10.96.0.0/24", "front");
    await run(
      "full",
      ...["-v", "/tmp:/b:ro", "-v", "kept:/c", "-v", "/anonymous", "--tmpfs", "/run2:size=1m"],
      ...["--mount", "type=bind,src=/tmp,dst=/t,readonly,bind-recursive=writable"],
      ...["--mount", "type=tmpfs,dst=/tm,tmpfs-mode=1770,tmpfs-size=1m", "--mount", "type=volume,dst=/vv"],
      ...["--network", "front", "--network-alias", "alias", "--ip", "10.96.0.77", "--mac-address", "92:d0:c6:0a:29:33"],
      ...["-p", "53/udp", "--expose", "90", "--add-host", "db:1.1.1.1", "--dns", "1.1.1.1", "--hostname", "host"],
      ...["-m", "64m", "--cpus", "1.5", "--pids-limit", "100", "--cpu-shares", "512", "--cpuset-cpus", "0"],
      ...["--memory-reservation", "32m", "--memory-swap", "128m", "--shm-size", "32m", "--oom-score-adj", "100"],
      ...["--security-opt", "seccomp=unconfined", "--security-opt", "systempaths=unconfined"],
      ...[
        "--security-opt",
        "no-new-privileges",
        "--cap-add",
        "NET_ADMIN",
        "--cap-drop",
        "ALL",
        "--device",
        "/dev/fuse",
      ],
      ...["--ulimit", "nofile=64:128", "--sysctl", "net.ipv4.ip_forward=1", "--group-add", "3", "-u", "1000:1000"],
      ...["--restart", "on-failure:3", "--stop-timeout", "3", "--stop-signal", "INT", "--annotation", "a=b"],
      ...["--health-cmd", "true", "--health-interval", "1s", "--log-driver", "json-file", "--log-opt", "max-size=1m"],
      ...["--label", "x=y", "-e", "A=b", "-w", "/tmp", "--ipc", "shareable", "--cgroupns", "private", "--read-only"],
    );
    const format = [
      "{{.HostConfig.Binds}} {{.HostConfig.SecurityOpt}} {{.HostConfig.MaskedPaths}} {{.HostConfig.NanoCpus}}",
      "{{(index .NetworkSettings.Networks `front`).IPAddress}} {{.Config.StopTimeout}} {{.HostConfig.LogConfig.Type}}",
      "{{.HostConfig.ReadonlyRootfs}} {{len .Mounts}}",
    ].join(" ");
    const shown = await docker("inspect", "-f", format, "full");
    // docker's command line sends them in any order.
    expect(shown.replace("[kept:/c /tmp:/b:ro]", "[/tmp:/b:ro kept:/c]")).toBe(
      "[/tmp:/b:ro kept:/c] [no-new-privileges seccomp=unconfined] [] 1500000000 10.96.0.77 3 json-file true 6",
    );
    await docker("rm", "-fv", "full");
    await docker("volume", "rm", "kept");
    await docker("network", "rm", "front");
  });

  it("shows what containers use", async () => {
    await run("busy");
    await run("busier");
    await sleep(1200);
    const lines = (await docker("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}} {{.MemUsage}}")).split("\n");
    expect(lines.sort()).toEqual([
      expect.stringMatching(/^busier 2 \d\S+ \/ \d/),
      expect.stringMatching(/^busy 2 \d\S+ \/ \d/),
    ]);
    expect(await docker("stats", "--no-stream", "--format", "{{.Name}} {{.CPUPerc}}", "busy")).toMatch(/^busy \d/);
    await docker("rm", "-f", "busy", "busier");
  });
});
