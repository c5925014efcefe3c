import { expect, it } from "vitest";
import { forkTurn } from "../../../engine/host/fork-turn.ts";

it("gives one turn a round of the event loop, in order", async () => {
  let round = 0;
  let stop = false;
  const count = () => {
    round += 1;
    if (!stop) setImmediate(count);
  };
  setImmediate(count);
  const rounds: number[] = [];
  await Promise.all([1, 2, 3, 4].map(() => forkTurn().then(() => rounds.push(round))));
  stop = true;
  expect(new Set(rounds).size).toBe(4);
  expect(rounds).toEqual(rounds.toSorted((one, other) => one - other));
});
