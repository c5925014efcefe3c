import * as z from "zod/mini";
import type { WaitCondition } from "../../containers/container-service.ts";
import { EngineError, messageOf } from "../../errors.ts";
import type { ServerParts } from "../../server/parts.ts";
import type { ApiCall } from "../api-call.ts";
import { ApiError } from "../api-error.ts";
import { resourcesBody, restartPolicyBody, toResources, toRestartPolicy } from "../create/resources-body.ts";
import { nameConflict } from "../name-conflict.ts";
import type { Route } from "../router.ts";
import { refuseCheckpointDirectory } from "./checkpoints.ts";

const updateBody = z.extend(resourcesBody, { RestartPolicy: z.nullish(restartPolicyBody) });

/** Before it, whoever waits gets the headers together with the answer. */
const earlyHeaders = 30;
/** Rows and columns: more are no terminal's. */
const largestSize = 65_535;

export function containerLifeRoutes({ containers }: ServerParts): Route[] {
  const act = (verb: string, handle: (call: ApiCall, container: string) => Promise<void>): Route => ({
    method: "POST",
    path: `/containers/{id}/${verb}`,
    handle: (call) => handle(call, call.param("id")),
  });
  const done = (verb: string, work: (container: string, call: ApiCall) => Promise<unknown>) =>
    act(verb, async (call, container) => {
      await work(container, call);
      call.end(204);
    });
  return [
    act("start", (call, container) => start(containers, call, container)),
    act("stop", async (call, container) => {
      const { stopped } = await containers.stop(container, call.integer("t"), signalOf(call));
      call.end(stopped ? 204 : 304);
    }),
    done("restart", (container, call) => containers.restart(container, call.integer("t"), signalOf(call))),
    done("kill", (container, call) => kill(containers, container, signalOf(call) ?? "SIGKILL")),
    done("pause", (container) => containers.pause(container)),
    done("unpause", (container) => containers.unpause(container)),
    done("rename", (container, call) => rename(containers, container, call.text("name"))),
    act("update", (call, container) => update(containers, call, container)),
    act("wait", (call, container) => wait(containers, call, container)),
    act("resize", (call, container) => resize(containers, call, container)),
  ];
}

/** Milliseconds. */
const killPatience = 10_000;

function isKill(signal: string): boolean {
  return ["9", "KILL", "SIGKILL"].includes(signal.toUpperCase());
}

type Containers = ServerParts["containers"];

async function start(containers: Containers, call: ApiCall, container: string): Promise<void> {
  const checkpoint = call.text("checkpoint");
  if (checkpoint !== "") {
    refuseCheckpointDirectory(call.text("checkpoint-dir"));
    await containers.checkpoints.restore(container, checkpoint);
    return call.end(204);
  }
  const { started } = await containers.start(container);
  call.end(started ? 204 : 304);
}

function signalOf(call: ApiCall): string | undefined {
  return call.text("signal") || undefined;
}

async function kill(containers: Containers, container: string, signal: string): Promise<void> {
  const { id, status } = containers.get(container);
  if (status !== "running" && status !== "paused") throw notRunning(`cannot kill container: ${container}`, id);
  // docker answers to SIGKILL when the container has ended.
  const ended = isKill(signal) ? containers.wait(id, "next-exit", AbortSignal.timeout(killPatience)) : null;
  ended?.catch(() => {});
  await containers.kill(id, signal);
  await ended?.catch(() => {});
}

function notRunning(doing: string, id: string): EngineError {
  return new EngineError("failed-precondition", `${doing}: container ${id} is not running`);
}

async function rename(containers: Containers, container: string, name: string): Promise<void> {
  if (name === "") throw new EngineError("invalid-argument", "Neither old nor new names may be empty");
  try {
    await containers.rename(container, name);
  } catch (error) {
    throw nameConflict(error, { containers, name });
  }
}

async function update(containers: Containers, call: ApiCall, container: string): Promise<void> {
  const { RestartPolicy: policy, ...resources } = await call.json(updateBody);
  const { warnings } = await containers.update(container, {
    // 0 and -1 take the limit away, null leaves it.
    resources: { ...toResources(resources), pidsLimit: resources.PidsLimit ?? null },
    // docker: one without a name is none.
    ...(policy?.Name ? { restartPolicy: toRestartPolicy(policy) } : {}),
  });
  call.reply(200, { Warnings: warnings.length === 0 ? null : warnings });
}

const conditions: Readonly<Record<string, WaitCondition>> = {
  "": "stopped",
  "not-running": "stopped",
  "next-exit": "next-exit",
  removed: "removed",
};

/** The headers tell a client that its wait has begun: it starts the container only then. */
async function wait(containers: Containers, call: ApiCall, container: string): Promise<void> {
  const word = call.text("condition");
  const condition = Object.hasOwn(conditions, word) ? conditions[word] : undefined;
  if (condition === undefined) throw new ApiError(400, `invalid condition: ${JSON.stringify(word.slice(0, 80))}`);
  const { id } = containers.get(container);
  const ended = containers.wait(id, condition, call.signal);
  if (call.version >= earlyHeaders) {
    call.response.writeHead(200, { "Content-Type": "application/json" });
    call.response.flushHeaders();
  }
  const answer = await ended.then(
    ({ exitCode }) => ({ StatusCode: exitCode }),
    (error) => failureOf(error),
  );
  if (call.version >= earlyHeaders) call.response.end(`${JSON.stringify(answer)}\n`);
  else call.reply(200, answer);
}

/** Of a start that failed whoever started it is told; others get what docker's inspect says then, the exit code alone. */
function failureOf(error: unknown) {
  if (error instanceof EngineError && error.exitCode !== null) return { StatusCode: error.exitCode };
  return { StatusCode: -1, Error: { Message: messageOf(error) } };
}

async function resize(containers: Containers, call: ApiCall, container: string): Promise<void> {
  const [rows, columns] = [sizeOf(call, "h"), sizeOf(call, "w")];
  const { id, pid } = containers.get(container);
  if (pid === null) throw notRunning("cannot resize a stopped container", id);
  await containers.resize(id, rows, columns);
  call.end(200);
}

function sizeOf(call: ApiCall, name: string): number {
  const size = call.integer(name);
  if (size !== null && size >= 0 && size <= largestSize) return size;
  throw new EngineError("invalid-argument", `invalid resize ${name}: ${JSON.stringify(call.text(name).slice(0, 80))}`);
}
