import { expect, it } from "vitest";
import { splitSearchTerm } from "../../../engine/registry/search.ts";

it.each([
  ["nginx", "docker.io", "nginx"],
  ["library/nginx", "docker.io", "nginx"],
  ["team/nginx", "docker.io", "team/nginx"],
  ["docker.io/nginx", "docker.io", "nginx"],
  ["localhost/web", "localhost", "web"],
  ["127.0.0.1:5000/web", "127.0.0.1:5000", "web"],
  ["registry.example/team/web", "registry.example", "team/web"],
])("splits %s", (term, registry, words) => expect(splitSearchTerm(term)).toEqual({ registry, words }));

it("wants a word", () => {
  for (const term of ["", "  ", "registry.example/"]) expect(() => splitSearchTerm(term)).toThrow("needs a word");
});
