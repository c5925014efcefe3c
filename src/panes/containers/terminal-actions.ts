import { randomUUID } from "node:crypto";
import { PassThrough, Transform, type Writable } from "node:stream";
import { EngineError } from "../../../engine/errors.ts";
import type { ContainerSummary } from "../../../engine/protocol/containers.ts";
import type { CreateRequest } from "../../../engine/protocol/create-request.ts";
import { DetachScanner } from "../../../engine/protocol/detach-scanner.ts";
import { type Dashboard, flash } from "../../app/dashboard.ts";
import { failureText, flashError } from "../../app/run-on-each.ts";
import type { Loan } from "../../app/screen.ts";
import type { ByteStream } from "../../client/streams.ts";
import { TerminalSession } from "../../client/terminal-session.ts";
import { screenText } from "../../format/screen-text.ts";
import { pressHint } from "../../keymap/keymap.ts";
import { selectedContainer } from "../../store/selectors.ts";

/** Ctrl-P Ctrl-Q, as docker has it. */
const detachKeys = Buffer.from([0x10, 0x11]);
const interrupt = 0x03;

/** One program for both shells: asking first whether bash is there would cost a second one. */
const shellCommand = ["sh", "-c", "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi"];

/** A shell in the container under the cursor, over the whole terminal. */
export async function openShell(dashboard: Dashboard): Promise<void> {
  const container = runningContainer(dashboard);
  if (container === null) return;
  const name = screenText(container.name);
  const { columns, rows } = dashboard.terminal.size();
  await lend(dashboard, name, async (loan, stream) => {
    loan.output.write(banner(`shell in ${name}`, "exit or Ctrl-D goes back"));
    using session = new TerminalSession({
      stream,
      terminal: true,
      input: loan.input,
      stdout: loan.output,
      stderr: loan.output,
      detachKeys: Buffer.alloc(0),
    });
    await dashboard.client.request("containers.exec", {
      container: container.id,
      command: shellCommand,
      terminal: true,
      openStdin: true,
      privileged: false,
      environment: [`TERM=${process.env.TERM ?? "xterm"}`],
      rows,
      columns,
      streamID: stream.streamID,
    });
    const { exitCode } = await session.ended;
    flash(dashboard, { tone: "info", message: shellEnd(name, exitCode), twin: `gantry exec -it ${name} sh` });
  });
}

function shellEnd(name: string, exitCode: number | null): string {
  if (exitCode === 126 || exitCode === 127) return `${name} has no shell that could be run`;
  return exitCode === 0 || exitCode === null ? `shell in ${name} ended` : `shell in ${name} ended with ${exitCode}`;
}

/** The main process of the container under the cursor, over the whole terminal. */
export async function attach(dashboard: Dashboard): Promise<void> {
  const container = runningContainer(dashboard);
  if (container === null) return;
  const name = screenText(container.name);
  await lend(dashboard, name, async (loan, stream) => {
    const { terminal, openStdin } = container;
    loan.output.write(banner(`attached to ${name}`, terminal ? "Ctrl-P Ctrl-Q goes back" : "Ctrl-C goes back"));
    const plain = plainOutput(loan.output);
    using session = new TerminalSession({
      stream,
      terminal,
      input: terminal ? loan.input : typedInput(loan.input, stream),
      stdout: terminal ? loan.output : plain,
      stderr: terminal ? loan.output : plain,
      detachKeys,
    });
    await dashboard.client.request("containers.attach", {
      container: container.id,
      streamID: stream.streamID,
      stdin: openStdin,
    });
    // A program draws its screen anew when the size changes: told twice, it does so for us.
    session.resize();
    const { detached, exitCode } = await session.ended;
    const left = detached || exitCode === null;
    flash(dashboard, {
      tone: "info",
      message: left ? `left ${name}, it goes on` : `${name} ended with ${exitCode}`,
      twin: `gantry attach ${name}`,
    });
  });
}

/** A container that has the whole terminal as long as it runs. */
export type ContainerToRun = { readonly request: CreateRequest; readonly title: string };

/** Makes a container, gives it the terminal, and takes it away where it could not be started. */
export async function runInTerminal(dashboard: Dashboard, { request, title }: ContainerToRun): Promise<void> {
  await lend(dashboard, title, async (loan, stream) => {
    const wish = { ...request, terminal: true, openStdin: true, stdinOnce: true };
    const { id } = await dashboard.client.request("containers.create", wish);
    try {
      loan.output.write(banner(title, "exit or Ctrl-D goes back"));
      using session = new TerminalSession({
        stream,
        terminal: true,
        input: loan.input,
        stdout: loan.output,
        stderr: loan.output,
        detachKeys: Buffer.alloc(0),
      });
      await dashboard.client.request("containers.attach", { container: id, streamID: stream.streamID, stdin: true });
      await dashboard.client.request("containers.start", { container: id });
      session.resize();
      await session.ended;
      flash(dashboard, { tone: "info", message: `${title} ended` });
      // It is gone already, or will be in a moment.
      const gone = { container: id, condition: "removed" } as const;
      if (request.autoRemove) await dashboard.client.request("containers.wait", gone).catch(() => undefined);
    } catch (cause) {
      const remove = { container: id, force: true, volumes: true };
      await dashboard.client.request("containers.remove", remove).catch(() => undefined);
      throw cause;
    }
  });
}

type Use = (loan: Loan, stream: ByteStream) => Promise<void>;

async function lend(dashboard: Dashboard, name: string, use: Use): Promise<void> {
  let stream: ByteStream;
  try {
    stream = await dashboard.client.openStream(randomUUID());
  } catch (cause) {
    flashError(dashboard, EngineError.wrap(`open a terminal in ${name}`, cause));
    return;
  }
  try {
    await dashboard.terminal.lend(async (loan) => {
      try {
        await use(loan, stream);
      } catch (cause) {
        flash(dashboard, {
          tone: "error",
          message: failureText(cause),
          hint: cause instanceof EngineError ? (cause.hint ?? "") : "",
        });
      }
    });
  } finally {
    stream.close();
  }
}

function runningContainer(dashboard: Dashboard): ContainerSummary | null {
  const container = selectedContainer(dashboard.mirror.get(), dashboard.ui.get());
  if (container?.status === "running") return container;
  if (container === null) {
    flash(dashboard, { tone: "info", message: "no container is selected" });
    return null;
  }
  const isPaused = container.status === "paused";
  const message = `${screenText(container.name)} is ${isPaused ? "paused" : "not running"}`;
  const hint = isPaused
    ? pressHint(dashboard.keymap, "container.pause", "to let it go on")
    : pressHint(dashboard.keymap, "container.toggle", "to start it");
  flash(dashboard, { tone: "info", message, hint });
  return null;
}

function banner(what: string, how: string): string {
  return `\r\n\u001b[2m${what} - ${how}\u001b[0m\r\n`;
}

/**
 * Without a terminal of its own the process gets whole lines as they are typed: our terminal is raw, so they are shown and
 * edited by nobody else. Ctrl-C leaves, since it would reach no one.
 */
function typedInput(input: PassThrough, stream: ByteStream): PassThrough {
  const typed = new PassThrough();
  const scanner = new DetachScanner(detachKeys);
  input.on("data", (chunk: Buffer) => {
    const { bytes, detached } = scanner.feed(chunk);
    if (detached || bytes.includes(interrupt)) return stream.detach();
    typed.write(Buffer.from(bytes.map((byte) => (byte === 13 ? 10 : byte))));
  });
  return typed;
}

/** Output of a process that does not know of our terminal: made safe, with the line ends a raw terminal needs. */
function plainOutput(output: Writable): Writable {
  let rest = "";
  const lines = new Transform({
    decodeStrings: true,
    transform(chunk: Buffer, _encoding, done) {
      const parts = (rest + chunk.toString("utf8")).split("\n");
      rest = parts.pop() ?? "";
      // A line that never ends must not be kept for ever.
      if (rest.length > 65_536) {
        parts.push(rest);
        rest = "";
      }
      done(null, parts.map((text) => `${screenText(text)}\r\n`).join(""));
    },
    flush(done) {
      done(null, rest === "" ? "" : `${screenText(rest)}\r\n`);
    },
  });
  lines.pipe(output, { end: false });
  return lines;
}
