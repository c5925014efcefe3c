import { expect, it } from "vitest";
import { chooseChallenge, parseChallenges, parseScopes } from "../../../engine/registry/challenge.ts";

it("reads what registries send", () => {
  const header =
    'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"';
  expect(parseChallenges(header)).toEqual([
    {
      scheme: "bearer",
      parameters: {
        realm: "https://auth.example/token",
        service: "registry.example",
        scope: "repository:a/b:pull,push",
      },
    },
  ]);
});

it.each([
  [undefined, []],
  ["", []],
  ["Basic", ["basic"]],
  ['Basic realm="a, b = c"', ["basic"]],
  ['BASIC Realm=plain , Bearer realm="x" , service="y"', ["basic", "bearer"]],
  ['Negotiate, Basic realm="x"', ["negotiate", "basic"]],
  ['Bearer realm="a\\"b"', ["bearer"]],
  ['realm="nobody\'s"', []],
  ["\u0000\u0001", []],
  ["x".repeat(10_000), []],
])("finds the schemes of %j", (header, schemes) => {
  expect(parseChallenges(header).map(({ scheme }) => scheme)).toEqual(schemes);
});

it("is not slow with hostile headers", () => {
  const from = performance.now();
  for (const part of ['a="', "a = ", '\\"', ", ", '"\\'])
    parseChallenges(`Bearer ${part.repeat(2_000)}`.slice(0, 8_000));
  expect(performance.now() - from).toBeLessThan(200);
});

it("prefers a token to a password", () => {
  const choose = (header: string) => chooseChallenge(parseChallenges(header))?.scheme;
  expect(choose('Basic realm="x", Bearer realm="y"')).toBe("bearer");
  expect(choose('Bearer, Basic realm="x"')).toBe("basic");
  expect(choose("Negotiate")).toBeUndefined();
});

it("takes only scopes that are some", () => {
  expect(parseScopes("repository:a/b:pull,push registry:catalog:* repository(plugin):x:pull nonsense a:b")).toEqual([
    "repository:a/b:pull,push",
    "registry:catalog:*",
    "repository(plugin):x:pull",
  ]);
  expect(parseScopes("repository:registry.example:5000/a:pull")).toEqual(["repository:registry.example:5000/a:pull"]);
});
