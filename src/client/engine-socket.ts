import { connect, type Socket } from "node:net";
import { EngineError, messageOf } from "../../engine/errors.ts";

export type SocketListener = {
  /** The bytes stay valid. */
  readonly message: (bytes: Buffer, isBinary: boolean) => void;
  /** Once, after the last message. `reason` is empty where the engine gave none. */
  readonly close: (reason: string, cause: Error | undefined) => void;
};

const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
/** No message of the engine comes near; a length beyond it is not the engine's. */
const maxPayload = 100 * 1024 * 1024;
const maxHead = 16 * 1024;
/** Longer payloads are not copied behind their header. */
const copyLimit = 16 * 1024;
const headEnd = Buffer.from("\r\n\r\n");

/**
 * The client's end of a WebSocket (RFC 6455) over the engine's unix socket. Not `ws`, which the engine's end is: it is made for
 * connections through proxies and TLS, and loading it with node:http takes 4 to 8 ms, more than the request of a short command. On a
 * unix socket there is no proxy that a mask or the key of the handshake could protect, so both are constant. Extensions and
 * fragments are never negotiated or sent by the engine.
 */
export class EngineSocket {
  readonly #socket: Socket;
  #listener: SocketListener | null = null;
  #received: Buffer[] = [];
  #receivedBytes = 0;
  /** Bytes that have to be there before there is anything to do. */
  #needed = 1;
  #hasOpened = false;
  #isPaused = true;
  #isTaking = false;
  #isClosing = false;
  #hasEnded = false;
  /** The end came while messages wait for resume(). */
  #heldEnd: (() => void) | null = null;
  readonly #opened = Promise.withResolvers<void>();

  private constructor(path: string, resource: string) {
    this.#socket = connect(path);
    this.#socket.on("data", (chunk) => this.#receive(chunk));
    this.#socket.on("error", (cause) => this.#end(messageOf(cause), cause));
    this.#socket.on("end", () => this.#end("", undefined));
    this.#socket.on("close", () => this.#end("", undefined));
    this.#socket.write(
      `GET ${resource} HTTP/1.1\r\nHost: gantry\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: Z2FudHJ5LWdhbnRyeS0hIQ==\r\n\r\n`,
    );
  }

  /**
   * Opens `resource`, e.g. `/rpc`. Nothing is received before resume(). Fails with `unavailable` where nobody listens and
   * `permission-denied` where the socket may not be opened. `first` is sent along, for an engine that will read it once it agreed.
   */
  static async open(path: string, resource: string, first?: string): Promise<EngineSocket> {
    const opening = new EngineSocket(path, resource);
    if (first !== undefined) opening.send(first);
    try {
      await opening.#opened.promise;
      return opening;
    } catch (cause) {
      throw connectError(path, cause);
    }
  }

  get isOpen(): boolean {
    return this.#hasOpened && !this.#isClosing && !this.#hasEnded;
  }

  /** Bytes not yet taken by the engine. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  /** A string goes as text, bytes as binary. Calls back when they have left, or with the reason why not. */
  send(data: string | Uint8Array, sent?: (error?: Error | null) => void): void {
    if (typeof data === "string") this.#write(opcode.text, Buffer.from(data), sent);
    else this.#write(opcode.binary, data, sent);
  }

  /** No message is given out until resume(), and soon none is received. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#take();
  }

  /** Says goodbye after all that was sent; no more messages are given out. */
  close(): void {
    if (this.#isClosing) return;
    this.#write(opcode.close, Buffer.from([1000 >> 8, 1000 & 0xff]));
    this.#isClosing = true;
    this.#isPaused = false;
    this.#received = [];
    this.#receivedBytes = 0;
    this.#socket.end();
    this.#socket.resume();
  }

  /** Drops the connection at once. */
  terminate(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }

  #write(code: number, payload: Uint8Array, sent?: (error?: Error | null) => void): void {
    if (this.#isClosing || this.#hasEnded) {
      sent?.(new Error("the connection is closed"));
      return;
    }
    const header = frameHeader(code, payload.length);
    if (payload.length <= copyLimit) {
      this.#socket.write(Buffer.concat([header, payload]), sent);
      return;
    }
    this.#socket.cork();
    this.#socket.write(header);
    this.#socket.write(payload, sent);
    this.#socket.uncork();
  }

  #receive(chunk: Buffer): void {
    if (this.#isClosing) return;
    this.#received.push(chunk);
    this.#receivedBytes += chunk.length;
    this.#take();
  }

  /** Gives out what is there. A listener may pause, resume or close meanwhile. */
  #take(): void {
    if (this.#isTaking) return;
    this.#isTaking = true;
    try {
      while (this.#canTake() && (this.#hasOpened ? this.#takeFrame() : this.#takeHead()));
    } catch (cause) {
      this.#isPaused = false;
      this.#end(messageOf(cause), cause instanceof Error ? cause : undefined);
      this.terminate();
    }
    this.#isTaking = false;
    if (this.#hasOpened && this.#isPaused) this.#socket.pause();
    else this.#socket.resume();
    if (!this.#isPaused) this.#heldEnd?.();
  }

  #canTake(): boolean {
    const isWanted = !this.#hasOpened || !this.#isPaused;
    return isWanted && !this.#isClosing && this.#receivedBytes >= this.#needed;
  }

  /** The answer to the upgrade. False: more bytes are needed. */
  #takeHead(): boolean {
    const bytes = this.#joined();
    const end = bytes.indexOf(headEnd);
    if (end === -1) {
      if (bytes.length > maxHead) throw new Error("what answers is no engine");
      this.#needed = bytes.length + 1;
      return false;
    }
    const head = bytes.toString("latin1", 0, end);
    const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(head) ?? [];
    if (status !== "101")
      throw new Error(`it answered ${status ?? "no HTTP"}: ${bytes.toString("utf8", end + 4).trim()}`);
    this.#consume(end + headEnd.length, 1);
    this.#hasOpened = true;
    this.#opened.resolve();
    return true;
  }

  #takeFrame(): boolean {
    const bytes = this.#joined();
    const header = parseHeader(bytes);
    if (header === null || bytes.length < header.size + header.length) {
      this.#needed = header === null ? bytes.length + 1 : header.size + header.length;
      return false;
    }
    const end = header.size + header.length;
    this.#consume(end, 1);
    this.#handle(header.code, bytes.subarray(header.size, end));
    return true;
  }

  #handle(code: number, payload: Buffer): void {
    switch (code) {
      case opcode.text:
      case opcode.binary:
        this.#listener?.message(payload, code === opcode.binary);
        return;
      case opcode.ping:
        this.#write(opcode.pong, payload);
        return;
      case opcode.pong:
        return;
      case opcode.close:
        // Two bytes of code, then the reason.
        this.close();
        this.#end(payload.toString("utf8", 2), undefined);
        return;
      default:
        throw new Error(`a frame of kind ${code} came`);
    }
  }

  /** One buffer of all that was received. Joined only when enough is there, so that each byte is copied once at most. */
  #joined(): Buffer {
    const [first] = this.#received;
    if (first !== undefined && this.#received.length === 1) return first;
    const joined = Buffer.concat(this.#received);
    this.#received = [joined];
    return joined;
  }

  #consume(count: number, needed: number): void {
    const [first] = this.#received;
    if (first === undefined) return;
    this.#received = first.length === count ? [] : [first.subarray(count)];
    this.#receivedBytes -= count;
    this.#needed = needed;
  }

  /** What was received before the end is given out first. */
  #end(reason: string, cause: Error | undefined): void {
    if (this.#hasEnded) return;
    if (this.#isPaused && this.#receivedBytes > 0 && !this.#isClosing) {
      this.#heldEnd ??= () => this.#end(reason, cause);
      return;
    }
    this.#hasEnded = true;
    this.#opened.reject(cause ?? new Error(reason || "the engine closed the connection"));
    this.#listener?.close(reason, cause);
  }
}

type FrameHeader = { readonly code: number; readonly size: number; readonly length: number };

/** RFC 6455, 5.2. Null: more bytes are needed. */
function parseHeader(bytes: Buffer): FrameHeader | null {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return null;
  // FIN set, nothing reserved; no mask from the engine.
  if ((first & 0xf0) !== 0x80 || second > 127) throw new Error("a frame came that the engine does not send");
  const code = first & 0x0f;
  if (second < 126) return { code, size: 2, length: second };
  const size = second === 126 ? 4 : 10;
  if (bytes.length < size) return null;
  const length = second === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (length > maxPayload) throw new Error(`a frame of ${length} bytes came`);
  return { code, size, length };
}

/** With a mask of zeros, which leaves the payload as it is. */
function frameHeader(code: number, length: number): Buffer {
  const extended = length < 126 ? 0 : length < 65536 ? 2 : 8;
  const header = Buffer.alloc(2 + extended + 4);
  header[0] = 0x80 | code;
  header[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) header.writeUInt16BE(length, 2);
  if (extended === 8) header.writeBigUInt64BE(BigInt(length), 2);
  return header;
}

function connectError(socket: string, cause: unknown): EngineError {
  const errno = cause instanceof Error && "code" in cause ? cause.code : undefined;
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
