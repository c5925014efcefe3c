/** Names, labels, variables and lines from outside that want to be more than text: for nft, ip, hosts, resolv.conf, the log, the terminal. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CreateRequest } from "../../engine/protocol/create-request.ts";
import { createContainer, runContainer, starterImage, startTestEngine, type TestEngine } from "../support/engine.ts";
import { gantryFor } from "../support/gantry-command.ts";

let engine: TestEngine;
let gantry: ReturnType<typeof gantryFor>;

beforeAll(async () => {
  engine = await startTestEngine();
  gantry = gantryFor(engine.config);
}, 60_000);
afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

const inject = 'x"; add table inet owned; #';
const nasty = [
  "",
  ".",
  "..",
  "../../etc",
  "a/b",
  "-rm",
  "--privileged",
  "a b",
  "a\nb",
  "a\0b",
  "a\u001b[31mb",
  "a;reboot",
  "$(reboot)",
  "`reboot`",
  inject,
  "a'b",
  "é",
  "\u202egnp.exe",
  "x".repeat(300),
];

describe.each<[string, (name: string) => Partial<CreateRequest>, readonly string[]]>([
  ["a container", (name) => ({ name }), ["", "x".repeat(300)]],
  ["a hostname", (hostname) => ({ hostname }), [""]],
  ["a name for --add-host", (name) => ({ extraHosts: [{ name, address: "192.0.2.1" }] }), []],
  ["an address for --add-host", (address) => ({ extraHosts: [{ name: "db", address }] }), []],
  ["a name server", (address) => ({ dns: [address] }), []],
  ["a network", (network) => ({ network }), []],
  [
    "a mount target",
    (target) => ({
      mounts: [{ type: "tmpfs", source: "", target, readOnly: false, createSource: false, options: [] }],
    }),
    [],
  ],
])("%s", (_what, change, allowed) => {
  it("is refused where it is not what it should be", async () => {
    for (const name of nasty) {
      const created = createContainer(engine, change(name)).then(
        (id) => id,
        (error) => error,
      );
      const result = await created;
      if (typeof result === "string") {
        expect([...allowed, ...lenient]).toContain(name);
        await gantry(["rm", "-f", result]);
      } else {
        expect(["invalid-argument", "not-found"]).toContain(result.code);
      }
    }
  });
});

/** Names of files may be almost anything; in hosts and resolv.conf they stand for themselves. */
const lenient = ["-rm", "--privileged", ".", ".."];

describe("what is free text", () => {
  const labels = { [inject]: inject, "a\nb": "c\nd", "\u001b]0;owned\u0007": "\u001b[2J" };
  const environment = [`INJECT=${inject}`, "LINES=a\nb=c", "ESC=\u001b[2J"];

  it("stays text in the rules, the files of names and the environment", async () => {
    const container = await runContainer(engine, {
      labels,
      environment,
      dnsSearch: ["example.org"],
      dnsOptions: ["ndots:2"],
      ports: [{ hostAddress: "127.0.0.1", hostPort: 18_233, containerPort: 80, protocol: "tcp" }],
    });
    const { stdout: tables } = spawnSync("nft", ["list", "ruleset"], { encoding: "utf8" });
    expect(tables).not.toContain("owned");
    const { Config } = (await engine.client.request("containers.inspect", { container })) as {
      Config: { Labels: Record<string, string>; Env: string[] };
    };
    expect(Config.Labels).toMatchObject(labels);
    expect(Config.Env).toEqual(expect.arrayContaining(environment));
    const { stdout } = await gantry([
      "exec",
      container,
      "sh",
      "-c",
      'printf "%s|%s|%s" "$INJECT" "$LINES" "$ESC"; cat /etc/hosts /etc/resolv.conf',
    ]);
    expect(stdout).toContain(`${inject}|a\nb=c|\u001b[2J`);
    expect(stdout.slice(stdout.indexOf("127.0.0.1"))).not.toMatch(/owned|INJECT/);
    await gantry(["rm", "-f", container]);
  });

  it.each([
    ["dnsSearch", "example.org\nnameserver 192.0.2.66"],
    ["dnsOptions", "ndots:1\nnameserver 192.0.2.66"],
  ] as const)("of %s cannot add a line to resolv.conf", async (field, value) => {
    const created = await createContainer(engine, { [field]: [value] }).catch((error) => error);
    expect(created).toMatchObject({ code: "invalid-argument" });
  });

  it("does not move the cursor, colour or name the terminal of whoever lists containers", async () => {
    const evil = "\u001b[31mred\u001b]0;title\u0007\u009b2J\u202e";
    await createContainer(engine, {
      name: "evil",
      command: ["echo", evil],
      labels: { l: evil },
      environment: [`E=${evil}`],
    });
    const started = await gantry(["run", "--name", "evil2", starterImage, `/no/${evil}`]);
    expect(started.code).toBe(127);
    const commands = [
      ["ps", "-a", "--no-trunc"],
      ["inspect", "evil"],
      ["inspect", "evil2"],
      ["ps", "-a", "--format", "json"],
      ["stats", "--no-stream"],
    ];
    for (const args of commands) {
      const { stdout, stderr } = await gantry(args);
      expect([args, `${stdout}${stderr}`]).not.toEqual([args, expect.stringMatching(/[\u001b\u0007\u009b\u202e]/)]);
    }
    for (const args of [
      ["ps", `--filter=name=${evil}`],
      ["inspect", evil],
      ["rm", evil],
      ["logs", evil],
      ["exec", evil, "true"],
      ["start", evil],
      ["rmi", evil],
      ["run", evil],
      ["run", "--name", evil, starterImage],
      ["run", "--network", evil, starterImage],
      ["run", "-v", `/:${evil}`, starterImage],
    ]) {
      const { stderr } = await gantry(args);
      expect([args, stderr]).not.toEqual([args, expect.stringMatching(/[\u001b\u0007\u009b\u202e]/)]);
    }
    expect(started.stderr).not.toMatch(/[\u001b\u0007\u009b\u202e]/);
    await gantry(["rm", "-f", "evil", "evil2"]);
  });

  it("forges no line of the engine's log", async () => {
    const forged = '\n{"time":"2026-01-01T00:00:00.000Z","level":"error","message":"forged"}\n';
    await gantry(["run", "--name", "forger", "--entrypoint", `/no${forged}`, starterImage]);
    await gantry(["run", "--rm", "--restart", "no", starterImage, `${forged}`]);
    await engine.client.request("containers.rename", { container: "forger", name: `f${forged}` }).catch(() => null);
    const lines = readFileSync(engine.config.logFile, "utf8").trim().split("\n");
    for (const line of lines) expect(JSON.parse(line).message).not.toBe("forged");
    await gantry(["rm", "-f", "forger"]);
  });
});

it("acts on no label and no annotation of an image", async () => {
  const acts = [
    "io.podman.annotations.privileged",
    "io.containers.run",
    "com.docker.compose.project",
    "run",
    "install",
    "gantry.privileged",
    "io.kubernetes.cri-o.userns-mode",
  ];
  const changes = acts.flatMap((label) => ["--change", `LABEL ${label}="true --privileged -v /:/host"`]);
  await gantry(["run", "--name", "plain", starterImage, "true"]);
  await gantry(["commit", ...changes, "plain", "labelled:1"]);
  const container = await createContainer(engine, { image: "labelled:1" });
  await gantry(["start", container]);
  const spec = JSON.parse(readFileSync(join(engine.config.root, "containers", container, "config.json"), "utf8"));
  expect(spec.annotations ?? {}).toEqual({});
  expect(spec.hooks ?? {}).toEqual({});
  const { HostConfig } = (await engine.client.request("containers.inspect", { container })) as {
    HostConfig: { Privileged: boolean; Binds: unknown };
  };
  expect(HostConfig).toMatchObject({ Privileged: false, Binds: null });
  await gantry(["rm", "-f", container, "plain"]);
});
