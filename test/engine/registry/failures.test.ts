import { expect, it } from "vitest";
import { connectionFailure, diagnose, plainWords } from "../../../engine/registry/failures.ts";

it("shows a registry's words without what could act on a terminal", () => {
  expect(plainWords("a\u001b[31mred\u001b[0m\r\nb\u202Ec\u0000  d")).toBe("a [31mred [0m b c d");
  expect(plainWords("x".repeat(1_000))).toHaveLength(300);
  expect(plainWords("x".repeat(1_000), 10)).toBe("xxxxxxxxx…");
});

it.each([
  ['{"errors":[{"code":"DENIED","message":"no"},{"code":"B","message":"c"}]}', "DENIED", "no"],
  ['{"errors":[{"code":"DENIED"}]}', "DENIED", ""],
  ['{"errors":[]}', "", ""],
  ['{"errors":"x"}', "", ""],
  ['{"details":"incorrect username or password"}', "", "incorrect username or password"],
  ['{"error":"invalid_grant","error_description":"expired"}', "", "expired"],
  ["<html><body>Bad gateway</body></html>", "", ""],
  ["", "", ""],
  ['{"errors":[{"code":5,"message":{"a":1}}]}', "", ""],
])("reads what %s says", (body, code, words) => {
  expect(diagnose(Buffer.from(body))).toEqual({ code, words });
});

it.each([
  ["ECONNREFUSED", "registry a:5 cannot be reached: it refuses the connection", true],
  ["ENOTFOUND", "registry a:5 cannot be reached: there is no host of this name", false],
  ["EAI_AGAIN", "registry a:5 cannot be reached: its name cannot be looked up now", true],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "the certificate of registry a:5 is not trusted: words", false],
  ["HPE_INVALID_CONSTANT", "registry a:5 gives no proper http answer (HPE_INVALID_CONSTANT)", false],
])("makes a sentence of %s", (code, message, isTransient) => {
  const failure = connectionFailure("registry a:5", "a:5", Object.assign(new Error("words"), { code }));
  expect(failure).toMatchObject({ message, isTransient });
});
