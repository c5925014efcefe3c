import { randomUUID } from "node:crypto";
import { joinSession } from "../../containers/join-session.ts";
import { EngineError, messageOf } from "../../errors.ts";
import { channel } from "../../protocol/streams.ts";
import type { AttachSession } from "../../runtime/container-runtime.ts";
import type { ByteStream } from "../byte-stream.ts";
import type { Handlers } from "../call.ts";
import type { ServerParts } from "../parts.ts";

export function attachHandlers(
  parts: ServerParts,
): Pick<Handlers, "containers.attach" | "containers.exec" | "containers.logs"> {
  const { containers } = parts;
  return {
    "containers.attach": async ({ container, streamID, stdin }, call) => {
      const { id } = containers.get(container);
      const stream = await call.openStream(streamID);
      // Read from the start, so that a client that goes before there is a session is noticed, and its first resize kept.
      const controls = bufferControls(stream, () => containers.note(id, "detach", {}));
      const onResize = (size: Size) => containers.note(id, "resize", size);
      const onSession = (session: AttachSession) => {
        const ended = containers.wait(id, "next-exit", stream.signal);
        connect(stream, session, { stdin, controls, onResize, exitCode: ended.then((exit) => exit.exitCode) });
      };
      try {
        const onGone = (reason: EngineError) => stream.fail(reason);
        const { terminal } = await containers.attach(id, { onSession, onGone, signal: stream.signal });
        return { terminal };
      } catch (error) {
        stream.fail(error);
        throw error;
      }
    },

    "containers.exec": async (request, call) => {
      const stream = request.streamID === undefined ? null : await call.openStream(request.streamID);
      try {
        const execID = randomUUID().replaceAll("-", "");
        const session = await containers.exec(request, execID);
        if (stream === null) session.attached.onOutput(() => true);
        else {
          const { id } = containers.get(request.container);
          const controls = bufferControls(stream, () => containers.note(id, "exec_detach", { execID }));
          connect(stream, session.attached, { stdin: request.openStdin, controls, exitCode: session.exitCode });
        }
        return { execID, pid: session.pid };
      } catch (error) {
        stream?.fail(error);
        throw error;
      }
    },

    "containers.logs": async ({ container, streamID, follow, range }, call) => {
      const source = containers.logSource(container);
      // docker's words.
      if (!source.isKept) throw new EngineError("unimplemented", "configured logging driver does not support reading");
      const stream = await call.openStream(streamID);
      stream.onControl(() => {});
      void sendLog(stream, parts.logs.read(source.path, { range, follow, signal: stream.signal }, source.ended));
      return { terminal: source.terminal };
    },
  };
}

type Controls = { readonly deliver: (listener: Parameters<ByteStream["onControl"]>[0]) => void };

/** Takes control messages at once and hands them on, those kept first, when there is somebody for them. */
function bufferControls(stream: ByteStream, onDetach: () => void): Controls {
  type Message = Parameters<Parameters<ByteStream["onControl"]>[0]>[0];
  const kept: Message[] = [];
  let listener: ((message: Message) => void) | null = null;
  stream.onControl((message) => {
    if (message.type === "detach") {
      stream.close();
      onDetach();
    } else if (listener !== null) listener(message);
    else if (kept.length < 64) kept.push(message);
  });
  return {
    deliver: (next) => {
      listener = next;
      for (const message of kept.splice(0)) next(message);
    },
  };
}

/** docker's attributes of the event `resize`. */
type Size = { readonly height: string; readonly width: string };
type Connection = {
  readonly stdin: boolean;
  readonly controls: Controls;
  readonly exitCode: Promise<number>;
  readonly onResize?: (size: Size) => void;
};

/** Joins a client's stream and a process until either ends, and tells the client the exit code. */
function connect(stream: ByteStream, session: AttachSession, connection: Connection): void {
  const ended = joinSession(stream, session, { input: connection.stdin ? () => stream.input() : null });
  connection.controls.deliver((message) => {
    // A process that has ended since has no terminal to resize.
    if (message.type !== "resize") return;
    session.resize(message.rows, message.columns).catch(() => {});
    connection.onResize?.({ height: String(message.rows), width: String(message.columns) });
  });
  Promise.all([connection.exitCode, ended]).then(
    ([exitCode]) => stream.exit(exitCode),
    (error) => stream.fail(error),
  );
}

async function sendLog(stream: ByteStream, chunks: AsyncIterable<Buffer>): Promise<void> {
  try {
    for await (const chunk of chunks) {
      if (!stream.send(channel.records, chunk)) await stream.ready();
      if (stream.signal.aborted) return;
    }
    stream.exit(null);
  } catch (error) {
    stream.fail(messageOf(error));
  }
}
