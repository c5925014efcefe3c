import { expect, it } from "vitest";
import { enginePaths } from "../../../src/client/paths.ts";
import { unitName, unitText } from "../../../src/client/systemd-unit.ts";

it("names the unit of another engine by its run directory", () => {
  expect(unitName(enginePaths({ root: "/var/lib/gantry", run: "/run/gantry" }))).toBe("gantry.service");
  expect(unitName(enginePaths({ root: "/srv/g", run: "/run/gantry test" }))).toBe("gantry-run-gantry-test.service");
  expect(unitName(enginePaths({ root: "/srv/g", run: "/run/gantry" }))).toBe("gantry-run-gantry.service");
});

it("leaves containers alone, and says every word as it is meant", () => {
  const text = unitText({
    command: ["/opt/a b/node", "--flag=1", "/x/100%/engine.mjs", '$HOME"\\'],
    environment: { MALLOC_ARENA_MAX: "2", WORDS: "two words" },
  });
  expect(text).toContain('ExecStart="/opt/a b/node" --flag=1 /x/100%%/engine.mjs "$$HOME\\"\\\\"\n');
  expect(text).toContain('Environment=MALLOC_ARENA_MAX=2\nEnvironment="WORDS=two words"\n');
  expect(text).toMatch(/^KillMode=process$/m);
  expect(text).toMatch(/^Delegate=yes$/m);
  expect(text).toMatch(/^WantedBy=multi-user.target$/m);
});
