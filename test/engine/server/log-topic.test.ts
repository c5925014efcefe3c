import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openLogReader } from "../../../engine/logs/file-log-reader.ts";
import type { LogLine } from "../../../engine/protocol/logs.ts";
import { pumpLogs } from "../../../engine/server/log-topic.ts";
import type { ServerParts } from "../../../engine/server/parts.ts";
import { conmonLog, conmonTime } from "../../support/conmon-log.ts";

const lineCount = 30_000;

it("puts all that is there in order of time, however much it is", async () => {
  const directory = mkdtempSync(join(tmpdir(), "gantry-log-topic-"));
  const stop = new AbortController();
  try {
    const sources = ["a", "b", "c"].map((container, offset) => {
      const path = join(directory, container);
      const records = Array.from({ length: lineCount }, (_, index) => {
        const at = index * 3 + offset;
        return { text: String(at), time: conmonTime(at) };
      });
      writeFileSync(path, conmonLog(records));
      return { container, path, isKept: true, terminal: false, ended: () => false };
    });
    const parts = { logs: openLogReader(), containers: { get: () => null } } as unknown as ServerParts;
    const texts: string[] = [];
    const emit = ({ lines }: { readonly lines: readonly LogLine[] }) => {
      texts.push(...lines.map(({ text }) => text));
      if (texts.length >= 3 * lineCount) stop.abort();
    };
    const sink = { emit, isCongested: false, ready: async () => {}, signal: stop.signal };
    await pumpLogs(parts, sources, { tail: null, since: null, until: null }, sink);
    expect(texts).toEqual(Array.from({ length: 3 * lineCount }, (_, index) => String(index)));
  } finally {
    stop.abort();
    rmSync(directory, { recursive: true });
  }
});
