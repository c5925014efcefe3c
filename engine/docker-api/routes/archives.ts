import { exportShown } from "../../containers/shown-export.ts";
import { EngineError } from "../../errors.ts";
import type { ServerParts } from "../../server/parts.ts";
import type { ApiCall } from "../api-call.ts";
import { byteOutput } from "../byte-output.ts";
import { formatPathStat } from "../path-stat.ts";
import type { Route } from "../router.ts";
import { withUpload } from "../upload-body.ts";

const statHeader = "X-Docker-Container-Path-Stat";

export function archiveRoutes(parts: ServerParts): Route[] {
  const archive = "/containers/{id}/archive";
  return [
    { method: "HEAD", path: archive, handle: (call) => stat(parts, call) },
    { method: "GET", path: archive, handle: (call) => copyOut(parts, call) },
    { method: "PUT", path: archive, handle: (call) => copyIn(parts, call) },
    { method: "GET", path: "/containers/{id}/export", handle: (call) => exportAll(parts, call) },
  ];
}

async function stat({ containers }: ServerParts, call: ApiCall): Promise<void> {
  const found = await containers.archives.statPath(call.param("id"), pathOf(call));
  call.response.setHeader(statHeader, formatPathStat(found));
  call.end(200);
}

async function copyOut({ containers }: ServerParts, call: ApiCall): Promise<void> {
  const { response, signal } = call;
  const work = { signal, onProgress: () => {} };
  const from = { path: pathOf(call), followLink: false };
  const headers = { "Content-Type": "application/x-tar" };
  await containers.archives.copyOut(call.param("id"), from, {
    output: byteOutput(call, {}),
    work,
    onStat: (found) => response.writeHead(200, { ...headers, [statHeader]: formatPathStat(found) }),
  });
  response.end();
}

async function copyIn({ containers }: ServerParts, call: ApiCall): Promise<void> {
  const options = {
    path: pathOf(call),
    keepOwner: call.flag("copyUIDGID"),
    noOverwriteDirNonDir: call.flag("noOverwriteDirNonDir"),
  };
  const work = { signal: call.signal, onProgress: () => {} };
  await withUpload(call, async (tar) => {
    await containers.archives.copyIn(call.param("id"), options, { tar, work });
    call.end(200);
  });
}

async function exportAll(parts: ServerParts, call: ApiCall): Promise<void> {
  const output = byteOutput(call, { "Content-Type": "application/octet-stream" });
  const work = { signal: call.signal, onProgress: () => {} };
  await exportShown(parts, call.param("id"), { output, work });
  call.response.end();
}

function pathOf(call: ApiCall): string {
  const path = call.text("path");
  if (path !== "") return path;
  throw new EngineError("invalid-argument", "bad parameter: 'path' cannot be empty");
}
