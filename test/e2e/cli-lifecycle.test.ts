/** Limits changed live, health, prune, events and lists of several, in docker's words and with its exit codes. */
import { describe, expect, it } from "vitest";
import { commandsOfFile } from "../support/commands-of-file.ts";
import { starterImage } from "../support/engine.ts";

const image = starterImage;
const { gantry, out, inspect, runSleeper } = commandsOfFile();

describe("update", () => {
  it("changes limits of what runs and of what does not, and the restart policy", async () => {
    await runSleeper("runs", "-m", "64m");
    await gantry(["create", "--name", "waits", image, "true"]);
    const flags = ["-m", "32m", "--memory-swap", "48m", "--cpu-shares", "512", "--pids-limit", "50"];
    expect(await gantry(["update", ...flags, "--restart", "on-failure:2", "runs", "waits"])).toMatchObject({
      code: 0,
      stdout: "runs\nwaits\n",
    });
    for (const name of ["runs", "waits"]) {
      const format = "{{with .HostConfig}}{{.Memory}} {{.MemorySwap}} {{.CpuShares}} {{.PidsLimit}}{{end}}";
      expect(await inspect(format, name)).toBe(`${32 * 1024 ** 2} ${48 * 1024 ** 2} 512 50`);
      expect(await inspect("{{json .HostConfig.RestartPolicy}}", name)).toBe(
        '{"Name":"on-failure","MaximumRetryCount":2}',
      );
    }
  });

  it("takes limits away, also those that docker only changes", async () => {
    await runSleeper("bound", "-m", "64m", "--cpus", "0.5", "--pids-limit", "50");
    expect(await gantry(["update", "-m", "-1", "--cpus", "-1", "--pids-limit", "-1", "bound"])).toMatchObject({
      code: 0,
      stdout: "bound\n",
      stderr: "",
    });
    const format = "{{with .HostConfig}}{{.Memory}} {{.MemorySwap}} {{.NanoCpus}} {{.PidsLimit}}{{end}}";
    expect(await inspect(format, "bound")).toBe("0 0 0 -1");
  });

  it.each([
    [["one"], 1, "you must provide one or more flags"],
    [["-m", "lots", "one"], 125, 'invalid --memory "lots"'],
    [["--cpus", "1", "--cpu-quota", "5", "one"], 1, "conflicting options"],
    [["-m", "32m", "nobody"], 1, "nobody"],
    [["-m", "32m"], 1, "missing required argument"],
  ])("refuses %j", async (args, code, message) => {
    await gantry(["create", "--name", "one", image, "true"]);
    const result = await gantry(["update", ...args]);
    expect(result).toMatchObject({ code, stdout: "" });
    expect(result.stderr).toContain(message);
  });
});

describe("several containers", () => {
  it("are told one by one, and one that fails does not keep the others", async () => {
    await Promise.all([runSleeper("one"), runSleeper("two")]);
    for (const verb of [["pause"], ["unpause"], ["restart", "-t", "0"], ["kill"], ["rm"]]) {
      const result = await gantry([...verb, "one", "nobody", "two"]);
      expect(result).toMatchObject({ code: 1, stdout: "one\ntwo\n" });
      expect(result.stderr).toMatch(/no such container: nobody/i);
      if (verb[0] === "kill") expect(await out("wait", "one", "two")).toBe("137\n137\n");
    }
    expect(await out("ps", "-aq")).toBe("");
  });

  it("restart with a signal of one's choice", async () => {
    const script = "trap 'echo usr1; exit' USR1; trap 'echo term; exit' TERM; echo up; while :; do sleep 0.05; done";
    await gantry(["run", "-d", "--name", "own", image, "sh", "-c", script]);
    await expect.poll(() => out("logs", "own")).toBe("up\n");
    expect(await gantry(["restart", "-s", "USR1", "own"])).toMatchObject({ code: 0, stdout: "own\n" });
    await expect.poll(() => out("logs", "own")).toBe("up\nusr1\nup\n");
  });
});

describe("ps", () => {
  it("tells of health, and filters by it", async () => {
    const check = ["--health-cmd", "test -e /ok", "--health-interval", "100ms", "--health-retries", "1"];
    await runSleeper("checked", ...check);
    await runSleeper("unchecked");
    await expect.poll(() => out("ps", "--format", "{{.Status}}", "-f", "name=^checked")).toContain("(unhealthy)");
    await gantry(["exec", "checked", "touch", "/ok"]);
    await expect.poll(() => out("ps", "-f", "health=healthy", "--format", "{{.Names}}")).toBe("checked\n");
    expect(await out("ps", "-f", "health=none", "--format", "{{.Names}}")).toBe("unchecked\n");
    expect(await inspect("{{.State.Health.Status}} {{len .State.Health.Log | lt 0}}", "checked")).toBe("healthy true");
    expect(await inspect("{{.State.Health}}", "unchecked")).toBe("<nil>");
  });

  it("says in its table why one ended", async () => {
    await gantry(["run", "--name", "bad", image, "sh", "-c", "echo no config >&2; exit 3"]);
    expect(await out("ps", "-a")).toMatch(/Exited \(3\) .* ago \(no config\)/);
    expect(await out("ps", "-a", "--format", "{{.Status}}")).toMatch(/^Exited \(3\) [^(]* ago\n$/);
  });

  it("shows ports as docker does, and finds by them", async () => {
    await runSleeper("web", "-p", "127.0.0.1:18961:80", "-p", "18962:81", "--expose", "7000-7001");
    const ports = (await out("ps", "--format", "{{.Ports}}")).trimEnd();
    expect(ports).toContain("7000-7001/tcp, ");
    expect(ports).toContain("127.0.0.1:18961->80/tcp");
    expect(ports).toContain("0.0.0.0:18962->81/tcp");
    const namesOf = (filter: string) => out("ps", "-f", filter, "--format", "{{.Names}}");
    expect(await namesOf("publish=18961")).toBe("web\n");
    expect(await namesOf("publish=80")).toBe("");
    expect(await namesOf("expose=80")).toBe("web\n");
    expect(await namesOf("expose=6999-7000/tcp")).toBe("web\n");
    expect(await namesOf("is-task=false")).toBe("web\n");
    expect(await gantry(["ps", "-f", "is-task=x"])).toMatchObject({ code: 1, stdout: "" });
  });
});

describe("prune", () => {
  it("takes what its filters say, and asks first", async () => {
    await gantry(["create", "--name", "old", "-l", "keep=no", image, "true"]);
    await gantry(["create", "--name", "kept", "-l", "keep=yes", image, "true"]);
    const asked = await gantry(["container", "prune"], { input: "n\n" });
    expect(asked.stdout).toBe(
      "WARNING! This will remove all stopped containers.\nAre you sure you want to continue? [y/N] ",
    );
    const prune = ["container", "prune", "-f", "--filter"];
    expect(await out(...prune, "until=1h")).toBe("Total reclaimed space: 0B\n");
    expect(await out(...prune, "label!=keep=yes")).toMatch(/^Deleted Containers:\n[0-9a-f]{64}\n\nTotal reclaimed/);
    expect(await out("ps", "-a", "--format", "{{.Names}}")).toBe("kept\n");
    const refused = await gantry(["system", "prune", "-f", "--volumes", "--filter", "until=1h"]);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect((await gantry(["system", "prune", "--volumes"], { input: "n\n" })).stdout).toContain(
      "  - all networks not used by at least one container\n  - all anonymous volumes not used by at least one container\n",
    );
  });
});

describe("events", () => {
  it("tell of the past by filters, in docker's JSON", async () => {
    await gantry(["run", "--name", "told", "-l", "tier=db", image, "true"]);
    await gantry(["run", "--name", "other", image, "true"]);
    const past = async (...flags: string[]) =>
      out("events", "--since", "5m", "--until", "0s", "--format", "{{.Action}}", ...flags);
    expect(await past("-f", "container=told")).toBe("create\nattach\nstart\ndie\n");
    expect(await past("-f", "label=tier=db", "-f", "event=die", "-f", "event=start")).toBe("start\ndie\n");
    expect(await past("-f", "type=image", "-f", "container=told")).toBe("");
    const json = await out(
      "events",
      "--since",
      "5m",
      "--until",
      "0s",
      "-f",
      "event=die",
      "-f",
      "container=told",
      "--format",
      "json",
    );
    const [line = ""] = json.split("\n");
    expect(JSON.parse(line)).toMatchObject({
      status: "die",
      from: image,
      Type: "container",
      Action: "die",
      Actor: { Attributes: { exitCode: "0", name: "told", tier: "db" } },
      scope: "local",
    });
    expect(line).toMatch(/,"timeNano":\d{19}\}$/);
    expect(await gantry(["events", "-f", "colour=red"])).toMatchObject({ code: 1, stdout: "" });
  });
});

describe("logs", () => {
  it("tell with --details what the log options name", async () => {
    const log = ["--log-opt", "labels=tier", "--log-opt", "env=OS"];
    await gantry(["run", "--name", "said", ...log, "-l", "tier=db", "-e", "OS=linux", image, "echo", "hello"]);
    expect(await out("logs", "--details", "said")).toBe("OS=linux,tier=db hello\n");
    expect(await out("logs", "said")).toBe("hello\n");
    expect(await out("logs", "--until", "1h", "said")).toBe("");
  });
});

describe("what there is not", () => {
  it.each([
    [["run", "--link", "a:b", image], 125, "--link is not supported"],
    [["run", "--gpus", "all", image], 125, "--gpus is not supported"],
    [["run", "--log-driver", "syslog", image], 125, 'log driver "syslog" is not supported'],
    [["create", "--storage-opt", "size=1g", image], 125, "--storage-opt is not supported"],
    [["rm", "--link", "x"], 1, "--link is not supported"],
    [["checkpoint", "ls", "--checkpoint-dir", "/x", "one"], 125, "--checkpoint-dir is not supported"],
    [["start", "--checkpoint", "c", "-a", "one"], 1, "attached to at once"],
  ])("is refused in a sentence: %j", async (args, code, message) => {
    const result = await gantry(args);
    expect(result).toMatchObject({ code, stdout: "" });
    expect(result.stderr).toContain(message);
  });

  it("but a limit that no kernel has any more is only told of", async () => {
    const result = await gantry(["run", "--rm", "--kernel-memory", "10m", image, "true"]);
    expect(result).toMatchObject({ code: 0, stdout: "" });
    expect(result.stderr).toContain("--kernel-memory has no effect");
  });
});
