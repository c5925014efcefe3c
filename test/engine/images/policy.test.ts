import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openPolicy } from "../../../engine/images/policy.ts";
import { parseReference } from "../../../engine/oci/reference.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "policy-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function policyOf(value: unknown) {
  const path = join(directory, "policy.json");
  writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value));
  return openPolicy(path);
}

const rule = (value: unknown, image: string) => policyOf(value).ruleFor(parseReference(image));

describe("a policy", () => {
  it("accepts all where there is no file", async () => {
    const policy = openPolicy(join(directory, "none.json"));
    expect(await policy.ruleFor(parseReference("nginx"))).toEqual({ require: "accept" });
  });

  it.each([
    ["docker.io/library/nginx", "accept"],
    ["docker.io/someone/nginx", "reject"],
    ["a.example/team", "reject"],
    ["a.example/team/web/front", "reject"],
    ["a.example/team/ok/x", "accept"],
    ["a.example/teamwork", "accept"],
    ["a.example:5000/team", "accept"],
    ["localhost/web", "reject"],
  ])("answers by the longest prefix: %s", async (image, wanted) => {
    const rules = [
      { match: "docker.io/library", require: "accept" },
      { match: "index.docker.io/", require: "reject" },
      { match: "a.example/team", require: "reject" },
      { match: "a.example/team/ok", require: "accept" },
      { match: "localhost", require: "reject" },
    ];
    expect((await rule({ rules }, image)).require).toBe(wanted);
  });

  it("falls back on its default", async () => {
    expect(await rule({ default: "reject" }, "nginx")).toEqual({ require: "reject", match: "default" });
  });

  it("gives what the key files hold", async () => {
    const key = join(directory, "team.pub");
    writeFileSync(key, "KEY");
    const rules = [{ match: "a.example", require: "signed", keys: [key], signedAs: ["b.example/x"] }];
    expect(await rule({ rules }, "a.example/web")).toEqual({
      require: "signed",
      match: "a.example",
      keys: ["KEY"],
      signedAs: ["b.example/x"],
    });
  });

  it("counts as it is now", async () => {
    const policy = policyOf({ default: "reject" });
    expect((await policy.ruleFor(parseReference("nginx"))).require).toBe("reject");
    writeFileSync(join(directory, "policy.json"), "{}");
    expect((await policy.ruleFor(parseReference("nginx"))).require).toBe("accept");
  });

  it.each([
    ["no JSON", "{", "not valid json"],
    ["an empty file", "", "not valid json"],
    ["a misspelt field", { defualt: "reject" }, "defualt"],
    ["an unknown default", { default: "deny" }, "at default"],
    [
      "an unknown demand",
      { rules: [{ match: "a.example", require: "keyless" }] },
      "keyless signatures are not verified",
    ],
    ["a demand without keys", { rules: [{ match: "a.example", require: "signed", keys: [] }] }, "must name a key file"],
    ["a relative key", { rules: [{ match: "a.example", require: "signed", keys: ["k"] }] }, "must be an absolute path"],
    ["a rule without registry", { rules: [{ match: "nginx", require: "reject" }] }, "registry's address"],
    ["a rule with a tag", { rules: [{ match: "a.example/web:1", require: "reject" }] }, "a.example/web:1"],
    ["a rule in capitals", { rules: [{ match: "a.example/Web", require: "reject" }] }, "lowercase"],
    [
      "two rules for one name",
      {
        rules: [
          { match: "docker.io", require: "reject" },
          { match: "index.docker.io", require: "accept" },
        ],
      },
      "two rules for docker.io",
    ],
  ])("that cannot be followed refuses every image: %s", async (_name, value, reason) => {
    await expect(rule(value, "elsewhere.example/web")).rejects.toMatchObject({
      code: "failed-precondition",
      message: expect.stringContaining(reason),
    });
  });

  it("names a key that is not there", async () => {
    const rules = [{ match: "a.example", require: "signed", keys: [join(directory, "gone.pub")] }];
    await expect(rule({ rules }, "a.example/web")).rejects.toMatchObject({
      code: "failed-precondition",
      message: expect.stringContaining("gone.pub"),
    });
    expect((await rule({ rules }, "b.example/web")).require).toBe("accept");
  });

  it("is not passed over where it is no file", async () => {
    chmodSync(directory, 0o755);
    await expect(openPolicy(directory).ruleFor(parseReference("nginx"))).rejects.toMatchObject({
      code: "failed-precondition",
    });
    await expect(openPolicy(join(directory, "policy.json", "x")).ruleFor(parseReference("nginx"))).resolves.toEqual({
      require: "accept",
    });
  });
});
