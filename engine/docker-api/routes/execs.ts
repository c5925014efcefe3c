import * as z from "zod/mini";
import type { ContainerService } from "../../containers/container-service.ts";
import type { ExecInfo } from "../../containers/exec-sessions.ts";
import { joinSession } from "../../containers/join-session.ts";
import { EngineError } from "../../errors.ts";
import type { ServerParts } from "../../server/parts.ts";
import type { ApiCall } from "../api-call.ts";
import { errorBody } from "../api-error.ts";
import { parseDetachKeys, untilDetached } from "../detach-input.ts";
import { flag, text, texts, words } from "../go-json.ts";
import { hijack } from "../hijack.ts";
import type { Route } from "../router.ts";
import { onlySome } from "./attach.ts";

/** Height, width. */
const consoleSize = z.nullish(z.tuple([z.int(), z.int()]));

const createBody = z.object({
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  ConsoleSize: consoleSize,
  DetachKeys: text,
  Tty: flag,
  Env: texts,
  Cmd: words,
  Privileged: flag,
  User: text,
  WorkingDir: text,
});
const startBody = z.object({ Detach: flag, Tty: flag, ConsoleSize: consoleSize });

export function execRoutes({ containers }: ServerParts): Route[] {
  return [
    { method: "POST", path: "/containers/{id}/exec", handle: (call) => create(containers, call) },
    { method: "POST", path: "/exec/{id}/start", handle: (call) => start(containers, call) },
    { method: "POST", path: "/exec/{id}/resize", handle: (call) => resize(containers, call) },
    {
      method: "GET",
      path: "/exec/{id}/json",
      handle: (call) => call.reply(200, inspected(call.param("id"), containers.execs.info(call.param("id")))),
    },
  ];
}

async function create(containers: ContainerService, call: ApiCall): Promise<void> {
  const body = await call.json(createBody);
  const command = body.Cmd ?? [];
  if (command.length === 0) throw new EngineError("invalid-argument", "No exec command specified");
  parseDetachKeys(body.DetachKeys);
  const container = call.param("id");
  const request = {
    container,
    command,
    terminal: body.Tty,
    openStdin: body.AttachStdin,
    environment: body.Env,
    privileged: body.Privileged,
    ...(body.User === "" ? {} : { user: body.User }),
    ...(body.WorkingDir === "" ? {} : { workingDirectory: body.WorkingDir }),
    ...(body.Tty ? sizeOf(body.ConsoleSize) : {}),
  };
  const streams = { stdout: body.AttachStdout, stderr: body.AttachStderr, detachKeys: body.DetachKeys };
  call.reply(201, { Id: containers.execs.create(container, request, streams) });
}

async function start(containers: ContainerService, call: ApiCall): Promise<void> {
  const execID = call.param("id");
  const { execs } = containers;
  const body = await call.json(startBody, { optional: true });
  const size = sizeOf(body.ConsoleSize);
  if (size !== null && !body.Tty) {
    throw new EngineError("invalid-argument", "console size is only supported when TTY is enabled");
  }
  execs.checkStart(execID);
  if (body.Detach) {
    const session = await execs.start(execID, size);
    session.attached.onOutput(() => true);
    session.attached.onEnd(() => {});
    return call.end(200);
  }
  const { container, request, streams } = execs.info(execID);
  const stream = await hijack(call, { isFramed: !body.Tty });
  const onDetach = () => {
    containers.note(container, "exec_detach", { execID });
    stream.end();
  };
  try {
    const session = await execs.start(execID, size);
    const keys = parseDetachKeys(streams.detachKeys);
    const typed = () => (request.terminal ? untilDetached(stream.input(), { keys, onDetach }) : stream.input());
    // As docker does it: who leaves a terminal alone is done with it.
    const onInputEnd = () => (request.terminal ? stream.end() : session.attached.endInput());
    const input = request.openStdin ? typed : null;
    const ended = joinSession(onlySome(stream, streams), session.attached, { input, onInputEnd });
    // Whoever asks for the exit code when the stream has ended gets it.
    await Promise.allSettled([ended, session.exitCode]);
    stream.end();
  } catch (error) {
    stream.fail(errorBody(error).message);
  }
}

async function resize({ execs }: ContainerService, call: ApiCall): Promise<void> {
  const [rows, columns] = [call.integer("h"), call.integer("w")];
  await execs.resize(call.param("id"), { rows: rows ?? 0, columns: columns ?? 0 });
  call.end(200);
}

function sizeOf(size: readonly [number, number] | null | undefined): { rows: number; columns: number } | null {
  return size == null || (size[0] === 0 && size[1] === 0) ? null : { rows: size[0], columns: size[1] };
}

function inspected(execID: string, { container, request, streams, status, pid, exitCode }: ExecInfo): object {
  const [entrypoint = "", ...rest] = request.command;
  return {
    ID: execID,
    Running: status === "running",
    ExitCode: exitCode,
    ProcessConfig: {
      tty: request.terminal,
      entrypoint,
      arguments: rest,
      privileged: request.privileged,
      ...(request.user === undefined ? {} : { user: request.user }),
    },
    OpenStdin: request.openStdin,
    OpenStderr: streams.stderr,
    OpenStdout: streams.stdout,
    CanRemove: false,
    ContainerID: container,
    DetachKeys: streams.detachKeys === "" ? "" : parseDetachKeys(streams.detachKeys).toString("base64"),
    Pid: pid,
  };
}
