import { closeSync, openSync, readFileSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import { getProgram } from "../host/programs.ts";
import { openPipe, type SpawnedProcess, spawnProcess } from "../host/spawn.ts";

const reportSchema = z.object({ data: z.number(), message: z.optional(z.string()) });
/** A pid, an exit code, or -1 with the reason. */
export type ConmonReport = z.infer<typeof reportSchema>;

export type ConmonStart = {
  readonly args: readonly string[];
  readonly cwd: string;
  /** Exec sessions: conmon says when its attach socket listens, and waits for a second release. */
  readonly tellsAttach: boolean;
};

/**
 * A conmon being started: it waits for release(), then forks away into a session of its own. It gets no other descriptor of ours
 * and no environment but PATH.
 */
export class StartingConmon {
  readonly sync: ReportPipe;
  readonly attach: ReportPipe | null;
  readonly #start: Writable;
  readonly #child: SpawnedProcess;
  readonly #complaints: string;

  private constructor(
    child: SpawnedProcess,
    complaints: string,
    [sync, start, attach]: readonly (Socket | undefined)[],
  ) {
    this.#child = child;
    this.#complaints = complaints;
    this.sync = new ReportPipe(sync as Socket);
    this.#start = start as Socket;
    this.attach = attach === undefined ? null : new ReportPipe(attach);
    // A conmon that died says so by ending its pipes.
    this.#start.on("error", () => {});
  }

  static async start({ args, cwd, tellsAttach }: ConmonStart): Promise<StartingConmon> {
    const program = getProgram("conmon");
    const complaints = join(cwd, "conmon.log");
    using given = new DisposableStack();
    using kept = new DisposableStack();
    // A file, since conmon may keep it open as long as the container lives.
    const log = given.adopt(openSync(complaints, "w", 0o600), closeSync);
    const stacks = { given, kept };
    const [sync, start] = [openPipe("write", stacks), openPipe("read", stacks)];
    const attach = tellsAttach ? [openPipe("write", stacks)] : [];
    const child = await spawnProcess({
      program,
      args,
      environment: {
        PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        _OCI_SYNCPIPE: "3",
        _OCI_STARTPIPE: "4",
        ...(tellsAttach ? { _OCI_ATTACHPIPE: "5" } : {}),
      },
      cwd,
      descriptors: [null, null, log, ...[sync, start, ...attach].map(({ theirs }) => theirs)],
      newSession: true,
    });
    kept.move();
    const readers = [sync, ...attach].map(({ ours }) => new Socket({ fd: ours, writable: false }));
    const [syncReader, attachReader] = readers;
    const starter = new Socket({ fd: start.ours, readable: false });
    return new StartingConmon(child, complaints, [syncReader, starter, attachReader]);
  }

  /** Of the process that was started, until it has forked away, which it does soon. */
  get pid(): number | null {
    return this.#child.isRunning() ? this.#child.pid : null;
  }

  /** One byte lets it go on. */
  release(): void {
    this.#start.write("\0");
  }

  /** Why it ended without a report. */
  complaint(): string {
    const said = readFileSync(this.#complaints, "utf8").trim();
    return said === "" ? "conmon ended without a word, or took too long" : `conmon: ${said}`;
  }

  close(): void {
    this.#start.destroy();
    this.attach?.close();
  }

  [Symbol.dispose](): void {
    this.close();
    this.sync.close();
  }
}

/** JSON reports, one a line. */
class ReportPipe {
  readonly #stream: Readable;
  readonly #lines: AsyncIterator<string>;

  constructor(stream: Readable) {
    this.#stream = stream;
    stream.on("error", () => {});
    this.#lines = createInterface({ input: stream })[Symbol.asyncIterator]();
  }

  /** The next report; null where conmon ended without one, or milliseconds went by. */
  async next(timeout: number | null): Promise<ConmonReport | null> {
    const line = this.#lines.next();
    const { promise: late, resolve } = Promise.withResolvers<null>();
    const timer = timeout === null ? null : setTimeout(resolve, timeout, null);
    try {
      const result = await Promise.race([line, late]);
      return result === null || result.done === true ? null : parseReport(result.value);
    } finally {
      if (timer !== null) clearTimeout(timer);
    }
  }

  close(): void {
    this.#stream.destroy();
  }
}

function parseReport(line: string): ConmonReport {
  try {
    return reportSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new EngineError("internal", `conmon said ${JSON.stringify(line.slice(0, 200))}, which is not a report`, {
      cause,
      exitCode: 125,
    });
  }
}
