import { EngineError } from "../../errors.ts";
import { leaveGarbage } from "../../lib/young-garbage.ts";
import { logDetails } from "../../protocol/log-details.ts";
import { findMoment } from "../../protocol/moments.ts";
import type { ServerParts } from "../../server/parts.ts";
import type { ApiCall } from "../api-call.ts";
import { byteOutput } from "../byte-output.ts";
import { streamType } from "../hijack.ts";
import { LogFrames } from "../log-frames.ts";
import type { Route } from "../router.ts";

export function logRoutes(parts: ServerParts): Route[] {
  return [{ method: "GET", path: "/containers/{id}/logs", handle: (call) => sendLog(parts, call) }];
}

async function sendLog({ containers, logs }: ServerParts, call: ApiCall): Promise<void> {
  const [stdout, stderr] = [call.flag("stdout"), call.flag("stderr")];
  if (!stdout && !stderr) {
    throw new EngineError("invalid-argument", "Bad parameters: you must choose at least one stream");
  }
  const source = containers.logSource(call.param("id"));
  // docker's words.
  if (!source.isKept) throw new EngineError("unimplemented", "configured logging driver does not support reading");
  const range = { tail: tailOf(call.text("tail")), since: momentOf(call, "since"), until: momentOf(call, "until") };
  const details = call.flag("details") ? logDetails(await containers.inspect(source.container)) : "";
  const isFramed = !source.terminal;
  const frames = new LogFrames({ stdout, stderr, isFramed, timestamps: call.flag("timestamps"), details });
  const output = byteOutput(call, {});
  call.response.writeHead(200, { "Content-Type": streamType(isFramed, call.version) });
  call.response.flushHeaders();
  const options = { range, follow: call.flag("follow"), signal: call.signal };
  for await (const chunk of logs.read(source.path, options, source.ended)) {
    const bytes = frames.take(chunk);
    leaveGarbage(chunk.length);
    if (bytes.length > 0) await output(bytes);
  }
  call.response.end();
}

/** What is no number means all, as in docker. */
function tailOf(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function momentOf(call: ApiCall, name: string): string | null {
  const text = call.text(name);
  if (text === "" || text === "0") return null;
  const moment = findMoment(text, Date.now());
  if (moment !== null) return moment;
  throw new EngineError(
    "invalid-argument",
    `invalid value for ${JSON.stringify(name)}: ${JSON.stringify(text)} is no time`,
  );
}
