import { expect, it } from "vitest";
import { parseInstruction } from "../../../../engine/builder/dockerfile/parse.ts";
import { applyInstruction, isConfigInstruction } from "../../../../engine/builder/solve/apply-instruction.ts";
import { emptyState, type StageState } from "../../../../engine/builder/solve/stage-state.ts";

const platform = { os: "linux", architecture: "amd64" };

function apply(lines: readonly string[], state: StageState = emptyState(platform)): StageState {
  return lines.reduce((before, line) => {
    const instruction = parseInstruction(line);
    if (!isConfigInstruction(instruction)) throw new Error(`${line} is no such instruction`);
    return applyInstruction(before, instruction);
  }, state);
}

function historyOf(state: StageState): (string | null | undefined)[] {
  return state.history.map((entry) => entry.created_by);
}

it("lets ENTRYPOINT take an inherited command away, and leaves one of the same stage", () => {
  const base = { ...apply(["CMD inherited"]), hasCommand: false };
  expect(apply(['ENTRYPOINT ["/x"]'], base).config.Cmd).toBeUndefined();
  expect(apply(['ENTRYPOINT ["/x"]', "CMD a b"]).config).toMatchObject({
    Entrypoint: ["/x"],
    Cmd: ["/bin/sh", "-c", "a b"],
  });
  expect(apply(["CMD a b", 'ENTRYPOINT ["/x"]']).config.Cmd).toEqual(["/bin/sh", "-c", "a b"]);
});

it("wraps the shell form in the SHELL of the moment", () => {
  const state = apply(["CMD one", 'SHELL ["/bin/bash", "-ec"]', "ENTRYPOINT two"]);
  expect(state.config).toMatchObject({
    Shell: ["/bin/bash", "-ec"],
    Entrypoint: ["/bin/bash", "-ec", "two"],
    Cmd: ["/bin/sh", "-c", "one"],
  });
});

it("keeps the place of a variable that is set again", () => {
  expect(apply(["ENV A=1", "ENV B=2", "ENV A=3"]).config.Env?.slice(1)).toEqual(["A=3", "B=2"]);
});

it("normalises ports and joins them with those of before", () => {
  const state = apply(["EXPOSE 80 53/UDP", "EXPOSE 8000-8001"]);
  expect(Object.keys(state.config.ExposedPorts ?? {}).sort()).toEqual(["53/udp", "80/tcp", "8000/tcp", "8001/tcp"]);
  expect(() => apply(["EXPOSE 8001-8000"])).toThrow("invalid range");
  expect(() => apply(["EXPOSE web"])).toThrow("invalid containerPort: web");
});

it("writes history in BuildKit's words", () => {
  const lines = [
    "ENV A=1 B=2",
    "LABEL k=v",
    'CMD ["sh", "-c", "true"]',
    "EXPOSE 443 80",
    'VOLUME ["/data", "/x"]',
    "USER nobody",
    "STOPSIGNAL SIGQUIT",
    "HEALTHCHECK --interval=90s --retries=3 CMD true",
    "HEALTHCHECK NONE",
    "ONBUILD RUN make",
  ];
  expect(historyOf(apply(lines))).toEqual([
    "ENV A=1 B=2",
    "LABEL k=v",
    'CMD ["sh" "-c" "true"]',
    "EXPOSE map[443/tcp:{} 80/tcp:{}]",
    "VOLUME [/data /x]",
    "USER nobody",
    "STOPSIGNAL SIGQUIT",
    `HEALTHCHECK &{["CMD-SHELL" "true"] "1m30s" "0s" "0s" "0s" '\\x03'}`,
    `HEALTHCHECK &{["NONE"] "0s" "0s" "0s" "0s" '\\x00'}`,
    "ONBUILD RUN make",
  ]);
});

it("takes the author from MAINTAINER, and says so in the history", () => {
  const state = apply(["MAINTAINER Ann <ann@example>"]);
  expect([state.author, historyOf(state)]).toEqual(["Ann <ann@example>", ["MAINTAINER Ann <ann@example>"]]);
});

it("refuses a signal that is none, and an empty volume", () => {
  expect(() => apply(["STOPSIGNAL now!"])).toThrow("invalid signal");
  expect(() => apply(['VOLUME [""]'])).toThrow("VOLUME specified can not be an empty string");
});
