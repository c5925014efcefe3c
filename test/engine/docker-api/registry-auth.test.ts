import { expect, it } from "vitest";
import { toCredentials } from "../../../engine/docker-api/registry-auth.ts";

it.each([
  [
    { username: "ann", password: "p", serveraddress: "x" },
    { type: "password", username: "ann", password: "p" },
  ],
  [
    { Username: "ann", Password: "p", email: null },
    { type: "password", username: "ann", password: "p" },
  ],
  [
    { username: "ann", identitytoken: "t" },
    { type: "identity-token", token: "t" },
  ],
  [{ registrytoken: "t" }, { type: "registry-token", token: "t" }],
  [{}, null],
  [{ username: 7 }, null],
  [null, null],
  ["junk", null],
])("reads %j", (config, credentials) => {
  expect(toCredentials(config)).toEqual(credentials);
});
