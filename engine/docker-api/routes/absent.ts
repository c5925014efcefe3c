import type { ServerParts } from "../../server/parts.ts";
import { ApiError } from "../api-error.ts";
import type { Method, Route } from "../router.ts";

/** Everything of a swarm. This host never is part of one. */
const swarmPaths: readonly (readonly [Method, string])[] = [
  ["POST", "/swarm/join"],
  ["POST", "/swarm/update"],
  ["POST", "/swarm/unlock"],
  ["GET", "/swarm"],
  ["GET", "/swarm/unlockkey"],
  ["GET", "/nodes"],
  ["GET", "/nodes/{id}"],
  ["DELETE", "/nodes/{id}"],
  ["POST", "/nodes/{id}/update"],
  ["GET", "/services"],
  ["POST", "/services/create"],
  ["GET", "/services/{id}"],
  ["DELETE", "/services/{id}"],
  ["POST", "/services/{id}/update"],
  ["GET", "/services/{id}/logs"],
  ["GET", "/tasks"],
  ["GET", "/tasks/{id}"],
  ["GET", "/tasks/{id}/logs"],
  ["GET", "/secrets"],
  ["POST", "/secrets/create"],
  ["GET", "/secrets/{id}"],
  ["DELETE", "/secrets/{id}"],
  ["POST", "/secrets/{id}/update"],
  ["GET", "/configs"],
  ["POST", "/configs/create"],
  ["GET", "/configs/{id}"],
  ["DELETE", "/configs/{id}"],
  ["POST", "/configs/{id}/update"],
];

const noManager =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';
const noPlugins = "plugins are not run by gantry: volumes and networks of its own drivers work without any";
const noBuildKit = "gantry does not speak BuildKit: set DOCKER_BUILDKIT=0 to build with the classic builder";

/** What there is not, in words that a person understands. */
export function absentRoutes(_parts: ServerParts): Route[] {
  return [
    ...swarmPaths.map(([method, path]) => refuse(method, path, new ApiError(503, noManager, "unavailable"))),
    refuse(
      "POST",
      "/swarm/init",
      new ApiError(501, "gantry runs containers of one host: it has no swarm", "unimplemented"),
    ),
    refuse("POST", "/swarm/leave", new ApiError(503, "This node is not part of a swarm", "unavailable")),
    refuse("POST", "/session", new ApiError(501, noBuildKit, "unimplemented")),
    refuse("POST", "/grpc", new ApiError(501, noBuildKit, "unimplemented")),
    { method: "GET", path: "/plugins", handle: (call) => call.reply(200, []) },
    refuse("GET", "/plugins/privileges", new ApiError(501, noPlugins, "unimplemented")),
    { method: "GET", path: "/plugins/{name...}/json", handle: (call) => throwNoPlugin(call.param("name")) },
    { method: "DELETE", path: "/plugins/{name...}", handle: (call) => throwNoPlugin(call.param("name")) },
    refuse("POST", "/plugins/pull", new ApiError(501, noPlugins, "unimplemented")),
    refuse("POST", "/plugins/create", new ApiError(501, noPlugins, "unimplemented")),
    ...["enable", "disable", "push", "set", "upgrade"].map(
      (act): Route => ({
        method: "POST",
        path: `/plugins/{name...}/${act}`,
        handle: (call) => throwNoPlugin(call.param("name")),
      }),
    ),
  ];
}

function refuse(method: Method, path: string, error: ApiError): Route {
  return {
    method,
    path,
    handle: () => {
      // One of its own for each request, for the sake of its stack.
      throw new ApiError(error.status, error.message, error.code);
    },
  };
}

function throwNoPlugin(name: string): never {
  throw new ApiError(404, `plugin ${JSON.stringify(name)} not found`, "not-found");
}
