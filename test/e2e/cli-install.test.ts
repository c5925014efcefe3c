/** systemd as it would be found, played by a script: the unit that is written, and who starts the engine then. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { starterImage } from "../support/engine.ts";

const launcher = fileURLToPath(new URL("../../bin/gantry", import.meta.url));
let directory: string;
let unit: string;

/** Runs commands in a mount namespace where systemd seems to run, with a directory for units that lasts. */
function runScript(script: string) {
  const prepare = `mount --make-rprivate / && mkdir -p /run/systemd /etc/systemd ${directory}/units &&
    mount -t tmpfs tmpfs /run/systemd && mkdir /run/systemd/system &&
    mount -t tmpfs tmpfs /etc/systemd && mkdir /etc/systemd/system && mount --bind ${directory}/units /etc/systemd/system`;
  const env = {
    PATH: `${directory}:${process.env.PATH}`,
    GANTRY_ROOT: join(directory, "root"),
    GANTRY_RUN: join(directory, "run"),
  };
  const done = spawnSync("unshare", ["-m", "sh", "-c", `${prepare} || exit 99\n${script}`], { env, encoding: "utf8" });
  return { code: done.status, stdout: done.stdout, stderr: done.stderr };
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "gantry-test-"));
  unit = `gantry-${join(directory, "run")
    .slice(1)
    .replace(/[^A-Za-z0-9_.]+/g, "-")}.service`;
  const player = `#!/bin/sh
echo "$*" >> ${directory}/calls
case $1 in
  start) setsid sh -c "exec $(sed -n 's/^ExecStart=//p' "/etc/systemd/system/$2")" < /dev/null > ${directory}/journal 2>&1 & ;;
  disable) [ "$2" != --now ] || ${launcher} engine stop > /dev/null ;;
esac
`;
  writeFileSync(join(directory, "systemctl"), player, { mode: 0o755 });
});

afterAll(() => {
  runScript(`${launcher} engine purge --force`);
  rmSync(directory, { recursive: true, force: true });
});

const calls = () => readFileSync(join(directory, "calls"), "utf8").trimEnd().split("\n");
const pidOf = "-f '{{.Pid}}'";

describe("engine install", () => {
  it("prints the unit without writing it", () => {
    const { code, stdout } = runScript(`${launcher} engine install --print; ls /etc/systemd/system`);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ExecStart=.*engine\.mjs serve --foreground --root .*\/root --run .*\/run$/m);
    expect(stdout).not.toContain(unit);
  });

  it("writes it, and hands the engine that runs over while its containers go on", () => {
    const result = runScript(`
      ${launcher} run -d --name stays ${starterImage} sleep 300 > /dev/null
      ${launcher} engine status ${pidOf}
      ${launcher} inspect -f '{{.State.Pid}}' stays
      ${launcher} engine install
      ${launcher} engine status ${pidOf}
      ${launcher} inspect -f '{{.State.Pid}}' stays
      ${launcher} engine status
    `);
    expect(result).toMatchObject({ code: 0, stderr: "" });
    const [before, container, ...told] = result.stdout.trimEnd().split("\n");
    expect(told.slice(0, 6)).toEqual([
      `wrote /etc/systemd/system/${unit}`,
      "ran systemctl daemon-reload",
      `ran systemctl enable ${unit}`,
      "stopped the engine that ran; containers go on",
      `ran systemctl start ${unit}`,
      "the engine runs, and will after each boot; containers come up again by their restart policies",
    ]);
    expect(told[6]).not.toBe(before);
    expect(told[7]).toBe(container);
    expect(told.at(-1)).toBe(`start: systemd unit ${unit}`);
    // An engine that ends asks whether the whole host does.
    expect(calls()).toEqual(["daemon-reload", `enable ${unit}`, "is-system-running", `start ${unit}`]);
  });

  it("has systemd start the engine that a command wants, and changes nothing a second time", () => {
    const result = runScript(`
      ${launcher} engine stop
      ${launcher} ps --format '{{.Names}}'
      ${launcher} engine install | head -1
    `);
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(result.stdout).toBe(
      `engine stopped; containers go on running\nstays\n/etc/systemd/system/${unit} is as it should be\n`,
    );
    expect(calls().slice(3, 4)).toEqual([`start ${unit}`]);
  });

  it("is undone", () => {
    const result = runScript(`
      ${launcher} engine uninstall
      ${launcher} engine uninstall
      ls /etc/systemd/system
      ${launcher} ps --format '{{.Names}}'
    `);
    expect(result.stdout).toBe(
      [
        `ran systemctl disable --now ${unit}`,
        `removed /etc/systemd/system/${unit}`,
        "ran systemctl daemon-reload",
        "containers go on; the next command starts an engine of its own",
        "not installed: there is no unit of this engine",
        "stays",
        "",
      ].join("\n"),
    );
  });
});
