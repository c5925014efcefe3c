import { connect } from "node:net";
import { WebSocket } from "ws";
import { EngineError, messageOf } from "../../engine/errors.ts";

/**
 * Opens a WebSocket to the engine over its unix socket. `path` is the resource, e.g. `/rpc`. Fails with `unavailable` where
 * nobody listens and `permission-denied` where the socket may not be opened. With `paused` nothing is
 * received before resume().
 *
 * The connection is made by ourselves and not by a `ws+unix:` URL: such a URL breaks on a colon or a blank in the path.
 */
export function openWebSocket(socket: string, path: string, paused = false): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const webSocket = new WebSocket(`ws://gantry${path}`, {
      createConnection: () => connect(socket),
      perMessageDeflate: false,
    });
    webSocket.once("open", () => {
      webSocket.off("error", onError);
      // The first frames may have come with the answer, before the caller can listen.
      if (paused) webSocket.pause();
      resolve(webSocket);
    });
    const onError = (cause: Error) => reject(connectError(socket, cause));
    webSocket.once("error", onError);
  });
}

function connectError(socket: string, cause: Error): EngineError {
  const errno = "code" in cause ? cause.code : undefined;
  if (errno === "EACCES" || errno === "EPERM") {
    return new EngineError("permission-denied", `engine socket ${socket}: permission denied`, {
      cause,
      hint: "run the command as root, or join the group gantry",
    });
  }
  if (errno === "ENOENT" || errno === "ECONNREFUSED") {
    return new EngineError("unavailable", `no engine listens on ${socket}`, {
      cause,
      hint: "start it with: gantry engine start",
    });
  }
  return new EngineError("unavailable", `connect to engine on ${socket}: ${messageOf(cause)}`, { cause, hint: null });
}
