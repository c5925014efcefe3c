import { expect, it } from "vitest";
import { dockerWords } from "../../../engine/docker-api/docker-words.ts";
import { EngineError } from "../../../engine/errors.ts";

it.each([
  ["no such container: web", "`gantry ps -a` lists all", "No such container: web"],
  ['invalid reference "A": a name', "write it so", 'invalid reference format: "A": a name'],
  ["image web is used", "remove it first: gantry rm web", "image web is used: remove it first: docker rm web"],
  ["broken", "see gantry engine logs", "broken: see gantry engine logs"],
  ["broken", null, "broken"],
])("says of %j what docker's clients know", (message, hint, words) => {
  expect(dockerWords(new EngineError("not-found", message, { hint }))).toBe(words);
});

it("tells the command line that a program was not found", () => {
  const error = new EngineError("invalid-argument", 'exec: "nope"', { exitCode: 127 });
  expect(dockerWords(error)).toContain("executable file not found in $PATH");
});
