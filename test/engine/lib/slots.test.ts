import { expect, it } from "vitest";
import { Slots } from "../../../engine/lib/slots.ts";

it("lets so many work at once, the others in turn", async () => {
  const slots = new Slots(1);
  const { signal } = new AbortController();
  const first = await slots.take(signal);
  const order: string[] = [];
  const second = slots.take(signal).then((slot) => {
    order.push("second");
    return slot;
  });
  const third = slots.take(signal).then((slot) => {
    order.push("third");
    return slot;
  });
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  (await second)[Symbol.dispose]();
  (await third)[Symbol.dispose]();
  expect(order).toEqual(["second", "third"]);
  await slots.take(signal);
});

it("takes a cancelled one out of the line", async () => {
  const slots = new Slots(1);
  const first = await slots.take(new AbortController().signal);
  const cancelled = new AbortController();
  const second = slots.take(cancelled.signal);
  const third = slots.take(new AbortController().signal);
  cancelled.abort();
  await expect(second).rejects.toMatchObject({ code: "cancelled" });
  first[Symbol.dispose]();
  await third;
  await expect(slots.take(cancelled.signal)).rejects.toMatchObject({ code: "cancelled" });
});
