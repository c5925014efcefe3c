import { expect, it } from "vitest";
import { containerPage } from "../../../src/panes/containers/details-page.ts";
import { imagePage } from "../../../src/panes/images/details-page.ts";
import type { Line } from "../../../src/theme/tokens.ts";
import { aContainer, anImage } from "../../support/protocol-values.ts";

const text = (lines: readonly Line[]) =>
  lines.map(({ spans }) =>
    spans
      .map((one) => one.text)
      .join("")
      .trimEnd(),
  );
const now = Date.parse("2026-11-22T00:00:00Z");

const config = {
  Entrypoint: ["/entry.sh"],
  Cmd: ["nginx", "-g", "daemon off;"],
  WorkingDir: "/srv",
  User: "www",
  ExposedPorts: { "80/tcp": {}, "443/tcp": {} },
  Volumes: { "/data": {} },
  Env: ["PATH=/bin", "EVIL=\u001b[2Jx"],
  Labels: { b: "2", a: "1" },
};

it("tells of an image what a person wants to know", () => {
  const lines = text(
    imagePage({
      image: anImage({ digests: ["nginx@sha256:aa"], size: 3e6, sharedSize: 1e6, containers: ["c1"] }),
      json: { Os: "linux", Architecture: "arm64", Variant: "v8", Author: "", Config: config },
      history: [
        { diffID: null, createdAt: "2026-11-21T00:00:00Z", createdBy: "CMD", size: 0, comment: "", references: [] },
        { diffID: "sha256:beef", createdAt: "", createdBy: "/bin/sh -c make", size: 5e5, comment: "", references: [] },
      ],
      users: ["web-1"],
      now,
    }),
  );
  expect(lines).toContain("Names         nginx:latest");
  expect(lines).toContain("Digests       nginx@sha256:aa");
  expect(lines).toContain("Platform      linux/arm64/v8");
  expect(lines).toContain("Size          3MB in 2 layers: 2MB its own, 1MB shared with other images");
  expect(lines).toContain("Used by       web-1");
  expect(lines).toContain("Command       nginx -g 'daemon off;'");
  expect(lines).toContain("Ports         80/tcp  443/tcp");
  expect(lines).toContain("Environment   PATH=/bin");
  expect(lines).toContain("              EVIL=x");
  expect(lines.slice(lines.indexOf("Labels        a=1"))).toEqual([
    "Labels        a=1",
    "              b=2",
    "",
    "History, newest first",
    expect.stringMatching(/^ +24h +CMD$/),
    expect.stringMatching(/^ +500kB {2}beef +RUN make$/),
  ]);
  expect(lines.join("\n")).not.toMatch(/Author|\u001b/);
});

it("stays calm where the JSON is not what it should be", () => {
  const lines = text(
    imagePage({ image: anImage({ references: [] }), json: { Config: 7 }, history: [], users: [], now }),
  );
  expect(lines[0]).toBe("Names         <none>");
  expect(lines.at(-1)).toBe("Used by       no container");
});

it("tells of a container what a person wants to know", () => {
  const json = {
    Path: "sh",
    Args: ["-c", "a b"],
    RestartCount: 2,
    Config: { WorkingDir: "/", Tty: true, Env: ["A=1"], Labels: {} },
    HostConfig: {
      Memory: 64 * 1024 ** 2,
      NanoCpus: 5e8,
      PidsLimit: 10,
      RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 },
      CapAdd: ["CAP_SYS_ADMIN"],
      CapDrop: null,
      Privileged: true,
    },
    Mounts: [
      { Type: "bind", Source: "/a", Destination: "/b", RW: false },
      { Type: "volume", Name: "data", Source: "/v/data/_data", Destination: "/data", RW: true },
      { Type: "volume", Name: "0123456789abcdef".repeat(4), Source: "/v/0/_data", Destination: "/anon", RW: true },
    ],
    NetworkSettings: { Networks: { bridge: { IPAddress: "10.0.0.2", IPPrefixLen: 22, Gateway: "10.0.0.1" } } },
  };
  const port = { hostAddress: "", hostPort: 8080, containerPort: 80, protocol: "tcp" } as const;
  const place = { networkID: "n1", network: "bridge", ipAddress: "10.0.0.2", ipv6Address: null, macAddress: null };
  const endpoints = [{ ...place, aliases: ["web", "db"] }];
  const lines = text(
    containerPage(aContainer({ ports: [port], health: "healthy", restartCount: 2, endpoints }), json, now),
  );
  expect(lines).toContain("State         running  healthy");
  expect(lines).toContain("Process       1");
  expect(lines).toContain("Restarts      2, by its policy");
  expect(lines).toContain("Command       sh -c 'a b'");
  expect(lines).toContain("Ports         0.0.0.0:8080 → 80/tcp  open to the world");
  expect(lines).toContain("Networks      bridge  10.0.0.2/22  as web db  gateway 10.0.0.1");
  expect(lines).toContain("Mounts        /a → /b  bind, read-only");
  expect(lines).toContain("              data → /data  volume");
  expect(lines).toContain("              0123456789ab → /anon  anonymous volume");
  expect(lines).toContain("Limits        memory 64MiB, 0.5 CPUs, 10 processes");
  expect(lines).toContain("Restart       on failure, at most 3 times");
  expect(lines).toContain("Rights        privileged, with CAP_SYS_ADMIN");
  const gone = aContainer({ status: "exited", pid: null, exitCode: 137, oomKilled: true, error: "it broke" });
  expect(text(containerPage(gone, {}, now))).toEqual(
    expect.arrayContaining([
      "State         OOM killed",
      "Exit code     137  killed by SIGKILL, out of memory",
      "Error         it broke",
    ]),
  );
});

it("tells of a container's health with its last results", () => {
  const answer = (second: number, exitCode: number, output: string) => ({
    Start: `2026-11-21T23:59:${second}Z`,
    End: `2026-11-21T23:59:${second}.250Z`,
    ExitCode: exitCode,
    Output: output,
  });
  const json = {
    Config: { Healthcheck: { Test: ["CMD-SHELL", "wget -q localhost"], Interval: 5e9, Retries: 1 } },
    State: {
      Health: {
        Status: "unhealthy",
        FailingStreak: 2,
        Log: [answer(10, 0, ""), answer(15, 1, "a\u001b[2Jb\nc\n"), answer(20, 4, "1\n2\n3\n4\n5\n6\n")],
      },
    },
  };
  const lines = text(containerPage(aContainer({ health: "unhealthy" }), json, now));
  expect(lines.slice(lines.indexOf("Health"))).toEqual([
    "Health",
    "Now           unhealthy  2 failures in a row",
    "Check         wget -q localhost",
    "Every         5s, for at most 30s, 1 failure makes it unhealthy",
    "40s ago       exit 4 in 250 ms  1",
    "                2",
    "                3",
    "                4",
    "                2 more rows",
    "45s ago       exit 1 in 250 ms  ab",
    "                c",
    "50s ago       passed in 250 ms",
  ]);
  expect(text(containerPage(aContainer(), {}, now))).not.toContain("Health");
});
