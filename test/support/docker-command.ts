import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { TestEngine } from "./engine.ts";

export type DockerResult = { readonly code: number; readonly stdout: string; readonly stderr: string };
export type DockerInput = { readonly input?: string | Buffer; readonly env?: NodeJS.ProcessEnv };

/** The real docker for an engine, on pipes, to its end; never rejects for what it says. `config`: directory of its own settings. */
export function dockerFor({ config }: Pick<TestEngine, "config">, directory: string) {
  const variables = { DOCKER_HOST: `unix://${config.dockerSocket}`, DOCKER_CONFIG: directory };
  return async (args: readonly string[], { input = "", env = {} }: DockerInput = {}): Promise<DockerResult> => {
    const child = spawn("docker", args, { env: { ...process.env, ...variables, ...env }, stdio: "pipe" });
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    return { code: Number(code), stdout, stderr };
  };
}

export type RawAnswer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer };
export type RawRequest = { readonly headers?: Record<string, string>; readonly body?: Readable | Buffer };

/** One request with a body of bytes, answered as bytes. */
export async function sendRaw(
  { config }: Pick<TestEngine, "config">,
  line: `${"GET" | "POST" | "PUT"} ${string}`,
  { headers = {}, body = Buffer.alloc(0) }: RawRequest = {},
): Promise<RawAnswer> {
  const [method = "GET", path = "/"] = line.split(" ");
  const call = request({ socketPath: config.dockerSocket, method, path, headers, agent: false });
  const source = body instanceof Readable ? body : Readable.from([body]);
  // Where the answer comes first the rest of the body may not be wanted.
  const sent = pipeline(source, call).catch(() => undefined);
  const [response] = await once(call, "response");
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  await sent;
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) };
}

/** The lines of an answer that tells of progress. */
export function linesOf({ body }: RawAnswer): Record<string, unknown>[] {
  return body
    .toString()
    .split("\r\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

export function fileBody(path: string): RawRequest {
  return { headers: { "Content-Type": "application/x-tar" }, body: createReadStream(path) };
}
