import { expect, it } from "vitest";
import { tryCommand } from "../../../engine/host/commands.ts";

it("gives up on a program whose children keep its pipes", async () => {
  const begin = Date.now();
  const work = tryCommand("sh", ["-c", "sleep 5 & exec sleep 5"], { timeout: 100 });
  await expect(work).rejects.toMatchObject({ code: "unavailable", message: "sh -c did not finish within 0.1 s" });
  expect(Date.now() - begin).toBeLessThan(3000);
});

it("gives programs nothing of the engine's environment but what they need", async () => {
  process.env.GANTRY_SECRET = "token";
  try {
    const { stdout } = await tryCommand("env", []);
    expect(stdout).not.toContain("GANTRY_SECRET");
    expect(stdout).toContain("PATH=");
    expect(stdout).toContain("LC_ALL=C");
  } finally {
    delete process.env.GANTRY_SECRET;
  }
});
