/** Where a script that was written for docker looks: exit codes, what stands on which stream, and the fields of inspect. */
import { describe, expect, it } from "vitest";
import { commandsOfFile } from "../support/commands-of-file.ts";
import { starterImage } from "../support/engine.ts";

const image = starterImage;
const { gantry, out, inspect } = commandsOfFile();

describe("exit codes", () => {
  it.each([
    [["true"], 0],
    [["sh", "-c", "exit 7"], 7],
    [["no-such-command"], 127],
    [["/etc/passwd"], 126],
    [["/etc"], 126],
    [["sh", "-c", "kill -TERM $$; sleep 1; exit 3"], 3],
  ])("of run: %j gives %i", async (command, code) => {
    expect((await gantry(["run", "--rm", image, ...command])).code).toBe(code);
    expect(await out("ps", "-aq")).toBe("");
  });

  it.each([
    [["--pull", "never", "no-such-image", "true"], 125],
    [["--no-such-flag", image, "true"], 125],
    [["-w", "relative", image, "true"], 125],
    [["-u", "nobody-here", image, "true"], 125],
    [["--cap-add", "NO_SUCH", image, "true"], 125],
    [["--security-opt", "no=such", image, "true"], 125],
    [["--stop-signal", "NO_SUCH", image, "true"], 125],
    [["--device", "/dev/no-such", image, "true"], 125],
    [["--env-file", "/no/such/file", image, "true"], 125],
    [["--ulimit", "nofile=200:100", image, "true"], 125],
    [["--memory", "20m", "--memory-swap", "10m", image, "true"], 125],
    [["--restart", "always", image, "true"], 125],
    [["--entrypoint", "", image], 125],
    [[], 1],
  ])("of run that is refused: %j gives %i, says why and leaves nothing", async (args, code) => {
    const result = await gantry(["run", "--rm", ...args]);
    expect(result).toMatchObject({ code, stdout: "" });
    expect(result.stderr).toMatch(/^gantry: /);
    expect(await out("ps", "-aq")).toBe("");
  });

  // Seen of docker 28.2: what its engine refuses is 1 for create, what its client refuses 125; for run all is 125.
  it.each([
    [["--name", "q"], 1],
    [["--name", "a b"], 1],
    [["--cpus", "1", "--cpu-quota", "50000"], 1],
    [["--cpus", "999"], 1],
    [["-m", "1m"], 1],
    [["--restart", "sometimes"], 1],
    [["--restart", "always:3"], 1],
    [["--restart", "on-failure:x"], 125],
    [["-v", "rel/path:/x"], 1],
    [["-v", "/x:rel"], 1],
    [["-v", ":/x"], 125],
    [["--mount", "type=foo,dst=/x"], 1],
    [["--mount", "type=volume,dst="], 125],
    [["--tmpfs", "rel"], 1],
    [["--security-opt", "no=such"], 1],
    [["--security-opt", "seccomp=/no/such"], 125],
    [["--env-file", "/no/such"], 125],
    [["--ip", "1.2.3"], 1],
    [["--dns", "nope"], 125],
    [["--add-host", "foo:bar"], 125],
    [["--oom-score-adj", "2000"], 1],
    [["--oom-score-adj", "x"], 125],
    [["--log-driver", "nope"], 1],
    [["--cpus", "x"], 125],
  ])("of create that is refused: %j gives %i, and of run 125", async (flags, code) => {
    const [created, run] = await Promise.all(["create", "run"].map((verb) => gantry([verb, ...flags, image, "true"])));
    const refused = { stdout: "", stderr: expect.stringMatching(/^gantry: /) };
    expect(created).toMatchObject({ ...refused, code });
    expect(run).toMatchObject({ ...refused, code: 125 });
    expect(await out("ps", "-aq")).toBe("");
  });

  it("of a container that was killed, also for lack of memory", async () => {
    expect((await gantry(["run", "--rm", "--init", image, "sh", "-c", 'sh -c "kill -9 \\$\\$"'])).code).toBe(137);
    const greedy = ["-m", "32m", "--memory-swap", "32m", image, "sh", "-c", "x=a; while :; do x=$x$x; done"];
    expect((await gantry(["run", "--name", "greedy", ...greedy])).code).toBe(137);
    expect(await inspect("{{.State.OOMKilled}} {{.State.ExitCode}} {{.State.Status}}", "greedy")).toBe(
      "true 137 exited",
    );
  });

  it("of exec: the command's, 127 not found, 126 not to be run, 1 no container", async () => {
    await gantry(["run", "-d", "--name", "host", image, "sleep", "100"]);
    const codeOf = async (...args: string[]) => (await gantry(["exec", ...args])).code;
    expect(await codeOf("host", "sh", "-c", "exit 42")).toBe(42);
    expect(await codeOf("host", "sh", "-c", "kill -9 $$")).toBe(137);
    expect(await codeOf("host", "no-such-command")).toBe(127);
    expect(await codeOf("host", "/etc/passwd")).toBe(126);
    expect(await codeOf("-w", "/no/such", "host", "true")).toBe(126);
    expect(await codeOf("-u", "nobody-here", "host", "true")).toBe(126);
    expect(await codeOf("nobody", "true")).toBe(1);
    await gantry(["stop", "-t", "0", "host"]);
    expect(await codeOf("host", "true")).toBe(1);
  });

  it("of a stop: 143 where the process obeys, 137 where it has to be killed, its own where it says so", async () => {
    await gantry(["run", "-d", "--name", "obeys", "--init", image, "sleep", "100"]);
    await gantry(["run", "-d", "--name", "deaf", "--stop-timeout", "1", image, "sleep", "100"]);
    const script = "trap 'exit 5' INT; echo up; while :; do sleep 0.1; done";
    await gantry(["run", "-d", "--name", "own", "--stop-signal", "INT", image, "sh", "-c", script]);
    while ((await out("logs", "own")) === "");
    expect((await gantry(["stop", "obeys", "deaf", "own"])).stdout).toBe("obeys\ndeaf\nown\n");
    expect(await out("wait", "obeys", "deaf", "own")).toBe("143\n137\n5\n");
  });
});

describe("removal by force", () => {
  it("is content with what is gone, but does not claim to have removed it", async () => {
    await gantry(["create", "--name", "there", image, "true"]);
    const result = await gantry(["rm", "-f", "nobody", "there"]);
    expect(result).toMatchObject({ code: 0, stdout: "there\n" });
    expect(result.stderr).toContain("no such container: nobody");
    expect(await gantry(["rm", "nobody"])).toMatchObject({ code: 1, stdout: "" });
    expect(await gantry(["rmi", "-f", "nothing"])).toMatchObject({ code: 0, stdout: "" });
    expect(await gantry(["rmi", "nothing"])).toMatchObject({ code: 1, stdout: "" });
  });

  it("is needed for what runs", async () => {
    await gantry(["run", "-d", "--name", "busy", image, "sleep", "100"]);
    expect(await gantry(["rm", "busy"])).toMatchObject({ code: 1, stdout: "" });
    expect(await gantry(["rm", "-f", "busy"])).toMatchObject({ code: 0, stdout: "busy\n" });
  });
});

describe("stdin", () => {
  it("reaches a container from create, start and attach alike, and ends", async () => {
    const reader = ["sh", "-c", "read x; echo got $x; exit 6"];
    expect(await gantry(["run", "--rm", "-i", image, ...reader], { input: "a\n" })).toEqual({
      code: 6,
      stdout: "got a\n",
      stderr: "",
    });
    expect(await gantry(["run", "--rm", image, ...reader], { input: "a\n" })).toMatchObject({ stdout: "got\n" });
    await gantry(["create", "-i", "--name", "twice", image, "cat"]);
    for (const input of ["one\n", "two\n"]) {
      expect(await gantry(["start", "-ai", "twice"], { input })).toEqual({ code: 0, stdout: input, stderr: "" });
    }
    await gantry(["start", "twice"]);
    expect(await gantry(["attach", "twice"], { input: "three\n" })).toMatchObject({ code: 0, stdout: "three\n" });
  });

  it("has to be a terminal for -it", async () => {
    expect(await gantry(["run", "--rm", "-it", image, "true"])).toMatchObject({ code: 1, stdout: "" });
    expect((await gantry(["run", "--rm", "-t", image, "tty"])).stdout).toBe("/dev/pts/0\r\n");
    expect(await gantry(["run", "-itd", "--name", "shell", image, "sh"])).toMatchObject({ code: 0 });
    expect(await gantry(["attach", "shell"])).toMatchObject({ code: 1 });
  });
});

describe("restart policies", () => {
  it("count, give up, and leave alone what a person stopped", async () => {
    await gantry(["run", "-d", "--name", "fails", "--restart", "on-failure:2", image, "sh", "-c", "echo x; exit 3"]);
    await gantry(["run", "-d", "--name", "again", "--restart", "always", image, "sh", "-c", "sleep 0.1"]);
    await gantry(["run", "-d", "--name", "killed", "--restart", "always", image, "sleep", "100"]);
    await gantry(["kill", "killed"]);
    expect(await out("wait", "fails")).toBe("3\n");
    expect(await inspect("{{.RestartCount}} {{.State.Status}}", "fails")).toBe("2 exited");
    expect(await out("logs", "fails")).toBe("x\nx\nx\n");
    while ((await inspect("{{gt .RestartCount 0}}", "again")) !== "true");
    await gantry(["stop", "again"]);
    expect(await inspect("{{.State.Status}}", "again")).toBe("exited");
    expect(await inspect("{{.State.Status}}", "killed")).toBe("exited");
  });
});

describe("ps", () => {
  it("fills docker's templates", async () => {
    await gantry(["run", "-d", "--name", "one", "-l", "tier=db", "-l", "eq=a=b", image, "sleep", "100"]);
    const format =
      '{{.Names}}|{{.Command}}|{{.State}}|{{.Label "tier"}}|{{.Label "eq"}}|{{.Label "none"}}|{{.Networks}}';
    expect(await out("ps", "--format", format)).toBe('one|"sleep 100"|running|db|a=b||bridge\n');
    expect(await out("ps", "--format", 'table {{.Names}}\t{{.Label "tier"}}')).toBe("NAMES     tier\none       db\n");
    expect(await out("ps", "--format", "{{.Size}}")).toMatch(/^0B \(virtual \d/);
    expect(Object.keys(JSON.parse(await out("ps", "--format", "json")))).toEqual(
      "Command CreatedAt ID Image Labels LocalVolumes Mounts Names Networks Ports Reason RunningFor Size State Status".split(
        " ",
      ),
    );
    expect(await gantry(["ps", "--format", "{{.Nope}}"])).toMatchObject({ stdout: "" });
  });

  it("filters as docker does and refuses what no container can be", async () => {
    await gantry(["create", "--name", "k1", "-l", "a=1", image, "true"]);
    await gantry(["create", "--name", "k2", "-l", "a=2", image, "true"]);
    await gantry(["run", "--name", "k3", image, "false"]);
    await gantry(["run", "-d", "--name", "k4", image, "sleep", "100"]);
    const namesOf = async (...filters: string[]) =>
      (await out("ps", "-a", ...filters.flatMap((filter) => ["-f", filter]), "--format", "{{.Names}}"))
        .split("\n")
        .join(" ");
    expect(await namesOf("status=created")).toBe("k2 k1 ");
    expect(await namesOf("status=created", "status=exited")).toBe("k3 k2 k1 ");
    expect(await namesOf("exited=1")).toBe("k3 ");
    expect(await namesOf("name=^k1$")).toBe("k1 ");
    expect(await namesOf("name=^/k1$")).toBe("k1 ");
    expect(await namesOf("label=a", "label=a=1")).toBe("k1 ");
    expect(await namesOf("before=k3")).toBe("k2 k1 ");
    expect(await namesOf("since=k2")).toBe("k4 k3 ");
    expect(await namesOf(`ancestor=${image}`)).toBe("k4 k3 k2 k1 ");
    expect(await namesOf("ancestor=nope")).toBe("");
    expect(await out("ps", "-n", "2", "--format", "{{.Names}}")).toBe("k4\nk3\n");
    for (const wrong of ["status=foo", "health=foo", "exited=foo", "foo=bar"]) {
      expect(await gantry(["ps", "-f", wrong])).toMatchObject({ code: 1, stdout: "" });
    }
  });
});

describe("ports", () => {
  it("come from a range one after the other, until it is used up", async () => {
    const runOne = (name: string) =>
      gantry(["run", "-d", "--name", name, "-p", "127.0.0.1:18951-18952:80", image, "sleep", "100"]);
    for (const name of ["one", "two"]) expect((await runOne(name)).code).toBe(0);
    expect(await out("port", "one")).toBe("80/tcp -> 127.0.0.1:18951\n");
    expect(await out("port", "two", "80/tcp")).toBe("127.0.0.1:18952\n");
    expect(await runOne("three")).toMatchObject({ code: 125, stdout: "" });
    expect(await gantry(["port", "one", "81"])).toMatchObject({ code: 1, stdout: "" });
  });

  it("are published with -P when they are exposed, and stand without binding when not", async () => {
    await gantry(["run", "-d", "--name", "open", "--expose", "7000", "-P", image, "sleep", "100"]);
    expect(await out("port", "open")).toMatch(/^7000\/tcp -> 0\.0\.0\.0:\d+\n$/);
    await gantry(["run", "-d", "--name", "shut", "--expose", "7000/udp", image, "sleep", "100"]);
    expect(await inspect("{{json .NetworkSettings.Ports}}", "shut")).toBe('{"7000/udp":null}');
    expect(await inspect("{{json .Config.ExposedPorts}}", "shut")).toBe('{"7000/udp":{}}');
  });
});

describe("inspect", () => {
  it("prints an array of what was found, and fails for the rest", async () => {
    const none = await gantry(["inspect", "nobody"]);
    expect(none).toMatchObject({ code: 1, stdout: "[]\n" });
    const some = await gantry(["inspect", image, "nobody"]);
    expect(some.code).toBe(1);
    expect(JSON.parse(some.stdout)).toHaveLength(1);
    expect(await gantry(["inspect", "--type", "container", image])).toMatchObject({ code: 1, stdout: "[]\n" });
    expect((await gantry(["inspect", "--type", "no-such", image])).code).not.toBe(0);
  });

  it("knows a misspelt field from an absent key", async () => {
    await gantry(["create", "--name", "one", "-l", "a=1", image, "true"]);
    expect(await gantry(["inspect", "-f", "{{.Config.Nope}}", "one"])).toMatchObject({ code: 1, stdout: "" });
    expect(await gantry(["inspect", "-f", "{{.Nope}}", image])).toMatchObject({ code: 1, stdout: "" });
    expect(await inspect('{{.Config.Labels.a}}{{index .Config.Labels "none"}}|{{.Config.Labels.none}}', "one")).toBe(
      "1|<no value>",
    );
  });

  it("has the fields that scripts read", async () => {
    const flags = ["-e", "A=b", "-v", "/etc:/t:ro", "--mount", "type=bind,src=/etc,dst=/u", "--tmpfs", "/tt:size=1m"];
    const limits = ["-m", "64m", "--cpus", "0.5", "--pids-limit", "9", "--ulimit", "nofile=50:60", "--shm-size", "2m"];
    const rights = [
      "--cap-add",
      "net_admin",
      "--cap-drop",
      "ALL",
      "--security-opt",
      "no-new-privileges",
      "--read-only",
    ];
    const life = ["--restart", "on-failure:3", "--stop-signal", "INT", "--stop-timeout", "3", "-p", "127.0.0.1::80"];
    await gantry(["run", "-d", "--name", "all", ...flags, ...limits, ...rights, ...life, image, "sleep", "100"]);
    const [found] = JSON.parse(await out("inspect", "all"));
    expect(found).toMatchObject({
      Name: "/all",
      Path: "sleep",
      Args: ["100"],
      RestartCount: 0,
      State: { Status: "running", Running: true, ExitCode: 0, FinishedAt: "0001-01-01T00:00:00Z" },
      Config: { Cmd: ["sleep", "100"], Entrypoint: null, StopSignal: "INT", StopTimeout: 3, Tty: false, Image: image },
      HostConfig: {
        Binds: ["/etc:/t:ro"],
        Mounts: [{ Type: "bind", Source: "/etc", Target: "/u" }],
        Tmpfs: { "/tt": "size=1m" },
        Memory: 64 * 1024 * 1024,
        MemorySwap: 128 * 1024 * 1024,
        NanoCpus: 500_000_000,
        PidsLimit: 9,
        ShmSize: 2 * 1024 * 1024,
        Ulimits: [{ Name: "nofile", Soft: 50, Hard: 60 }],
        CapAdd: ["CAP_NET_ADMIN"],
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges"],
        RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 },
        NetworkMode: "bridge",
        PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] },
        Privileged: false,
        IpcMode: "private",
        LogConfig: { Config: {} },
      },
      Mounts: expect.arrayContaining([
        expect.objectContaining({ Type: "bind", Source: "/etc", Destination: "/t", Mode: "ro", RW: false }),
      ]),
      NetworkSettings: {
        IPAddress: expect.stringMatching(/^\d+\.\d+\.\d+\.\d+$/),
        Ports: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: expect.stringMatching(/^\d+$/) }] },
        Networks: { bridge: { IPAddress: expect.any(String), MacAddress: expect.stringMatching(/^..:/) } },
      },
    });
    const environment: string[] = found.Config.Env;
    expect(environment).toContain("A=b");
    expect(environment.filter((entry) => entry.startsWith("HOSTNAME="))).toEqual([]);
    expect(found.HostConfig.MaskedPaths).toContain("/proc/kcore");
  });
});

describe("images and top", () => {
  it("match a pattern within one part of a name", async () => {
    expect((await out("images", "-q", "busybox")).trim()).toBe("");
    expect((await out("images", "-q", "gantry/*")).trim()).toMatch(/^[0-9a-f]{12}$/);
    expect((await out("images", "-q", "*")).trim()).toBe("");
  });

  it("show every process whatever columns are asked for", async () => {
    await gantry(["run", "-d", "--name", "two", image, "sh", "-c", "sleep 100 & sleep 100; true"]);
    for (const columns of [[], ["-o", "pid,comm"], ["aux"], ["-eo", "pid,args"]]) {
      const rows = async () => (await out("top", "two", ...columns)).trimEnd().split("\n").length;
      await expect.poll(rows).toBe(4);
    }
  });
});
