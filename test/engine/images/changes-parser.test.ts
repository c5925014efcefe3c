import { expect, it } from "vitest";
import { parseChanges } from "../../../engine/images/changes-parser.ts";

it("reads commands in both forms", () => {
  expect(parseChanges(['CMD ["nginx", "-g", "daemon off;"]'])).toEqual({ Cmd: ["nginx", "-g", "daemon off;"] });
  expect(parseChanges(["cmd echo hi && sleep 1"])).toEqual({ Cmd: ["/bin/sh", "-c", "echo hi && sleep 1"] });
  expect(parseChanges(["ENTRYPOINT [not json]"])).toEqual({ Entrypoint: ["/bin/sh", "-c", "[not json]"] });
});

it("reads both forms of ENV, replaces earlier values and expands variables", () => {
  const change = parseChanges([
    'ENV A=1 B="two words" C=a\\ b',
    "ENV D the rest of  the line",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a Dockerfile's variables, not ours
    "ENV A=3 PATH=$B:${D}:${E:-none}:${A:+set}",
    "ENV RAW='$A' ESC=\\$A",
  ]);
  expect(change.Env).toEqual([
    "A=3",
    "B=two words",
    "C=a b",
    "D=the rest of  the line",
    "PATH=two words:the rest of  the line:none:set",
    "RAW=$A",
    "ESC=$A",
  ]);
});

it("reads the other instructions", () => {
  const change = parseChanges([
    "USER www-data:www-data",
    "WORKDIR /srv",
    "WORKDIR app/../web",
    "EXPOSE 80 53/UDP 8000-8002",
    'LABEL a="b c" d=e',
    'VOLUME ["/data", "/log"]',
    "VOLUME /x /y",
    "STOPSIGNAL sigquit",
  ]);
  expect(change).toEqual({
    User: "www-data:www-data",
    WorkingDir: "/srv/web",
    ExposedPorts: { "80/tcp": {}, "53/udp": {}, "8000/tcp": {}, "8001/tcp": {}, "8002/tcp": {} },
    Labels: { a: "b c", d: "e" },
    Volumes: { "/data": {}, "/log": {}, "/x": {}, "/y": {} },
    StopSignal: "SIGQUIT",
  });
});

it("does not let a label called __proto__ vanish or poison", () => {
  const labels = parseChanges(["LABEL __proto__=x"]).Labels ?? {};
  expect(Object.entries(labels)).toEqual([["__proto__", "x"]]);
  expect(({} as Record<string, unknown>).x).toBeUndefined();
});

it.each([
  ["RUN apt-get update", /RUN is not possible here/],
  ["", /an empty line/],
  ["CMD", /needs a value/],
  ["ENV A", /has no value/],
  ["ENV A=1 B", /not of the form/],
  ['ENV A="x', /double quote is not closed/],
  ["EXPOSE 70000", /not a port/],
  ["EXPOSE 90-80", /not a port/],
  ["EXPOSE web", /not a port/],
  ["VOLUME data", /not an absolute path/],
  ["STOPSIGNAL rm -rf", /not a signal/],
])("refuses %j", (line, message) => {
  expect(() => parseChanges([line])).toThrow(expect.objectContaining({ code: "invalid-argument" }));
  expect(() => parseChanges([line])).toThrow(message);
});

it("takes no longer for a line of blanks", () => {
  const begin = performance.now();
  expect(parseChanges([`USER a${" ".repeat(200_000)}b`])).toEqual({ User: `a${" ".repeat(200_000)}b` });
  expect(performance.now() - begin).toBeLessThan(2000);
});
