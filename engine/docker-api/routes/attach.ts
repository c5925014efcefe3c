import type { ContainerService, LogSource } from "../../containers/container-service.ts";
import { type ClientStream, joinSession } from "../../containers/join-session.ts";
import { EngineError } from "../../errors.ts";
import type { AttachSession } from "../../runtime/container-runtime.ts";
import type { ServerParts } from "../../server/parts.ts";
import type { ApiCall } from "../api-call.ts";
import { errorBody } from "../api-error.ts";
import { parseDetachKeys, untilDetached } from "../detach-input.ts";
import { hijack, hijackWebSocket } from "../hijack.ts";
import type { HijackedStream } from "../hijacked-stream.ts";
import { LogFrames } from "../log-frames.ts";
import type { Route } from "../router.ts";

export function attachRoutes(parts: ServerParts): Route[] {
  return [
    {
      method: "POST",
      path: "/containers/{id}/attach",
      handle: (call) => attach(parts, call, (terminal) => hijack(call, { isFramed: !terminal })),
    },
    {
      method: "GET",
      path: "/containers/{id}/attach/ws",
      handle: (call) => attach(parts, call, () => hijackWebSocket(call)),
    },
  ];
}

/** Its connection is the client's before the container runs: `docker run` starts it after that. */
async function attach(
  parts: ServerParts,
  call: ApiCall,
  take: (terminal: boolean) => Promise<HijackedStream>,
): Promise<void> {
  const { containers } = parts;
  const source = containers.logSource(call.param("id"));
  refuseUnattachable(containers, source.container);
  const keys = parseDetachKeys(call.text("detachKeys"));
  const stream = await take(source.terminal);
  try {
    if (call.flag("logs")) await replay(parts, call, { stream, source });
    if (call.flag("stream")) await join(containers, call, { stream, keys, source });
    else stream.end();
  } catch (error) {
    stream.fail(errorBody(error).message);
  }
}

/** In docker's words. */
function refuseUnattachable(containers: ContainerService, id: string): void {
  const { name, status } = containers.get(id);
  if (status === "paused") {
    throw new EngineError("failed-precondition", `container ${name} is paused, unpause the container before attach`);
  }
  if (status === "restarting") {
    throw new EngineError(
      "failed-precondition",
      `container ${name} is restarting, wait until the container is running`,
    );
  }
}

type Attached = { readonly stream: HijackedStream; readonly source: LogSource };

/** All that it has said up to now. */
async function replay({ logs }: ServerParts, call: ApiCall, { stream, source }: Attached): Promise<void> {
  if (!source.isKept) throw new EngineError("unimplemented", "configured logging driver does not support reading");
  const isFramed = stream.isFramed;
  const chosen = { stdout: call.flag("stdout"), stderr: call.flag("stderr") };
  const frames = new LogFrames({ ...chosen, isFramed, timestamps: false, details: "" });
  const range = { tail: null, since: null, until: null };
  for await (const chunk of logs.read(source.path, { range, follow: false, signal: stream.signal }, source.ended)) {
    if (!stream.write(frames.take(chunk))) await stream.ready();
  }
}

async function join(
  containers: ContainerService,
  call: ApiCall,
  { stream, source, keys }: Attached & { readonly keys: Buffer },
): Promise<void> {
  const { container: id, terminal } = source;
  const shown = onlySome(stream, { stdout: call.flag("stdout"), stderr: call.flag("stderr") });
  const onDetach = () => {
    containers.note(id, "detach", {});
    stream.end();
  };
  const typed = () => (terminal ? untilDetached(stream.input(), { keys, onDetach }) : stream.input());
  const onSession = (session: AttachSession) => {
    // Where its end is not the process's, a client that types no more is taken to be done, as docker takes it.
    const onInputEnd = () =>
      attached.then(({ stdinOnce }) => (stdinOnce && !terminal ? session.endInput() : stream.end()));
    const input = call.flag("stdin") ? typed : null;
    void joinSession(shown, session, { input, onInputEnd }).then(() => stream.end());
  };
  const attached = containers.attach(id, { onSession, onGone: () => stream.end(), signal: stream.signal });
  await attached;
}

/** A stream that drops what the client has not asked for. */
export function onlySome(
  stream: HijackedStream,
  chosen: { readonly stdout: boolean; readonly stderr: boolean },
): ClientStream {
  const { signal } = stream;
  return {
    signal,
    send: (number, bytes) => !(number === 1 ? chosen.stdout : chosen.stderr) || stream.send(number, bytes),
    ready: () => stream.ready(),
  };
}
