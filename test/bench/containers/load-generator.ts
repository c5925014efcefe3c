/**
 * Asks a web server for `/` as often as it answers, over some connections at once, and prints answers a second as JSON. A process of its
 * own, so that it can stand in another network namespace: `load-generator.ts HOST PORT CONNECTIONS SECONDS keep|close`. Begins at the first
 * byte on its stdin.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

const [host = "", port = "", connections = "", seconds = "", mode = ""] = process.argv.slice(2);
const isKept = mode === "keep";
const question = Buffer.from(
  `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: ${isKept ? "keep-alive" : "close"}\r\n\r\n`,
);
const end = Buffer.from("\r\n\r\nok");
let answers = 0;
let failures = 0;
let isOver = false;

/** One connection: with `keep` for all questions, else one after the other. */
function run(): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), noDelay: true });
    let said: Buffer = Buffer.alloc(0);
    const ask = () => {
      said = Buffer.alloc(0);
      socket.write(question);
    };
    socket.on("connect", ask);
    socket.on("data", (bytes) => {
      said = said.length === 0 ? bytes : Buffer.concat([said, bytes]);
      if (!said.includes(end)) return;
      answers += 1;
      if (!isKept || isOver) finish(socket);
      else ask();
    });
    socket.on("error", () => {
      failures += 1;
    });
    socket.on("close", () => resolve());
  });
}

function finish(socket: Socket): void {
  // Without TIME_WAIT: ports would run out.
  socket.resetAndDestroy();
}

async function lane(): Promise<void> {
  while (!isOver) await run();
}

await once(process.stdin, "data");
const from = performance.now();
setTimeout(() => {
  isOver = true;
  const took = (performance.now() - from) / 1000;
  console.log(JSON.stringify({ rate: answers / took, failures }));
  process.exit(0);
}, Number(seconds) * 1000);
await Promise.all(Array.from({ length: Number(connections) }, lane));
