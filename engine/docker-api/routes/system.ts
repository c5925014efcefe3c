import { release } from "node:os";
import * as z from "zod/mini";
import { engineVersion } from "../../config.ts";
import { hostPlatform } from "../../oci/platform.ts";
import type { ServerParts } from "../../server/parts.ts";
import type { ApiCall } from "../api-call.ts";
import { ApiError } from "../api-error.ts";
import { apiVersion, minAPIVersion } from "../api-version.ts";
import { text } from "../go-json.ts";
import type { Route } from "../router.ts";
import { systemInfo } from "../system-info.ts";

/** Of docker's Hub: how clients name it, and how registries are named here. */
const hubAddresses = [
  "",
  "https://index.docker.io/v1/",
  "index.docker.io",
  "https://index.docker.io",
  "registry-1.docker.io",
];

export function systemRoutes(parts: ServerParts): Route[] {
  return [
    { method: "GET", path: "/_ping", handle: ping },
    { method: "HEAD", path: "/_ping", handle: ping },
    { method: "GET", path: "/version", handle: (call) => call.reply(200, version(parts)) },
    { method: "GET", path: "/info", handle: async (call) => call.reply(200, await systemInfo(parts, call.version)) },
    { method: "POST", path: "/auth", handle: (call) => logIn(parts, call) },
  ];
}

/** Headers are all that a client looks at. To HEAD Node sends nothing else. */
function ping({ response }: ApiCall): void {
  response.writeHead(200, {
    // The classic builder: a client with BuildKit would go by /grpc.
    "Builder-Version": "1",
    "Cache-Control": "no-cache, no-store, must-revalidate",
    Pragma: "no-cache",
    Swarm: "inactive",
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": 2,
  });
  response.end("OK");
}

function version({ identity }: ServerParts): Record<string, unknown> {
  const facts = {
    ApiVersion: apiVersion,
    Arch: hostPlatform().architecture,
    BuildTime: "",
    GitCommit: "",
    // The place for the language's version: it is no Go.
    GoVersion: `node ${process.version}`,
    KernelVersion: release(),
    MinAPIVersion: minAPIVersion,
    Os: "linux",
  };
  return {
    Platform: { Name: "Gantry" },
    Version: engineVersion,
    ...facts,
    Components: [
      { Name: "Engine", Version: engineVersion, Details: { ...facts, Experimental: "true" } },
      { Name: identity.runtime, Version: identity.runtimeVersion, Details: { GitCommit: "" } },
    ],
  };
}

const account = z.object({
  username: text,
  password: text,
  serveraddress: text,
  identitytoken: text,
  registrytoken: text,
});

async function logIn({ registries }: ServerParts, call: ApiCall): Promise<void> {
  const body = await call.json(account);
  const registry = registryOf(body.serveraddress);
  const credentials =
    body.identitytoken === ""
      ? ({ type: "password", username: body.username, password: body.password } as const)
      : ({ type: "identity-token", token: body.identitytoken } as const);
  if (credentials.type === "password" && body.username === "") {
    throw new ApiError(400, "Cannot log in without a user name: it is missing in the request");
  }
  const { status, identityToken } = await registries.login(registry, credentials, call.signal);
  call.reply(200, { Status: status, IdentityToken: identityToken ?? "" });
}

/** `host` or `host:port` of what a client calls a server's address. */
function registryOf(address: string): string {
  if (hubAddresses.includes(address)) return "docker.io";
  return address.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
}
