import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const home = join(import.meta.dirname, "../..");

/** The text between the bracket at `start` and its partner, without what stands in braces in there: bodies of functions. */
function withoutBodies(text: string, start: number): string {
  let [depth, braces, kept] = [0, 0, ""];
  for (let at = start; at < text.length; at++) {
    const character = text[at] ?? "";
    if (character === "{") braces++;
    if (character === "[" && braces === 0) depth++;
    if (character === "]" && braces === 0 && --depth === 0) return kept;
    if (braces === 0) kept += character;
    if (character === "}") braces--;
  }
  return kept;
}

function offences(text: string): string[] {
  return [...text.matchAll(/Promise\.(?:all|allSettled|race|any)\(\[/g)]
    .map(({ index, 0: call }) => withoutBodies(text, index + call.length - 1))
    .filter((content) => /(?<!async .*)\bawait\b/.test(content));
}

it("finds what it looks for", () => {
  expect(offences("await Promise.all([write(a), write(await b)])")).toHaveLength(1);
  expect(offences("await Promise.all([[write(a)], (await b).run(), write(c)])")).toHaveLength(1);
  expect(offences("await Promise.all([write(a), run(async () => { await b; })]); await c")).toEqual([]);
});

it("no promise is made beside an await that comes before anybody looks after it: if it fails meanwhile, the engine ends", () => {
  const files = globSync("{engine,src}/**/*.{ts,tsx}", { cwd: home });
  const found = files.flatMap((file) =>
    offences(readFileSync(join(home, file), "utf8")).map((text) => `${file}: ${text.trim()}`),
  );
  expect(files.length).toBeGreaterThan(300);
  expect(found).toEqual([]);
});
