import { expect } from "vitest";
import { askDocker } from "./docker-client.ts";
import { checkAnswer } from "./docker-schema.ts";
import { starterImage } from "./engine.ts";
import { engineOfFile } from "./engine-of-file.ts";

/** An engine for all tests of the file that calls this at its top, which asks it by docker's API. */
export function dockerEngineOfFile() {
  const file = engineOfFile();
  const ask = (line: Parameters<typeof askDocker>[1], body?: unknown) => askDocker(file.engine, line, body);

  /** Makes a container, one that sleeps if `body` does not say otherwise; gives its id. An empty name: docker chooses one. */
  async function create(name: string, body: object = {}): Promise<string> {
    const asked = { Image: starterImage, Cmd: ["sleep", "1000"], ...body };
    const answer = await ask(`POST /v1.41/containers/create?name=${name}`, asked);
    expect(answer).toMatchObject({ status: 201 });
    checkAnswer({ method: "POST", path: "/containers/create", status: 201 }, answer.body);
    return (answer.body as { Id: string }).Id;
  }

  async function start(container: string): Promise<void> {
    expect(await ask(`POST /containers/${container}/start`)).toMatchObject({ status: 204 });
  }

  /** The same, started, and with an init, so that it ends when it is told to. */
  async function run(
    name: string,
    body: { readonly HostConfig?: object; readonly [field: string]: unknown } = {},
  ): Promise<string> {
    const id = await create(name, { ...body, HostConfig: { Init: true, ...body.HostConfig } });
    await start(id);
    return id;
  }

  const removeContainers = (...names: string[]) =>
    Promise.all(names.map((name) => ask(`DELETE /containers/${name}?force=1&v=1`)));

  return { ...file, ask, create, start, run, removeContainers };
}
