import { expect, it } from "vitest";
import { createConfig } from "../../../engine/config.ts";
import { ContainerDiskUsage } from "../../../engine/containers/container-disk-usage.ts";
import { EngineError } from "../../../engine/errors.ts";

it("counts a container that is still being made, or goes just now, as nothing", async () => {
  const record = (id: string) => ({
    id,
    name: id,
    createdAt: "",
    request: { image: "i" },
    resolution: { args: [] },
    state: { status: "created" },
  });
  const parts = {
    config: createConfig({ root: "/nonexistent/root", run: "/nonexistent/run" }),
    table: { all: () => [record("half"), record("whole")] },
    layers: {
      // As the layer store does: not by a promise.
      usage: (id: string) => {
        if (id === "half") throw new EngineError("not-found", "writable layer half not found");
        return Promise.resolve({ size: 7 });
      },
    },
  } as unknown as ConstructorParameters<typeof ContainerDiskUsage>[0];
  const { items, size } = await new ContainerDiskUsage(parts).measure();
  expect(items.map((item) => [item.id, item.size])).toEqual([
    ["half", 0],
    ["whole", 7],
  ]);
  expect(size).toBe(7);
});
