import { execFile } from "node:child_process";
import { request } from "node:http";
import { promisify } from "node:util";
import type { TestEngine } from "./engine.ts";

export type DockerAnswer = { readonly status: number; readonly body: unknown };

/** One request to docker.sock. path: with its version or without. The answer's body is parsed where it is JSON, else text. */
export async function askDocker(
  { config }: Pick<TestEngine, "config">,
  line: `${"GET" | "HEAD" | "POST" | "PUT" | "DELETE"} ${string}`,
  body?: unknown,
): Promise<DockerAnswer> {
  const [method = "GET", path = "/"] = line.split(" ");
  const text = body === undefined ? "" : JSON.stringify(body);
  const headers =
    body === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) };
  return await new Promise((resolve, reject) => {
    const call = request({ socketPath: config.dockerSocket, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        resolve({ status: response.statusCode ?? 0, body: parse(Buffer.concat(chunks).toString()) });
      });
    });
    call.once("error", reject);
    call.end(text);
  });
}

/** `filters` as a query has it. */
export function filterQuery(filters: Readonly<Record<string, readonly string[]>>): string {
  return `filters=${encodeURIComponent(JSON.stringify(filters))}`;
}

/** What the real docker prints, its last line end cut off. Rejects where it fails, with what it says. */
export async function runDocker({ config }: Pick<TestEngine, "config">, ...args: string[]): Promise<string> {
  const env = { ...process.env, DOCKER_HOST: `unix://${config.dockerSocket}` };
  const { stdout } = await promisify(execFile)("docker", args, { env, maxBuffer: 64 * 1024 * 1024 });
  return stdout.replace(/\n$/, "");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
