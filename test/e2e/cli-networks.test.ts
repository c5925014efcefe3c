/** Networks as a script written for docker uses them. */
import { describe, expect, it } from "vitest";
import { commandsOfFile } from "../support/commands-of-file.ts";
import { starterImage } from "../support/engine.ts";

const image = starterImage;
const { gantry, out, inspect, runSleeper } = commandsOfFile([["network", "prune", "-f"]]);

describe("network", () => {
  it("is made, listed, inspected and removed", async () => {
    const { stdout: id } = await gantry(["network", "create", "--label", "tier=db", "--internal", "back"]);
    expect(id).toMatch(/^[0-9a-f]{64}\n$/);
    const rows = (await out("network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}} {{.Internal}}")).split("\n");
    expect(rows.slice(0, -1)).toEqual([
      "back bridge local true",
      "bridge bridge local false",
      "host host local false",
      "none null local false",
    ]);
    expect(await out("network", "ls", "-f", "label=tier=db", "-q", "--no-trunc")).toBe(id);
    const [found] = JSON.parse(await out("network", "inspect", "back"));
    expect(found).toMatchObject({ Name: "back", Id: id.trim(), Driver: "bridge", Scope: "local", Internal: true });
    expect(await inspect("{{.Name}} {{.Labels.tier}}", "back")).toBe("back db");
    expect(await out("network", "rm", "back")).toBe("back\n");
    expect(await gantry(["network", "inspect", "back"])).toMatchObject({ code: 1, stdout: "[]\n" });
  });

  it("is not made, found or changed where it makes no sense", async () => {
    const cases: [string[], number][] = [
      [["create", "bridge"], 1],
      [["create", "-d", "overlay", "x1"], 125],
      [["create", "--ipv4=false", "x1"], 125],
      [["create", "--gateway", "10.99.0.1", "x1"], 125],
      [["create", "--subnet", "10.99.0.0/33", "x1"], 125],
      [["create"], 1],
      [["rm", "bridge"], 1],
      [["rm", "nope"], 1],
      [["connect", "nope", "nobody"], 1],
      [["disconnect", "bridge", "nobody"], 1],
      [["ls", "-f", "colour=red"], 1],
      [["nope"], 1],
    ];
    const refuse = async ([args, code]: [string[], number]) => {
      const result = await gantry(["network", ...args]);
      expect(result, args.join(" ")).toMatchObject({ code, stdout: "", stderr: expect.stringMatching(/^gantry: /) });
    };
    await Promise.all(cases.map(refuse));
  });

  it("is made once, and removal by force is content with none", async () => {
    await gantry(["network", "create", "once"]);
    const again = await gantry(["network", "create", "once"]);
    expect(again).toMatchObject({ code: 1, stdout: "" });
    expect(again.stderr).toContain("once");
    expect(await gantry(["network", "rm", "-f", "nope", "once"])).toEqual({ code: 0, stdout: "once\n", stderr: "" });
  });

  it("gives names, aliases and addresses, on several at once", async () => {
    await gantry(["network", "create", "--subnet", "10.97.11.0/24", "front"]);
    await gantry(["network", "create", "--subnet", "10.97.12.0/24", "back"]);
    const web = await runSleeper("web", "--network", "name=front,alias=www,ip=10.97.11.7", "--network", "back");
    expect(web).toMatchObject({ code: 0, stderr: "" });
    await runSleeper("db", "--net", "back", "--ip", "10.97.12.9", "--network-alias", "sql");
    expect(await out("ps", "--format", "{{.Names}} {{.Networks}}")).toBe("db back\nweb front,back\n");
    expect(await inspect("{{.NetworkSettings.Networks.front.IPAddress}}", "web")).toBe("10.97.11.7");
    expect(await inspect("{{.NetworkSettings.Networks.back.IPAddress}}", "db")).toBe("10.97.12.9");
    const answer = await gantry(["exec", "web", "nslookup", "sql"]);
    expect(answer.stdout).toContain("10.97.12.9");
    expect(await out("ps", "-q", "-f", "network=front")).toHaveLength(13);
    const refused = await gantry(["network", "rm", "back"]);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
  });

  it("is connected and disconnected while a container runs", async () => {
    await gantry(["network", "create", "side"]);
    await runSleeper("web");
    const connect = ["network", "connect", "--alias", "www", "side", "web"];
    expect(await gantry(connect)).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await out("ps", "--format", "{{.Networks}}")).toBe("bridge,side\n");
    expect(await gantry(connect)).toMatchObject({ code: 1, stdout: "" });
    expect(await gantry(["network", "disconnect", "side", "web"])).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await out("ps", "--format", "{{.Networks}}")).toBe("bridge\n");
    expect(await gantry(["network", "disconnect", "side", "web"])).toMatchObject({ code: 1, stdout: "" });
    expect(await gantry(["network", "connect", "host", "web"])).toMatchObject({ code: 1, stdout: "" });
    expect(await gantry(["network", "reload"])).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("goes with prune only when no container is on it, running or not", async () => {
    for (const name of ["used", "unused", "kept"]) {
      await gantry(["network", "create", ...(name === "kept" ? ["--label", "keep"] : []), name]);
    }
    await gantry(["create", "--name", "sleeper", "--network", "used", image, "true"]);
    expect((await gantry(["network", "prune"], { input: "n\n" })).stdout).toBe(
      "WARNING! This will remove all custom networks not used by at least one container.\n" +
        "Are you sure you want to continue? [y/N] ",
    );
    expect(await out("network", "ls", "-f", "dangling=true", "--format", "{{.Name}}")).toBe("kept\nunused\n");
    expect(await out("network", "prune", "-f", "--filter", "until=1h")).toBe("");
    expect(await out("network", "prune", "-f", "--filter", "label!=keep")).toBe("Deleted Networks:\nunused\n\n");
    expect(await out("network", "ls", "-f", "type=custom", "--format", "{{.Name}}")).toBe("kept\nused\n");
  });

  it("of another container is shared, with its address and its ports alone", async () => {
    await runSleeper("host-of");
    const address = await inspect("{{.NetworkSettings.Networks.bridge.IPAddress}}", "host-of");
    expect(await out("run", "--rm", "--net", "container:host-of", image, "ip", "-4", "addr")).toContain(address);
    expect(await gantry(["run", "--rm", "--net", "container:nobody", image, "true"])).toMatchObject({ code: 125 });
    const published = await gantry(["run", "--rm", "--net", "container:host-of", "-p", "80:80", image, "true"]);
    expect(published).toMatchObject({ code: 125, stdout: "" });
  });
});
