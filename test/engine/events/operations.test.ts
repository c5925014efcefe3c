import { expect, it } from "vitest";
import { Operations } from "../../../engine/events/operations.ts";
import type { Progress } from "../../../engine/protocol/rpc.ts";

const progress: Progress = { phase: "unpacking", object: "abc", current: 1, total: 2, unit: "bytes" };

it("lists work from its beginning to its end, with the newest progress", () => {
  const operations = new Operations();
  let changes = 0;
  operations.onChange(() => changes++);
  {
    using load = operations.begin("load", "debian.tar");
    expect(operations.list()).toMatchObject([{ kind: "load", title: "debian.tar", progress: null }]);
    load.report(progress);
    expect(operations.list()[0]?.progress).toEqual(progress);
  }
  expect(operations.list()).toEqual([]);
  expect(changes).toBe(3);
});

it("keeps works apart, and hears no report after the end", () => {
  const operations = new Operations();
  const first = operations.begin("load", "a.tar");
  const second = operations.begin("import", "b.tar");
  first[Symbol.dispose]();
  first.report(progress);
  expect(operations.list().map((operation) => operation.title)).toEqual(["b.tar"]);
  second[Symbol.dispose]();
});

it("stops telling a listener that has gone", () => {
  const operations = new Operations();
  let changes = 0;
  operations.onChange(() => changes++)();
  operations.begin("load", "a.tar");
  expect(changes).toBe(0);
});
