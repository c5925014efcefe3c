import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";

const module = new URL("../../../../src/cli/build/build-interrupt.ts", import.meta.url).href;

/** A process that is asked to end, and does not. */
const program = `
  import { BuildInterrupt } from ${JSON.stringify(module)};
  const interrupt = new BuildInterrupt(() => console.log("asked", interrupt.exitCode));
  setTimeout(() => {}, 30_000);
  console.log("ready");
`;

it.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)("asks once and leaves at the second %s", async (signal, code) => {
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  let said = "";
  const see = async (text: string) => {
    while (!said.includes(text)) said += String((await once(child.stdout, "data"))[0]);
  };
  await see("ready");
  child.kill(signal);
  await see(`asked ${code}`);
  expect(child.exitCode).toBeNull();
  child.kill(signal);
  expect((await ended)[0]).toBe(code);
});
