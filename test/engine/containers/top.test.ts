import { expect, it } from "vitest";
import { parseProcessTable } from "../../../engine/containers/top.ts";

const text = `UID          PID    PPID  C STIME TTY          TIME CMD
root           1       0  0 03:23 ?        00:00:01 /sbin/init splash
root          42       1  0 03:23 ?        00:00:00 sh -c  two  blanks
root         142       1  0 03:23 ?        00:00:00 other
`;

it("keeps the rows of these pids and the blanks of their commands", () => {
  const table = parseProcessTable(text, new Set([42]));
  expect(table.titles).toEqual(["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]);
  expect(table.processes).toEqual([["root", "42", "1", "0", "03:23", "?", "00:00:00", "sh -c  two  blanks"]]);
});

it("refuses columns without a PID", () => {
  expect(() => parseProcessTable("CMD\nsh\n", new Set())).toThrow("must hold the PID");
});
