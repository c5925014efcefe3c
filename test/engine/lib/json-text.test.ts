import { expect, it } from "vitest";
import { listText } from "../../../engine/lib/json-text.ts";

it("writes each value of a list once, however often it is listed", () => {
  let writes = 0;
  const value = (name: string) => ({
    toJSON() {
      writes++;
      return { name, none: undefined, text: 'a "word"\u2028' };
    },
  });
  const [first, second, third] = [value("one"), value("two"), value("three")];
  const before = listText([first, second]);
  expect(before.text).toBe(JSON.stringify([first, second]));
  writes = 0;
  expect(listText([third, first, second]).text).toBe(
    JSON.stringify([third]).replace("]", before.text.replace("[", ",")),
  );
  expect(writes).toBe(2);
  expect(listText([]).text).toBe("[]");
});
