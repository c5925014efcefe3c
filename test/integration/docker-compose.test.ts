import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { askDocker } from "../support/docker-client.ts";
import { eventually, starterImage as image } from "../support/engine.ts";
import { engineOfFile } from "../support/engine-of-file.ts";

/** A database, an application that waits until that is healthy, and a web server in front, each of a few lines of shell. */
const project = `
version: "2.4"
services:
  db:
    image: ${image}
    command: sh -c "echo one row > /data/table; while true; do nc -l -p 5432 -e cat /data/table; done"
    volumes: [rows:/data]
    networks: [back]
    stop_grace_period: 0s
    healthcheck: {test: [CMD, test, -f, /data/table], interval: 1s, retries: 10}
  app:
    image: ${image}
    depends_on: {db: {condition: service_healthy}}
    command: sh -c "while true; do nc -l -p 8080 -e sh -c 'nc db 5432'; done"
    networks: {back: {}, front: {aliases: [application]}}
    stop_grace_period: 0s
  web:
    image: ${image}
    depends_on: [app]
    command: sh -c "while true; do nc -l -p 80 -e sh -c 'nc application 8080'; done"
    networks: [front]
    stop_grace_period: 0s
    ports: ["127.0.0.1::80"]
networks: {front: {}, back: {internal: true}}
volumes: {rows: {labels: {of: shop}}}
`;

/** Debian's docker-compose 1.29, with a project as people have them. */
describe("docker-compose", () => {
  const { engine } = engineOfFile();

  async function compose(...args: string[]): Promise<string> {
    const directory = join(engine.config.run, "shop");
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "docker-compose.yml"), project);
    const env = { PATH: "/usr/bin:/bin", HOME: directory, DOCKER_HOST: `unix://${engine.config.dockerSocket}` };
    const { stdout } = await promisify(execFile)("/usr/bin/docker-compose", args, { cwd: directory, env });
    return stdout.trim();
  }

  const said = (host: string, port: number) => text(connect(port, host)).catch(() => "");

  it("brings a project up in order, scales it and takes it down", async () => {
    await compose("up", "-d");
    const states = (await compose("ps"))
      .split("\n")
      .slice(2)
      .map((line) => line.split(/\s{2,}/));
    expect(states.map(([name, , state]) => [name?.trim(), state])).toEqual([
      ["shop_app_1", "Up"],
      ["shop_db_1", "Up (healthy)"],
      ["shop_web_1", "Up"],
    ]);
    expect(await compose("exec", "-T", "web", "nc", "application", "8080")).toBe("one row");
    const [host = "", port = ""] = (await compose("port", "web", "80")).split(":");
    await eventually(async () => (await said(host, Number(port))) === "one row\n");
    await expect(compose("exec", "-T", "web", "nslookup", "db")).rejects.toThrow();
    await compose("up", "-d", "--scale", "app=3");
    expect((await compose("ps", "-q", "app")).split("\n")).toHaveLength(3);
    await compose("up", "-d", "--force-recreate", "web");
    expect(await compose("logs", "--no-color", "web")).toContain("Attaching to shop_web_1");
    expect(await compose("run", "--rm", "app", "nc", "db", "5432")).toBe("one row");
    await compose("down", "-v", "-t", "0");
    for (const path of ["/containers/json?all=1", '/networks?filters={"type":["custom"]}'] as const) {
      expect((await askDocker(engine, `GET ${encodeURI(path)}`)).body).toEqual([]);
    }
    expect((await askDocker(engine, "GET /volumes")).body).toMatchObject({ Volumes: [] });
  }, 120_000);
});
