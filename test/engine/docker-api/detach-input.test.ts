import { expect, it } from "vitest";
import { parseDetachKeys, untilDetached } from "../../../engine/docker-api/detach-input.ts";
import { collect } from "../../support/collect.ts";

async function* typed(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
}

it("passes on what is typed until the keys come, wherever they are cut", async () => {
  let detached = 0;
  const onDetach = () => {
    detached++;
  };
  const keys = parseDetachKeys("");
  const input = typed("a\u0010", "b\u0010", "\u0011c", "d");
  expect(String(Buffer.concat(await collect(untilDetached(input, { keys, onDetach }))))).toBe("a\u0010b");
  expect(detached).toBe(1);
  expect(String(Buffer.concat(await collect(untilDetached(typed("a"), { keys, onDetach }))))).toBe("a");
  expect(detached).toBe(1);
});

it("refuses what is no key", () => {
  expect(() => parseDetachKeys("ctrl-p,what")).toThrow("Invalid escape keys (ctrl-p,what) provided");
});
