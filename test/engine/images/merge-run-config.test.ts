import { expect, it } from "vitest";
import { mergeRunConfig } from "../../../engine/images/merge-run-config.ts";

const container = {
  Env: ["PATH=/bin", "MODE=slow"],
  Cmd: ["serve"],
  Entrypoint: ["/start"],
  Labels: { a: "1", b: "2" },
  ExposedPorts: { "80/tcp": {} },
  WorkingDir: "/srv",
};

it("keeps what is not set, and joins variables, labels and ports", () => {
  const over = { Env: ["MODE=fast", "X=1"], Labels: { b: "3" }, ExposedPorts: { "81/tcp": {} }, WorkingDir: "" };
  expect(mergeRunConfig(over, container)).toEqual({
    ...container,
    Env: ["PATH=/bin", "MODE=fast", "X=1"],
    Labels: { a: "1", b: "3" },
    ExposedPorts: { "80/tcp": {}, "81/tcp": {} },
  });
});

it("lets an entrypoint take the command away, and not the other way round", () => {
  expect(mergeRunConfig({ Entrypoint: ["/other"] }, container)).toMatchObject({ Entrypoint: ["/other"], Cmd: null });
  expect(mergeRunConfig({ Cmd: ["id"] }, container)).toMatchObject({ Entrypoint: ["/start"], Cmd: ["id"] });
});

it("changes nothing for an empty one", () => {
  expect(mergeRunConfig({ Env: [], Labels: {}, User: "", Cmd: null, Healthcheck: undefined }, container)).toEqual(
    container,
  );
});
