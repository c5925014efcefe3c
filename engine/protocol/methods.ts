import * as z from "zod/mini";
import { archiveMethods } from "./archives.ts";
import { buildMethods } from "./builds.ts";
import { containerSummary, execRequest, fileChange, topResult } from "./containers.ts";
import { createRequest } from "./create-request.ts";
import { fileMethods } from "./files.ts";
import { historyEntry, imageSummary, layersResult, loadedImage, removedImage } from "./images.ts";
import { lifecycleMethods } from "./lifecycle.ts";
import { logLine, logRange } from "./logs.ts";
import { networkMethods } from "./networks.ts";
import { portBinding } from "./ports.ts";
import { statsSample } from "./stats.ts";
import { openFile } from "./streams.ts";
import { handshakeParams, handshakeResult, systemInfo } from "./system.ts";
import { transferMethods } from "./transfers.ts";
import { upkeepMethods } from "./upkeep.ts";
import { volumeMethods } from "./volumes.ts";

/**
 * Every request a client can make. `container` and `image` params take what a person types: a name, an id, or a unique
 * prefix of an id. Failures: `not-found` where the object is unknown, `invalid-argument` where a value is no such thing,
 * `failed-precondition` where its status forbids the act; others are named at the method. A failed request leaves nothing
 * behind.
 */
const container = z.object({ container: z.string() });
const image = z.object({ image: z.string() });
const nothing = z.object({});
/** docker's inspect JSON: many fields, owned by docker's documentation. */
const dockerJson = z.record(z.string(), z.unknown());

export const methods = {
  "system.handshake": { params: handshakeParams, result: handshakeResult },
  "system.info": { params: nothing, result: systemInfo },
  /** Asks long work to end: it fails with `cancelled`. `failed-precondition` where it cannot be cancelled. */
  "operations.cancel": { params: z.object({ id: z.string() }), result: nothing },
  /** Answers, then stops the engine; containers go on. */
  "system.shutdown": { params: nothing, result: nothing },

  "containers.list": { params: z.object({ all: z.boolean() }), result: z.array(containerSummary) },
  /** `already-exists`: name taken. `not-found`: no such image. */
  "containers.create": { params: createRequest, result: z.object({ id: z.string(), warnings: z.array(z.string()) }) },
  /** No-op on a running container (`started` false). Exit codes 126 and 127 as docker's. */
  "containers.start": { params: container, result: z.object({ started: z.boolean() }) },
  /** timeout: seconds until SIGKILL; null takes the container's or 10; -1 waits for ever. */
  "containers.stop": {
    params: z.object({ container: z.string(), timeout: z.nullable(z.number()), signal: z.optional(z.string()) }),
    /** hint: why it took all the time it was given, where that is known. */
    result: z.object({ stopped: z.boolean(), hint: z.optional(z.string()) }),
  },
  "containers.restart": {
    params: z.object({ container: z.string(), timeout: z.nullable(z.number()), signal: z.optional(z.string()) }),
    result: nothing,
  },
  /** signal: a name with or without SIG, or a number. */
  "containers.kill": { params: z.object({ container: z.string(), signal: z.string() }), result: nothing },
  "containers.pause": { params: container, result: nothing },
  "containers.unpause": { params: container, result: nothing },
  "containers.remove": {
    params: z.object({ container: z.string(), force: z.boolean(), volumes: z.boolean() }),
    result: nothing,
  },
  "containers.rename": { params: z.object({ container: z.string(), name: z.string() }), result: nothing },
  /**
   * Answers when the container is in the condition. `stopped`: not running now; `next-exit`: ends the next time; `removed`:
   * gone (register before starting an auto-remove container).
   */
  "containers.wait": {
    params: z.object({ container: z.string(), condition: z.enum(["stopped", "next-exit", "removed"]) }),
    result: z.object({ exitCode: z.number() }),
  },
  /** docker's inspect JSON. */
  "containers.inspect": { params: container, result: dockerJson },
  "containers.top": { params: z.object({ container: z.string(), arguments: z.array(z.string()) }), result: topResult },
  /**
   * Sorted by path within a page of at most 5000. `next`, where it is there, is `after` for the next one: pages follow each other in the
   * order of a walk, a directory before what is in it.
   */
  "containers.changes": {
    params: z.object({ container: z.string(), limit: z.number(), after: z.optional(z.string()) }),
    result: z.object({ changes: z.array(fileChange), truncated: z.boolean(), next: z.nullable(z.string()) }),
  },
  "containers.port": { params: container, result: z.array(portBinding) },
  /**
   * Connects a byte stream to the main process; answers when nothing printed from now on is missed. Before
   * `containers.start` on a created container: waits on the stream, connected at the start.
   */
  "containers.attach": {
    params: z.object({ container: z.string(), streamID: z.string(), stdin: z.boolean() }),
    result: z.object({ terminal: z.boolean() }),
  },
  /** Runs a process in a running container; its exit code comes on the stream. */
  "containers.exec": { params: execRequest, result: z.object({ execID: z.string(), pid: z.number() }) },
  /** Streams whole log records on the channel `records`, then `exit`. Answers at once. */
  "containers.logs": {
    params: z.object({ container: z.string(), streamID: z.string(), follow: z.boolean(), range: logRange }),
    result: z.object({ terminal: z.boolean() }),
  },

  /**
   * Lines older than `before` (a record's offset; null: from the end), oldest first. With `contains`, lines that hold this
   * text, case-insensitively; at most 64 MiB of log are looked through a call, and `before` says where to go on. With `after` (before
   * null) the lines behind that record, oldest first, and `after` says where to go on; null: nothing more was there yet.
   */
  "logs.page": {
    params: z.object({
      container: z.string(),
      before: z.nullable(z.number()),
      after: z.optional(z.number()),
      limit: z.number(),
      contains: z.optional(z.string()),
    }),
    result: z.object({
      lines: z.array(logLine),
      before: z.nullable(z.number()),
      after: z.optional(z.nullable(z.number())),
    }),
  },

  /** One sample each, after two readings so that rates are there. Empty: all running. */
  "stats.sample": { params: z.object({ containers: z.array(z.string()) }), result: z.array(statsSample) },
  /** What the engine kept, oldest first, at most one a second for ten minutes. */
  "stats.history": {
    params: z.object({ container: z.string(), seconds: z.number() }),
    result: z.array(statsSample),
  },

  "images.list": { params: nothing, result: z.array(imageSummary) },
  /** docker's inspect JSON. */
  "images.inspect": { params: image, result: dockerJson },
  "images.history": { params: image, result: z.array(historyEntry) },
  "images.tag": { params: z.object({ image: z.string(), reference: z.string() }), result: nothing },
  /** `failed-precondition` names the container that uses it. */
  "images.remove": { params: z.object({ image: z.string(), force: z.boolean() }), result: removedImage },
  /**
   * A root file system as tar (plain, gzip, zstd) on the stream becomes a one-layer image. changes: Dockerfile lines. platform: what it
   * is made for, this host's where it is left out.
   */
  "images.import": {
    params: z.object({
      streamID: z.string(),
      file: z.optional(openFile),
      reference: z.nullable(z.string()),
      platform: z.optional(z.string()),
      changes: z.array(z.string()),
      message: z.string(),
    }),
    result: z.object({ id: z.string() }),
  },
  /** docker-archive, OCI archive or OCI layout as tar (plain, gzip, zstd) on the stream. */
  "images.load": {
    params: z.object({ streamID: z.string(), file: z.optional(openFile) }),
    result: z.object({ images: z.array(loadedImage) }),
  },

  ...archiveMethods,
  ...lifecycleMethods,

  "images.pull": transferMethods["images.pull"],
  "images.push": transferMethods["images.push"],
  "images.search": transferMethods["images.search"],
  "registries.login": transferMethods["registries.login"],
  ...upkeepMethods,
  ...volumeMethods,
  ...networkMethods,
  ...buildMethods,

  /** The layers of an image, or of a container with its writable layer. */
  "layers.ofImage": { params: image, result: layersResult },
  "layers.ofContainer": { params: container, result: layersResult },

  ...fileMethods,

  /** Opens a subscription: see topics.ts. */
  subscribe: {
    params: z.object({ topic: z.string(), params: z.unknown() }),
    result: z.object({ subscriptionID: z.number() }),
  },
  unsubscribe: { params: z.object({ subscriptionID: z.number() }), result: nothing },
} as const;

export type MethodName = keyof typeof methods;
export type MethodParams<M extends MethodName> = z.infer<(typeof methods)[M]["params"]>;
export type MethodResult<M extends MethodName> = z.infer<(typeof methods)[M]["result"]>;
