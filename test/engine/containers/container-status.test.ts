import { expect, it } from "vitest";
import { checkMove } from "../../../engine/containers/container-status.ts";
import { containerStatus } from "../../../engine/protocol/containers.ts";

it("lets every status be removed and nothing come back from removal", () => {
  for (const status of containerStatus.options) expect(() => checkMove(status, "removing")).not.toThrow();
  expect(() => checkMove("removing", "running")).toThrow("a container cannot go from removing to running");
  expect(() => checkMove("created", "paused")).toThrow("a container cannot go from created to paused");
});
