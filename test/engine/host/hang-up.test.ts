import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { expect, it } from "vitest";
import { hasHungUp } from "../../../engine/host/hang-up.ts";
import { tempRoot } from "../../support/temp-root.ts";

const descriptorOf = (socket: Socket) => (socket as Socket & { readonly _handle: { readonly fd: number } })._handle.fd;

it("knows a client that has ended its input from one that has gone", async () => {
  await using root = await tempRoot();
  const path = join(root.path, "socket");
  const server = createServer({ allowHalfOpen: true }).listen(path);
  await once(server, "listening");
  const client = connect({ path, allowHalfOpen: true });
  const [socket] = (await once(server, "connection")) as [Socket];
  expect(hasHungUp(descriptorOf(socket))).toBe(false);
  client.end();
  socket.resume();
  await once(socket, "end");
  expect(hasHungUp(descriptorOf(socket))).toBe(false);
  client.destroy();
  await once(client, "close");
  expect(hasHungUp(descriptorOf(socket))).toBe(true);
  socket.destroy();
  server.close();
});
