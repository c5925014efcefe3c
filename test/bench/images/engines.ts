import { rmSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { connectEngine } from "../../../src/client/connection.ts";
import type { Engine } from "../engines.ts";

/** What the cases on images ask of an engine. Commands are argv; null: it does no such thing, or not the same work. */
export type ImageEngine = {
  readonly name: string;
  pull(name: string): string[];
  /** `name` is there already and bears the target's name, too. */
  push(name: string, target: string): string[];
  load(archive: string): string[] | null;
  save(name: string, archive: string): string[] | null;
  /** Command line for whatever all engines spell alike; null where there is no such command. */
  cli(...args: string[]): string[] | null;
  /** Long-lived processes. */
  daemonPids(): number[];
  /** Forgets everything: for what has no command for it. */
  clear(): void;
  /** Asks for something small on a connection that stays open; null: it has no process that could be kept from answering. */
  openPing(): Promise<Ping | null>;
};

export type Ping = {
  readonly ask: () => Promise<unknown>;
  readonly pull: (name: string) => Promise<unknown>;
} & Disposable;

export function gantryImages(engine: Engine, directory: string): ImageEngine {
  return {
    ...plainVerbs(engine),
    async openPing() {
      const client = await connectEngine({ socket: join(directory, "run/gantry.sock") });
      const ask = () => client.request("containers.list", { all: false });
      await ask();
      const pull = { allTags: false, platform: null, credentials: null, verifyKeys: [] };
      return {
        ask,
        pull: (reference) => client.request("images.pull", { ...pull, reference }),
        [Symbol.dispose]: () => client.close(),
      };
    },
  };
}

export function dockerImages(engine: Engine, directory: string): ImageEngine {
  const socketPath = join(directory, "docker.sock");
  return {
    ...plainVerbs(engine),
    openPing: async () => ({
      ask: () => answered(socketPath, "GET", "/_ping"),
      pull: (name) => answered(socketPath, "POST", `/v1.41/images/create?fromImage=${encodeURIComponent(name)}`),
      [Symbol.dispose]: () => {},
    }),
  };
}

/** podman's command does the work itself. */
export function podmanImages(engine: Engine): ImageEngine {
  return {
    ...plainVerbs(engine),
    pull: (name) => engine.cli("pull", "--tls-verify=false", name),
    push: (_, target) => engine.cli("push", "--tls-verify=false", target),
    daemonPids: () => [],
    openPing: async () => null,
  };
}

/** Copies between a registry and an OCI directory and checks every digest; it neither unpacks nor keeps names. */
export function skopeoImages(directory: string): ImageEngine {
  const layout = join(directory, "layout");
  const local = (name: string) => `oci:${layout}:${name.replace(/^[^/]*\//, "").replaceAll(/[/:]/g, "-")}`;
  return {
    name: "skopeo",
    pull: (name) => ["skopeo", "copy", "--src-tls-verify=false", `docker://${name}`, local(name)],
    push: (name, target) => ["skopeo", "copy", "--dest-tls-verify=false", local(name), `docker://${target}`],
    load: () => null,
    save: () => null,
    cli: () => null,
    daemonPids: () => [],
    clear: () => rmSync(layout, { recursive: true, force: true }),
    openPing: async () => null,
  };
}

function plainVerbs(engine: Engine): Omit<ImageEngine, "openPing"> {
  return {
    name: engine.name,
    pull: (name) => engine.cli("pull", name),
    push: (_, target) => engine.cli("push", target),
    load: (archive) => engine.cli("load", "-i", archive),
    save: (name, archive) => engine.cli("save", "-o", archive, name),
    cli: (...args) => engine.cli(...args),
    daemonPids: () => engine.daemonPids(),
    clear: () => {},
  };
}

function answered(socketPath: string, method: string, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path }, (response) => {
      response.once("end", resolve).once("error", reject).resume();
    });
    sent.once("error", reject);
    sent.end();
  });
}
