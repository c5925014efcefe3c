import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { askDocker } from "../support/docker-client.ts";
import { eventually } from "../support/engine.ts";
import { engineOfFile } from "../support/engine-of-file.ts";
import { RawSocket } from "../support/raw-socket.ts";

const { engine } = engineOfFile();

const open = () => new RawSocket(engine.config.dockerSocket);
const get = (path: string, ...headers: string[]) => [`GET ${path} HTTP/1.1`, "Host: docker", ...headers, "", ""];
const post = (path: string, body: string, ...headers: string[]) => [
  `POST ${path} HTTP/1.1`,
  "Host: docker",
  "Content-Type: application/json",
  ...(headers.length === 0 ? [`Content-Length: ${Buffer.byteLength(body, "latin1")}`] : headers),
  "",
  body,
];

/** Status and message of an answer of docker's. */
function parseRefusal(answer: string): { status: number; message: string } {
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
  const body: { message: string } = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n")));
  return { status, message: body.message };
}

async function refusalOf(...request: string[]): Promise<{ status: number; message: string }> {
  using client = open();
  return parseRefusal(await client.send(...request).until(/\r\n\r\n.*\n/s));
}

/** File descriptors of the engine. */
const descriptors = () => readdirSync(`/proc/${engine.pid}/fd`).length;

it("answers a ping with all that clients look for", async () => {
  using client = open();
  const answer = await client.send(...get("/_ping")).until(/OK$/);
  for (const header of ["Api-Version: 1.50", "Ostype: linux", "Swarm: inactive", "Docker-Experimental: true"]) {
    expect(answer).toContain(header);
  }
  const head = await client.send("HEAD /v1.24/_ping HTTP/1.1", "Host: docker", "", "").until(/OK.*\r\n\r\n$/s);
  expect(head.slice(answer.length)).toContain("Content-Length: 2");
});

it.each([
  ["/v1.99/_ping", 400, "client version 1.99 is too new. Maximum supported API version is 1.50"],
  ["/v2.0/info", 400, "client version 2.0 is too new. Maximum supported API version is 1.50"],
  [
    "/v1.23/info",
    400,
    "client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version",
  ],
  ["/v1.41/nothing", 404, "page not found"],
  ["/v1.41", 404, "page not found"],
  ["//info", 404, "page not found"],
  ["/", 404, "page not found"],
  ["/containers/%zz/json", 400, "the path is not well encoded"],
  ["/containers/%00/json", 400, "the path is not well encoded"],
  ["/containers/%ff/json", 400, "the path is not well encoded"],
  ["/events?since=yesterday", 400, 'strconv.ParseInt: parsing "yesterday": invalid syntax'],
  ["/events?since=20&until=10", 400, "`since` time (20) cannot be after `until` time (10)"],
  ["/events?filters={", 400, "invalid filter"],
])("refuses %s with %i", async (path, status, message) => {
  expect(await refusalOf(...get(path))).toEqual({ status, message });
});

it("refuses bodies that are not what they should be", async () => {
  const path = "/v1.50/auth";
  expect(await refusalOf(...post(path, '{"username":'))).toMatchObject({ status: 400 });
  expect(await refusalOf(...post(path, '{"username":[1]}'))).toMatchObject({ status: 400 });
  expect(await refusalOf(...post(path, "[]"))).toMatchObject({ status: 400 });
  expect(await refusalOf(...post(path, ""))).toMatchObject({ status: 400 });
  expect(await refusalOf(...post(path, `{"username":"\xff"}`))).toMatchObject({ status: 400 });
  expect(await refusalOf(...post(path, "[".repeat(100_000)))).toMatchObject({ status: 400 });
  const plain = post(path, "{}").map((line) => line.replace("application/json", "text/plain"));
  expect(await refusalOf(...plain)).toEqual({
    status: 400,
    message: "unsupported Content-Type header (text/plain): must be 'application/json'",
  });
});

it("stops reading a body that is too long, and goes on with the connection", async () => {
  using client = open();
  const megabyte = "x".repeat(1024 * 1024);
  client.send(...post("/auth", "", `Content-Length: ${9 * 1024 * 1024}`));
  for (let sent = 0; sent < 9; sent++) client.send(megabyte);
  const answer = await client.until(/\r\n\r\n.*\n/s);
  expect(parseRefusal(answer)).toEqual({ status: 413, message: "the body is longer than 8388608 bytes" });
  expect(await client.send(...get("/_ping")).until(/OK$/)).toContain("200 OK");
});

it("tells who does not speak HTTP, and lets go", async () => {
  for (const junk of [
    "hello\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\x16\x03\x01\x02",
    "GET / HTTP/1.1\r\n: x\r\n\r\n",
  ]) {
    using client = open();
    expect(parseRefusal(await client.send(junk).closed())).toMatchObject({ status: 400 });
  }
  using client = open();
  const long = await client.send(...get("/_ping", `X-Junk: ${"x".repeat(300_000)}`)).closed();
  expect(parseRefusal(long)).toEqual({ status: 431, message: "the headers are longer than 262144 bytes" });
});

it("does not mind headers and parameters that it does not know", async () => {
  using client = open();
  const junk = Array.from({ length: 200 }, (_, at) => `X-Junk-${at}: ${"y".repeat(500)}`);
  const answer = await client.send(...get(`/_ping?a=%2&a&&=&b=${"c".repeat(50_000)}`, ...junk)).until(/OK$/);
  expect(answer).toContain("200 OK");
});

it("takes addresses that name the host", async () => {
  using client = open();
  expect(await client.send(...get("http://docker/v1.41/_ping")).until(/OK$/)).toContain("200 OK");
});

it("refuses web pages", async () => {
  const refusal = await refusalOf(...get("/_ping", "Origin: https://example.org"));
  expect(refusal).toMatchObject({ status: 403 });
});

it("knows each path by its own methods only", async () => {
  for (const line of ["POST /info", "DELETE /_ping", "PUT /events", "GET /containers/create"] as const) {
    expect(await askDocker(engine, line)).toEqual({ status: 404, body: { message: "page not found" } });
  }
  expect(await askDocker(engine, "HEAD /events")).toMatchObject({ status: 404 });
});

it("answers OPTIONS of whatever path", async () => {
  using client = open();
  const answer = await client.send("OPTIONS /v1.41/anything HTTP/1.1", "Host: docker", "", "").until(/\r\n\r\n$/);
  expect(answer).toContain("HTTP/1.1 200 OK");
});

it("says in words what there is not", async () => {
  const swarm = "This node is not a swarm manager.";
  for (const line of [
    "GET /services",
    "GET /nodes/x",
    "POST /swarm/update",
    "DELETE /secrets/x",
    "GET /tasks",
  ] as const) {
    const { status, body } = await askDocker(engine, line);
    expect({ line, status, message: (body as { message: string }).message.slice(0, swarm.length) }).toEqual({
      line,
      status: 503,
      message: swarm,
    });
  }
  expect(await askDocker(engine, "GET /plugins")).toEqual({ status: 200, body: [] });
  expect(await askDocker(engine, "GET /plugins/vieux/sshfs:latest/json")).toMatchObject({ status: 404 });
  using client = open();
  expect(await askDocker(engine, "POST /grpc")).toMatchObject({ status: 501 });
  const upgrade = ["POST /v1.50/session HTTP/1.1", "Host: docker", "Connection: Upgrade", "Upgrade: h2c", "", ""];
  const answer = parseRefusal(await client.send(...upgrade).until(/\r\n\r\n.*\n/s));
  expect(answer.status).toBe(501);
  expect(answer.message).toContain("DOCKER_BUILDKIT=0");
});

it("answers 1,000 clients at once, and keeps no descriptor of them", async () => {
  await askDocker(engine, "GET /_ping");
  const before = descriptors();
  const answers = await Promise.all(Array.from({ length: 1000 }, () => askDocker(engine, "GET /info")));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  await eventually(() => descriptors() <= before + 2);
});

it("answers requests of a connection one after the other, and lets go of who sends many", async () => {
  using client = open();
  const version = get("/version").join("\r\n");
  const ping = get("/_ping").join("\r\n");
  const answers = await client.send(version + ping + version + ping).until(/OK$/);
  expect(answers.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(4);
  expect(answers.indexOf("Components")).toBeLessThan(answers.indexOf("text/plain"));
  using greedy = open();
  await greedy.send(get("/info").join("\r\n").repeat(1000)).closed();
});

it("ends what it does for a client that goes before its turn", async () => {
  await askDocker(engine, "GET /_ping");
  const before = descriptors();
  const clients = Array.from({ length: 20 }, () => open().send(get("/events").join("\r\n").repeat(3)));
  await Promise.all(clients.map((client) => client.until(/200 OK/)));
  for (const client of clients) client[Symbol.dispose]();
  await eventually(() => descriptors() <= before + 2);
});

it("forgets clients that go in the midst of anything", async () => {
  await askDocker(engine, "GET /_ping");
  const before = descriptors();
  const halves = [
    "GET /_pi",
    "POST /auth HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    "POST /auth HTTP/1.1\r\nHost: docker\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "GET /events HTTP/1.1\r\nHost: docker\r\n\r\n",
    "GET /events?since=1 HTTP/1.1\r\nHost: docker\r\n\r\n",
    "",
  ];
  const clients = Array.from({ length: 120 }, (_, at) => open().send(halves[at % halves.length] ?? ""));
  await eventually(() => descriptors() >= clients.length);
  for (const client of clients) client[Symbol.dispose]();
  await eventually(() => descriptors() <= before + 2);
  expect(readFileSync(engine.config.logFile, "utf8")).not.toContain("a request of a docker client failed");
});

it("lets connections rest: a client may be about to send its next request", async () => {
  using client = open();
  expect(await client.send(...get("/_ping")).until(/OK$/)).not.toMatch(/keep-alive: timeout/i);
});
