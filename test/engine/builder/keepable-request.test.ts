import { expect, it } from "vitest";
import { isRepeatable, keepableRequest, redactURL } from "../../../engine/builder/keepable-request.ts";
import { buildRequestOf } from "../../support/builds.ts";

const context = { type: "remote", url: "https://ann:token@git.example/a.git#main" } as const;

it("keeps no secrets, no credentials, and no passwords in addresses", () => {
  const request = buildRequestOf("FROM x", {
    context,
    namedContexts: { other: { type: "remote", url: "https://token@git.example/b.git" } },
    buildArgs: { HTTP_PROXY: "http://ann:pass@proxy:3128", PLAIN: "a@b" },
    secrets: [{ id: "key", value: "c2VjcmV0" }],
    credentials: { "registry.example": { type: "password", username: "ann", password: "pass" } },
    streamID: "s",
  });
  const kept = JSON.stringify(keepableRequest(request));
  expect(kept).not.toMatch(/token|pass|c2VjcmV0/);
  expect(keepableRequest(request)).toMatchObject({
    context: { url: "https://git.example/a.git#main" },
    buildArgs: { HTTP_PROXY: "http://proxy:3128", PLAIN: "a@b" },
  });
});

it("repeats only what needs nothing that is not kept", () => {
  expect(isRepeatable(buildRequestOf("FROM x"))).toBe(true);
  const others = [
    { context },
    { context: { type: "stream" } as const },
    { secrets: [{ id: "key", value: "" }] },
    { output: { type: "oci" } as const },
    { buildArgs: { http_proxy: "http://ann:pass@proxy" } },
  ];
  for (const other of others) expect(isRepeatable(buildRequestOf("FROM x", other))).toBe(false);
});

it("leaves addresses without a password as they are", () => {
  for (const url of ["git@github.example:a/b.git", "ssh://git@host/x", "https://host/a@b", "plain text"]) {
    expect(redactURL(url)).toBe(url);
  }
});
