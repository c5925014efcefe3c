import { readSync } from "node:fs";
import { receiveMessageOnPort, workerData } from "node:worker_threads";
import type { AttachCommand, AttachEvent, AttachWorkerData } from "./messages.ts";
import { Epoll, epollIn, epollOut, errno, errors, receive } from "./socket-calls.ts";

/** One thread waits for all attach sockets. It never returns to its event loop: commands are polled after a wake. */
type Connection = {
  readonly id: number;
  readonly descriptor: number;
  /** Bytes given to the main thread that nobody has consumed yet. */
  outstanding: number;
  /** Above it the connection is not read from. */
  limit: number;
  watched: number;
  awaitsWritable: boolean;
};

/** conmon's packet: the stream's number, then at most 8192 bytes. */
const packetSize = 8193;
const batchSize = 32 * 8192;
/** Memory a connection may hold while its reader is slow; then it is not read from, and conmon waits. */
const mostOutstanding = 4 * batchSize;
const wakeID = 0;

const { port, wake } = workerData as AttachWorkerData;
const epoll = new Epoll();
const connections = new Map<number, Connection>();
const bytes = new Uint8Array(1 + batchSize);
let stopped = false;

function tell(event: AttachEvent, transfer: ArrayBuffer[] = []): void {
  port.postMessage(event, transfer);
}

function watch(connection: Connection): void {
  const reads = connection.outstanding < connection.limit ? epollIn : 0;
  const wanted = reads | (connection.awaitsWritable ? epollOut : 0);
  epoll.set(connection.descriptor, connection.id, { from: connection.watched, to: wanted });
  connection.watched = wanted;
}

function letGo(connection: Connection): void {
  epoll.set(connection.descriptor, connection.id, { from: connection.watched, to: 0 });
  connections.delete(connection.id);
}

function obey(command: AttachCommand): void {
  if (command.kind === "stop") {
    stopped = true;
    return;
  }
  if (command.kind === "add") {
    const { id, descriptor } = command;
    const connection = { id, descriptor, outstanding: 0, limit: mostOutstanding, watched: 0, awaitsWritable: false };
    connections.set(id, connection);
    watch(connection);
    return;
  }
  const connection = connections.get(command.id);
  if (command.kind === "drop") {
    // Where it ended by itself, `end` was the last word.
    if (connection === undefined) return;
    letGo(connection);
    tell({ kind: "dropped", id: command.id });
    return;
  }
  if (connection === undefined) return;
  if (command.kind === "consumed") connection.outstanding -= command.bytes;
  else if (command.kind === "drain") connection.limit = Number.POSITIVE_INFINITY;
  else connection.awaitsWritable = true;
  watch(connection);
}

function obeyAll(): void {
  const counter = Buffer.alloc(8);
  try {
    readSync(wake, counter);
  } catch {
    // Somebody's wake was counted in an earlier read.
  }
  for (;;) {
    const received = receiveMessageOnPort(port);
    if (received === undefined) return;
    obey(received.message as AttachCommand);
  }
}

/**
 * Reads packets behind each other into one buffer. Each packet's first byte would lie between the data of two: it is received over
 * the last byte before, which is then put back.
 */
function read(connection: Connection): void {
  const segments: number[] = [];
  let end = 1;
  let ended = false;
  while (end + packetSize <= bytes.length + 1) {
    const saved = bytes[end - 1] ?? 0;
    const count = receive(connection.descriptor, bytes.subarray(end - 1, end - 1 + packetSize));
    const stream = (bytes[end - 1] ?? 0) === 3 ? 2 : 1;
    if (count > 0) bytes[end - 1] = saved;
    if (count <= 0) {
      ended = count === 0 || (errno() !== errors.EAGAIN && errno() !== errors.EINTR);
      break;
    }
    appendSegment(segments, stream, count - 1);
    end += count - 1;
  }
  if (end > 1) {
    connection.outstanding += end - 1;
    const data = bytes.slice(1, end);
    tell({ kind: "output", id: connection.id, bytes: data, segments }, [data.buffer]);
  }
  if (ended) {
    letGo(connection);
    tell({ kind: "end", id: connection.id });
  } else {
    watch(connection);
  }
}

function appendSegment(segments: number[], stream: 1 | 2, length: number): void {
  if (segments.at(-2) === stream) segments.push((segments.pop() ?? 0) + length);
  else segments.push(stream, length);
}

function serve(id: number, events: number): void {
  const connection = connections.get(id);
  if (connection === undefined) return;
  // A hang-up counts as writable, too: send then tells the reason.
  if (connection.awaitsWritable && (events & ~epollIn) !== 0) {
    connection.awaitsWritable = false;
    tell({ kind: "writable", id });
  }
  if (connection.outstanding < connection.limit && (events & ~epollOut) !== 0) read(connection);
  else watch(connection);
}

epoll.set(wake, wakeID, { from: 0, to: epollIn });
while (!stopped) {
  for (const { id, events } of epoll.wait(-1)) {
    if (id === wakeID) obeyAll();
    else serve(id, events);
  }
}
port.close();
