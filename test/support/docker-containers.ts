import { expect } from "vitest";
import type { DockerAnswer } from "./docker-client.ts";
import { checkAnswer } from "./docker-schema.ts";

type Ask = (line: `GET ${string}`) => Promise<DockerAnswer>;

export type Summary = {
  readonly Id: string;
  readonly Names: string[];
  readonly State: string;
  readonly Status: string;
};
export type Inspected = {
  readonly Id: string;
  readonly State: { readonly Status: string; readonly ExitCode: number };
  readonly HostConfig: Record<string, unknown>;
  readonly Config: Record<string, unknown>;
  readonly Mounts: unknown[];
  readonly NetworkSettings: Record<string, unknown>;
};

/** docker's inspect JSON, checked against its description. */
export async function inspectContainer(ask: Ask, name: string): Promise<Inspected> {
  const { body } = await ask(`GET /containers/${name}/json`);
  const inspected = body as Inspected;
  checkAnswer({ method: "GET", path: "/containers/{id}/json" }, { ...inspected, HostConfig: describedPart(inspected) });
  return inspected;
}

/** moby's own answers do not fit its description in these: null, `""`, `no`, `local`. */
function describedPart({ HostConfig }: Inspected) {
  const {
    MemorySwappiness: _swappiness,
    Isolation: _isolation,
    RestartPolicy: _policy,
    LogConfig: _log,
    ...rest
  } = HostConfig;
  return rest;
}

export async function listContainers(ask: Ask, query: string): Promise<Summary[]> {
  const answer = await ask(`GET /containers/json?${query}`);
  expect(answer).toMatchObject({ status: 200 });
  checkAnswer({ method: "GET", path: "/containers/json" }, answer.body);
  return answer.body as Summary[];
}
