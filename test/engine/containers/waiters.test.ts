import { expect, it } from "vitest";
import { Waiters } from "../../../engine/containers/waiters.ts";
import { EngineError } from "../../../engine/errors.ts";

const never = new AbortController().signal;

it("answers each condition at its own moment", async () => {
  const waiters = new Waiters();
  const answered: string[] = [];
  for (const condition of ["next-exit", "stopped", "removed"] as const) {
    void waiters.wait("a", condition, never).then((code) => answered.push(`${condition} ${code}`));
  }
  waiters.exited("a", 1);
  await Promise.resolve();
  expect(answered).toEqual(["next-exit 1"]);
  waiters.stopped("a", 2);
  await Promise.resolve();
  expect(answered).toEqual(["next-exit 1", "stopped 2"]);
  waiters.removed("a", 2);
  await Promise.resolve();
  expect(answered).toEqual(["next-exit 1", "stopped 2", "removed 2"]);
});

it("tells those who wait for an exit that there was no start", async () => {
  const waiters = new Waiters();
  const exit = waiters.wait("a", "next-exit", never);
  waiters.startFailed("a", new EngineError("failed-precondition", "port 80 is taken"));
  await expect(exit).rejects.toThrow("port 80 is taken");
});

it("lets go of a client that went", async () => {
  const waiters = new Waiters();
  const controller = new AbortController();
  const exit = waiters.wait("a", "removed", controller.signal);
  controller.abort();
  await expect(exit).rejects.toMatchObject({ code: "cancelled" });
});
