import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openDatabase } from "../../../engine/database/database.ts";
import { PortConflict, PortPlanner } from "../../../engine/networks/port-plan.ts";
import { SandboxTable } from "../../../engine/networks/sandbox-table.ts";
import type { PortRequest } from "../../../engine/protocol/ports.ts";

it("plans a range of thirty thousand ports without holding the engine up, and sees a port asked for twice", () => {
  const directory = mkdtempSync(join(tmpdir(), "gantry-ports-"));
  const database = openDatabase(join(directory, "gantry.db"));
  try {
    const planner = new PortPlanner(new SandboxTable(database));
    const surroundings = { listeners: [], foreign: [], range: [32768, 60999] as const };
    const ports = Array.from({ length: 30_000 }, (_, index): PortRequest[] => {
      return [{ hostAddress: "0.0.0.0", hostPort: 10_000 + index, containerPort: 10_000 + index, protocol: "udp" }];
    });
    const begin = performance.now();
    const planned = planner.plan(ports, surroundings);
    expect(performance.now() - begin).toBeLessThan(5000);
    expect(planned.at(-1)).toMatchObject({ hostAddress: "0.0.0.0", hostPort: 39_999, protocol: "udp" });

    const twice: PortRequest = { hostAddress: "127.0.0.1", hostPort: 10_000, containerPort: 1, protocol: "udp" };
    expect(() => planner.plan([...ports.slice(0, 5), [twice]], surroundings)).toThrow(PortConflict);
    expect(planner.plan([...ports.slice(0, 5), [{ ...twice, protocol: "tcp" }]], surroundings)).toHaveLength(6);
  } finally {
    database.close();
    rmSync(directory, { recursive: true });
  }
});
