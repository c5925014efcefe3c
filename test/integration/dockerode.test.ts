import { once } from "node:events";
import { PassThrough, type Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import Docker from "dockerode";
import { pack } from "tar-stream";
import { beforeAll, describe, expect, it } from "vitest";
import { eventually, starterImage as image } from "../support/engine.ts";
import { engineOfFile } from "../support/engine-of-file.ts";
import { startRegistry } from "../support/registry.ts";

/** What is written to it, as text. */
class Sink extends Writable {
  text = "";
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** The calls of dockerode's README, with a real engine behind them. */
describe("dockerode", () => {
  const { engine } = engineOfFile();
  let docker: Docker;
  beforeAll(() => {
    docker = new Docker({ socketPath: engine.config.dockerSocket });
  });

  it("makes a container, starts, resizes, stops and removes it", async () => {
    const container = await docker.createContainer({
      Image: image,
      AttachStdin: false,
      AttachStdout: true,
      AttachStderr: true,
      Tty: true,
      Cmd: ["/bin/sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.1; done"],
      OpenStdin: false,
      StdinOnce: false,
    });
    await container.start();
    await container.resize({ h: 40, w: 100 });
    expect((await container.inspect()).State.Running).toBe(true);
    expect((await docker.listContainers()).map(({ Id }) => Id)).toEqual([container.id]);
    await container.stop();
    expect(await docker.listContainers({ all: true, filters: { status: ["exited"] } })).toHaveLength(1);
    await container.remove();
    await expect(container.inspect()).rejects.toMatchObject({ statusCode: 404 });
  });

  it("runs a command in one call, its streams apart or as one", async () => {
    const both = new Sink();
    const [result, container] = await docker.run(image, ["sh", "-c", "uname"], both);
    expect(result.StatusCode).toBe(0);
    // The answer to a wait and the output come by different connections.
    await eventually(() => both.text === "Linux\r\n");
    await container.remove();
    const [out, err] = [new Sink(), new Sink()];
    const command = ["sh", "-c", "echo out; echo err >&2; exit 3"];
    const [ended] = await docker.run(image, command, [out, err] as never, {
      Tty: false,
      HostConfig: { AutoRemove: true },
    });
    expect(ended.StatusCode).toBe(3);
    await eventually(() => out.text === "out\n" && err.text === "err\n");
  });

  it("attaches to a container that reads", async () => {
    const container = await docker.createContainer({ Image: image, Cmd: ["cat"], OpenStdin: true, StdinOnce: true });
    const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
    const out = new Sink();
    docker.modem.demuxStream(stream, out, new Sink());
    const gone = ended(stream);
    await container.start();
    stream.end("hello from the other end\n");
    expect(await container.wait()).toMatchObject({ StatusCode: 0 });
    await gone;
    expect(out.text).toBe("hello from the other end\n");
    await container.remove();
  });

  it("executes commands, with input", async () => {
    const container = await running();
    const exec = await container.exec({ Cmd: ["tr", "a-z", "A-Z"], AttachStdin: true, AttachStdout: true });
    const stream = await exec.start({ hijack: true, stdin: true });
    const out = new Sink();
    docker.modem.demuxStream(stream, out, new Sink());
    const gone = ended(stream);
    stream.end("shout\n");
    await gone;
    expect(out.text).toBe("SHOUT\n");
    expect((await exec.inspect()).ExitCode).toBe(0);
    await container.remove({ force: true });
  });

  it("follows logs, takes stats and lists processes", async () => {
    const container = await running("for i in 1 2 3; do echo line $i; done; exec sleep 300");
    const logs = await container.logs({ follow: true, stdout: true, stderr: true, tail: 2 });
    const out = new Sink();
    docker.modem.demuxStream(logs, out, new Sink());
    const gone = ended(logs);
    await container.kill();
    await gone;
    expect(out.text).toBe("line 2\nline 3\n");
    await container.restart({ t: 0 });
    expect(await container.stats({ stream: false })).toMatchObject({ id: container.id });
    expect((await container.top()).Processes).toHaveLength(1);
    await container.remove({ force: true });
  });

  it("copies files in and out", async () => {
    const container = await docker.createContainer({ Image: image, Cmd: ["true"] });
    const archive = pack();
    archive.entry({ name: "note.txt" }, "hello");
    archive.finalize();
    await container.putArchive(archive as unknown as NodeJS.ReadableStream, { path: "/tmp" });
    expect(await text(await container.getArchive({ path: "/tmp/note.txt" }))).toContain("hello");
    expect(await container.changes()).toContainEqual({ Path: "/tmp/note.txt", Kind: 1 });
    await container.remove();
  });

  it("pushes, pulls and follows the progress", async () => {
    await using registry = await startRegistry();
    const name = `${registry.address}/team/box`;
    await docker.getImage(image).tag({ repo: name, tag: "1" });
    await follow(await docker.getImage(`${name}:1`).push({}));
    await docker.getImage(`${name}:1`).remove();
    const events = await follow(await docker.pull(`${name}:1`));
    expect(events.at(-1)).toMatchObject({ status: expect.stringContaining("Status:") });
    const inspected = await docker.getImage(`${name}:1`).inspect();
    expect((await docker.listImages()).map(({ Id }) => Id)).toContain(inspected.Id);
    expect(await docker.getImage(`${name}:1`).history()).not.toHaveLength(0);
    await docker.getImage(`${name}:1`).remove({ force: true });
  });

  it("manages networks and volumes", async () => {
    const network = await docker.createNetwork({ Name: "ode", Labels: { a: "b" } });
    const volume = docker.getVolume((await docker.createVolume({ Name: "ode" })).name);
    const container = await running();
    await network.connect({ Container: container.id });
    expect(Object.keys((await network.inspect()).Containers ?? {})).toEqual([container.id]);
    await network.disconnect({ Container: container.id });
    expect(await docker.listNetworks({ filters: { label: ["a=b"] } })).toHaveLength(1);
    expect((await docker.listVolumes()).Volumes.map(({ Name }) => Name)).toEqual(["ode"]);
    await container.remove({ force: true });
    await volume.remove();
    await network.remove();
  });

  it("asks after the engine and hears of what happens", async () => {
    expect((await docker.ping()).toString()).toBe("OK");
    expect(await docker.version()).toMatchObject({ Os: "linux", ApiVersion: expect.stringMatching(/^1\./) });
    expect(await docker.info()).toMatchObject({ OSType: "linux" });
    const events = await docker.getEvents({ filters: { type: ["container"], event: ["create"] } });
    const container = await docker.createContainer({ Image: image });
    const [line] = (await once(events, "data")) as [Buffer];
    expect(JSON.parse(line.toString())).toMatchObject({
      Type: "container",
      Action: "create",
      Actor: { ID: container.id },
    });
    (events as Readable).destroy();
    await container.remove();
    await expect(docker.listServices()).rejects.toMatchObject({ statusCode: 503 });
  });

  async function running(script = "exec sleep 300"): Promise<Docker.Container> {
    const container = await docker.createContainer({ Image: image, Cmd: ["sh", "-c", script] });
    await container.start();
    return container;
  }

  function follow(stream: NodeJS.ReadableStream): Promise<Record<string, unknown>[]> {
    return new Promise((resolve, reject) => {
      docker.modem.followProgress(stream, (error, output) => (error === null ? resolve(output) : reject(error)));
    });
  }

  /** All that came has been handed on. */
  async function ended(stream: NodeJS.ReadableStream): Promise<void> {
    const end = new PassThrough();
    stream.once("end", () => end.end());
    stream.once("close", () => end.end());
    end.resume();
    await once(end, "end");
  }
});
