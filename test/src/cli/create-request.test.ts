import { describe, expect, it } from "vitest";
import { createRequest } from "../../../engine/protocol/create-request.ts";
import { emptyCreateRequest, unlimited } from "../../../engine/protocol/defaults.ts";
import { Cli } from "../../../src/cli/cli.ts";
import { newCommand, settleBooleans } from "../../../src/cli/command.ts";
import { addCreateOptions, type CreateOptions } from "../../../src/cli/create-flags.ts";
import { toCreateRequest } from "../../../src/cli/create-request.ts";

const here = { directory: "/here", environment: { HOME: "/root" } };

/** Of docker 28's `docker run --help`. */
const flagsOfDocker = (
  "add-host annotation attach blkio-weight blkio-weight-device cap-add cap-drop cgroup-parent cgroupns cidfile cpu-count " +
  "cpu-percent cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares cpus cpuset-cpus cpuset-mems device " +
  "device-cgroup-rule device-read-bps device-read-iops device-write-bps device-write-iops disable-content-trust dns " +
  "dns-option dns-search domainname entrypoint env env-file expose gpus group-add health-cmd health-interval " +
  "health-retries health-start-interval health-start-period health-timeout hostname init interactive io-maxbandwidth " +
  "io-maxiops ip ip6 ipc isolation kernel-memory label label-file link link-local-ip log-driver log-opt mac-address memory " +
  "memory-reservation memory-swap memory-swappiness mount name network network-alias no-healthcheck oom-kill-disable " +
  "oom-score-adj pid pids-limit platform privileged publish publish-all pull quiet read-only restart rm runtime " +
  "security-opt shm-size stop-signal stop-timeout storage-opt sysctl tmpfs tty ulimit use-api-socket user userns uts " +
  "volume volume-driver volumes-from workdir"
).split(" ");

/** What a command line becomes. */
function requestOf(...args: string[]) {
  const command = addCreateOptions(newCommand(new Cli(), "run", "", "")).option("-d, --detach");
  let request = emptyCreateRequest("");
  command.action((image: string, words: string[], options: CreateOptions) => {
    request = toCreateRequest(image, words, options, here);
  });
  command.parse(settleBooleans(command, args), { from: "user" });
  return createRequest.parse(request);
}

describe("run and create", () => {
  it("ask for nothing by themselves", () => {
    expect(requestOf("img")).toEqual(emptyCreateRequest("img"));
  });

  it("know every flag of docker's", () => {
    const known = new Set(addCreateOptions(newCommand(new Cli(), "run", "", "")).options.map(({ long }) => long));
    expect(flagsOfDocker.filter((flag) => !known.has(`--${flag}`))).toEqual([]);
    expect(requestOf("--net", "web", "--net-alias", "a", "--dns-opt", "ndots:1", "img")).toMatchObject({
      endpoints: { web: { aliases: ["a"] } },
      dnsOptions: ["ndots:1"],
    });
  });

  it("leave what follows the image to the container", () => {
    const request = requestOf("-itd", "--rm", "img", "sh", "-c", "echo", "--rm=false", "-e", "A=1");
    expect(request).toMatchObject({ terminal: true, openStdin: true, autoRemove: true, environment: [] });
    expect(request.command).toEqual(["sh", "-c", "echo", "--rm=false", "-e", "A=1"]);
  });

  it("take clusters, glued values and booleans with a value", () => {
    const request = requestOf("-itp8080:80", "-eA=1", "-eHOME", "--init=true", "--read-only=false", "img");
    expect(request).toMatchObject({ terminal: true, openStdin: true, init: true, readOnlyRootfs: false });
    expect(request.ports).toHaveLength(1);
    expect(request.environment).toEqual(["A=1", "HOME=/root"]);
  });

  it("let the last of several booleans win, as Go's flags do", () => {
    expect(requestOf("--rm", "-i", "--rm=false", "-i=0", "--init=T", "img")).toMatchObject({
      autoRemove: false,
      openStdin: false,
      init: true,
    });
    expect(requestOf("-e=A=1", "-m=64m", "img")).toMatchObject({
      environment: ["A=1"],
      resources: { memory: 64 * 1024 * 1024 },
    });
  });

  it("take 0 for no limit, and a variable that is not set here away", () => {
    expect(requestOf("-m", "0", "--cpus", "0", "--memory-swap", "0", "img").resources).toEqual(unlimited);
    expect(requestOf("--shm-size", "0", "-p", "0:80", "img")).toMatchObject({
      shmSize: null,
      ports: [{ hostPort: null }],
    });
    expect(requestOf("-e", "NOT_HERE", "img").environment).toEqual(["NOT_HERE"]);
  });

  it("expose ports, and offer several host ports for one", () => {
    expect(requestOf("--expose", "80-81", "--expose", "53/udp", "img").expose).toEqual(["80/tcp", "81/tcp", "53/udp"]);
    expect(() => requestOf("--expose", "80:80", "img")).toThrow('invalid --expose "80:80"');
    expect(requestOf("-p", "8000-8010:80", "img").ports).toEqual([
      { hostAddress: "", hostPort: 8000, hostPortLast: 8010, containerPort: 80, protocol: "tcp" },
    ]);
    expect(() => requestOf("-p", "8000-8010:80-81", "img")).toThrow("differ in length");
  });

  it("do not take the value of a flag for a boolean", () => {
    expect(requestOf("-e", "--init=true", "--name", "x", "img")).toMatchObject({
      environment: ["--init=true"],
      init: false,
      name: "x",
    });
  });

  it("drop the image's command with its entrypoint", () => {
    expect(requestOf("--entrypoint", "sh", "img")).toMatchObject({ entrypoint: ["sh"], command: [] });
    expect(requestOf("--entrypoint", "", "img", "ls")).toMatchObject({ entrypoint: [], command: ["ls"] });
  });

  it("read limits", () => {
    const request = requestOf("-m", "64m", "--memory-swap", "-1", "--cpus", "1.5", "--pids-limit", "-1", "img");
    expect(request.resources).toMatchObject({
      memory: 67108864,
      memorySwap: -1,
      nanoCpus: 1_500_000_000,
      pidsLimit: null,
    });
  });

  it("take every limit, and what they leave alone stays", () => {
    const cpu = ["--cpu-quota", "50000", "--cpu-period", "100000", "--cpuset-mems", "0", "--cpu-rt-runtime", "9"];
    const block = [
      "--blkio-weight",
      "300",
      "--device-write-bps",
      "/dev/sda:1mb",
      "--blkio-weight-device",
      "/dev/sda:10",
    ];
    const memory = ["--memory-swappiness", "0", "--oom-kill-disable", "--kernel-memory", "1m"];
    expect(requestOf(...cpu, ...block, ...memory, "img").resources).toEqual({
      ...unlimited,
      cpuQuota: 50_000,
      cpuPeriod: 100_000,
      cpuRealtimeRuntime: 9,
      cpusetMems: "0",
      blkioWeight: 300,
      blkioDeviceWriteBps: [{ path: "/dev/sda", value: 1048576 }],
      blkioWeightDevice: [{ path: "/dev/sda", value: 10 }],
      memorySwappiness: 0,
      oomKillDisable: true,
    });
    expect(requestOf("--memory-swappiness", "-1", "img").resources).toEqual(unlimited);
  });

  it("take the rest of docker's flags", () => {
    const place = ["--network", "net", "--network-alias", "web", "--domainname", "d", "--ipc=host", "--userns=auto"];
    const life = ["--health-cmd", "true", "--log-driver", "none", "--annotation", "a=b", "--runtime", "crun"];
    const more = ["--cgroup-parent", "/x", "--device-cgroup-rule", "c 1:* r", "--volumes-from", "db", "-v", "data:/d"];
    expect(
      requestOf(...place, ...life, ...more, "--volume-driver", "x", "--no-healthcheck=false", "img"),
    ).toMatchObject({
      network: "net",
      endpoints: { net: { aliases: ["web"] } },
      domainname: "d",
      ipcMode: "host",
      usernsMode: "auto",
      healthcheck: { test: ["CMD-SHELL", "true"] },
      log: { driver: "none" },
      annotations: { a: "b" },
      runtime: "crun",
      cgroupParent: "/x",
      deviceCgroupRules: ["c 1:* r"],
      volumesFrom: ["db"],
      mounts: [{ type: "volume", source: "data", target: "/d", volume: { driver: "x" } }],
    });
    expect(requestOf("--no-healthcheck", "img").healthcheck?.test).toEqual(["NONE"]);
    expect(requestOf("--isolation", "default", "img")).toEqual(emptyCreateRequest("img"));
  });

  it("take -h for the host name", () => {
    expect(requestOf("-h", "box", "img").hostname).toBe("box");
  });

  it.each([
    [["--rm", "--restart", "always", "img"], "--rm and --restart exclude each other"],
    [["-v", "/a:/x", "--tmpfs", "/x", "img"], "two mounts at /x"],
    [["--env-file", "/no/such", "img"], "read /no/such: ENOENT"],
    [["--sysctl", "x", "img"], "want name=value"],
    [["--link", "a:b", "img"], "--link is not supported"],
    [["--gpus", "all", "img"], "--gpus is not supported"],
    [["--storage-opt", "size=1g", "img"], "--storage-opt is not supported"],
    [["--cpu-count", "2", "img"], "Windows only"],
    [["--isolation", "hyperv", "img"], "Linux has only default"],
    [["--cpus", "1", "--cpu-quota", "5", "img"], "conflicting options: --cpus"],
    [["--memory-swappiness", "101", "img"], "invalid --memory-swappiness"],
    [["--blkio-weight", "5", "img"], "invalid --blkio-weight"],
    [["--nope", "img"], "unknown option '--nope'"],
    [[], "missing required argument 'image'"],
  ])("refuse %j", (args, message) => {
    expect(() => requestOf(...args)).toThrow(message);
  });
});
