import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { TestEngine } from "./engine.ts";

export type StreamRequest = {
  /** False: as clients asked before there was `Upgrade: tcp`. */
  readonly upgrade?: boolean;
  readonly body?: object;
  /** Sent with the request, before there is an answer. */
  readonly early?: string;
};
export type Output = { readonly stdout: string; readonly stderr: string };

/** A connection that docker's API has taken from HTTP. */
export class DockerStream implements Disposable {
  readonly socket: Socket;
  /** Status line and headers. */
  head = "";
  #received: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes]);
    });
    socket.on("error", () => undefined);
  }

  /** What came after the head. */
  get received(): Buffer {
    return this.#received;
  }

  async takeHead(): Promise<void> {
    let end = -1;
    while (end === -1) {
      await once(this.socket, "data");
      end = this.#received.indexOf("\r\n\r\n");
    }
    this.head = this.#received.toString("latin1", 0, end);
    this.#received = this.#received.subarray(end + 4);
  }

  /** Until the engine has ended its half. */
  async ended(): Promise<Buffer> {
    if (!this.socket.readableEnded) await once(this.socket, "end");
    return this.received;
  }

  /** The same, frames taken apart. Fails for what is no whole frame. */
  async output(): Promise<Output> {
    return demultiplex(await this.ended());
  }

  /** Until so many bytes of this text have come. */
  async until(text: string): Promise<void> {
    while (!this.#received.includes(text)) await once(this.socket, "data");
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** Sends a POST and gives the connection when the head of the answer has come. */
export async function openDockerStream(
  { config }: Pick<TestEngine, "config">,
  path: string,
  { upgrade = true, body, early = "" }: StreamRequest = {},
): Promise<DockerStream> {
  const socket = connect({ path: config.dockerSocket, allowHalfOpen: true });
  const stream = new DockerStream(socket);
  const text = body === undefined ? "" : JSON.stringify(body);
  const lines = [
    `POST ${path} HTTP/1.1`,
    "Host: docker",
    ...(upgrade ? ["Connection: Upgrade", "Upgrade: tcp"] : []),
    ...(body === undefined ? [] : ["Content-Type: application/json"]),
    `Content-Length: ${Buffer.byteLength(text)}`,
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n${text}${early}`);
  await stream.takeHead();
  return stream;
}

export function demultiplex(bytes: Buffer): Output {
  const outputs = { 1: "", 2: "" };
  let at = 0;
  while (at < bytes.length) {
    const stream = bytes.readUInt8(at);
    const end = at + 8 + bytes.readUInt32BE(at + 4);
    const isFrame = (stream === 1 || stream === 2) && bytes.readUIntBE(at + 1, 3) === 0 && end <= bytes.length;
    if (!isFrame) throw new Error(`no frame of docker's at byte ${at}: ${bytes.toString("latin1", at, at + 40)}`);
    outputs[stream] += bytes.toString("utf8", at + 8, end);
    at = end;
  }
  return { stdout: outputs[1], stderr: outputs[2] };
}
