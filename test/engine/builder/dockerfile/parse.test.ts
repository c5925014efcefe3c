import { describe, expect, it } from "vitest";
import { parseDockerfile, parseInstruction } from "../../../../engine/builder/dockerfile/parse.ts";
import type { Instruction } from "../../../../engine/builder/dockerfile/types.ts";

/** Of a Dockerfile of one stage. */
function instructionsOf(text: string): readonly Instruction[] {
  return parseDockerfile(`FROM scratch\n${text}`).stages[0]?.instructions ?? [];
}

function firstOf(text: string): Instruction | undefined {
  return instructionsOf(text)[0];
}

function failureOf(text: string): string {
  try {
    parseDockerfile(text);
  } catch (error) {
    expect(error).toMatchObject({ name: "EngineError", code: "invalid-argument" });
    return error instanceof Error ? error.message : "";
  }
  return "";
}

describe("lines", () => {
  it("joins continuation lines, without comments and empty lines, and knows where they are", () => {
    const dockerfile = parseDockerfile("FROM scratch\n\nRUN a && \\\n  # why\n\n  b \\\n\tc\nRUN d\n");
    expect(dockerfile.stages[0]?.instructions).toMatchObject([
      { text: "RUN a &&   b \tc", lines: { first: 3, last: 7 }, command: { form: "shell", text: "a &&   b \tc" } },
      { text: "RUN d", lines: { first: 8, last: 8 } },
    ]);
    expect(dockerfile.emptyContinuations).toEqual([7]);
  });

  it("reads CRLF, a byte order mark, and an end without a newline", () => {
    expect(parseDockerfile("\ufeffFROM scratch\r\nRUN a \\\r\n b\r\nCMD c").stages[0]?.instructions).toMatchObject([
      { text: "RUN a  b" },
      { command: { text: "c" } },
    ]);
  });

  it("lets an escape at the very end of the file, or one that is escaped, join nothing", () => {
    expect(firstOf("RUN a \\")).toMatchObject({ command: { text: "a" } });
    expect(instructionsOf("RUN a \\\\\nRUN b")).toHaveLength(2);
  });

  it("takes comments only at the start of a line", () => {
    expect(firstOf("RUN echo # no comment")).toMatchObject({ command: { text: "echo # no comment" } });
    expect(firstOf("  # a comment\n# more\nUSER x")).toMatchObject({ comments: ["a comment", "more"] });
    expect(firstOf("# apart\n#\n# near\nUSER x")).toMatchObject({ comments: ["near"] });
  });
});

describe("directives", () => {
  it("reads them at the top, whatever their case", () => {
    const text =
      "# Syntax = docker/dockerfile:1.9 more\n#ESCAPE=`\n# check=skip=A, B;error=true\nFROM scratch\nRUN a `\n b\n";
    const { directives, stages } = parseDockerfile(text);
    expect(directives).toEqual({
      syntax: "docker/dockerfile:1.9",
      escape: "`",
      check: { skip: ["A"], experimental: [], isError: false },
    });
    expect(stages[0]?.instructions).toMatchObject([{ command: { text: "a  b" } }]);
  });

  it.each(["# a comment\n# escape=`\n", "\n# escape=`\n", "# other=1\n# escape=`\n", "FROM scratch\n# escape=`\n"])(
    "ends them at the first other line: %j",
    (top) => {
      expect(parseDockerfile(`${top}FROM scratch\n`).directives.escape).toBe("\\");
    },
  );

  it.each([
    ["# escape=`\n# escape=`\n", "line 2: only one escape parser directive can be used"],
    ["# escape=x\n", "line 1: invalid escape token 'x' does not match ` or \\"],
    ["# check=nonsense\n", 'line 1: failed to parse check options: invalid check option "nonsense"'],
    ["# check=error=perhaps\n", 'line 1: failed to parse check options: "perhaps" is neither true nor false'],
  ])("refuses %j", (top, message) => {
    expect(failureOf(`${top}FROM scratch`)).toBe(`dockerfile parse error on ${message}`);
  });
});

describe("stages", () => {
  it("reads FROM with its platform and name", () => {
    const { stages, metaArgs } = parseDockerfile("ARG V=1\nFrom --platform=$P debian:$V As Build-1\nFROM build-1\n");
    expect(metaArgs).toMatchObject([{ args: [{ key: "V", value: "1" }] }]);
    expect(stages).toMatchObject([
      {
        index: 0,
        name: "build-1",
        base: "debian:$V",
        platform: "$P",
        keyword: "From",
        as: { keyword: "As", name: "Build-1" },
      },
      { index: 1, name: null, base: "build-1", platform: null, as: null },
    ]);
  });

  it.each([
    ["FRM scratch", "line 1: unknown instruction: FRM (did you mean FROM?)"],
    ["frm scratch", "line 1: unknown instruction: frm (did you mean from?)"],
    ["\n\nBANANA x", "line 3: unknown instruction: BANANA"],
    ["RUN x", "line 1: no build stage in current context"],
    ["FROM", "line 1: FROM requires either one or three arguments"],
    ["FROM a b", "line 1: FROM requires either one or three arguments"],
    ["FROM a for b", "line 1: FROM requires either one or three arguments"],
    ["FROM a AS 1b", `line 1: invalid name for build stage: "1b", name can't start with a number or contain symbols`],
    ["FROM --platfrom=x a", "line 1: unknown flag: --platfrom (did you mean platform?)"],
    ["FROM --platform a", "line 1: missing a value on flag: --platform"],
  ])("refuses %j", (text, message) => {
    expect(failureOf(text)).toBe(`dockerfile parse error on ${message}`);
  });

  it.each([
    ["", "dockerfile parse error: file with no instructions"],
    ["# nothing\n", "dockerfile parse error: file with no instructions"],
    ["ARG x", "dockerfile contains no stages to build"],
  ])("refuses a file without stages: %j", (text, message) => {
    expect(failureOf(text)).toBe(message);
  });
});

describe("instructions", () => {
  it.each<[string, object]>([
    ['CMD ["a b", "c\\u0041"]', { name: "CMD", command: { form: "exec", args: ["a b", "cA"] } }],
    ['CMD ["\\ud800"]', { command: { form: "exec", args: ["\ufffd"] } }],
    [
      "ENV a='b\\' c=d",
      {
        pairs: [
          { key: "a", value: "'b\\'" },
          { key: "c", value: "d" },
        ],
      },
    ],
    ["CMD ['a']", { command: { form: "shell", text: "['a']" } }],
    ['CMD ["a"', { command: { form: "shell", text: '["a"' } }],
    ["ENTRYPOINT []", { name: "ENTRYPOINT", command: { form: "exec", args: [] } }],
    ["CMD", { command: { form: "shell", text: "" } }],
    ['SHELL [ "/bin/sh" ]', { name: "SHELL", args: ["/bin/sh"] }],
    ["EXPOSE 80/tcp\t22", { name: "EXPOSE", values: ["22", "80/tcp"] }],
    ['VOLUME ["/a b", " /c "]', { name: "VOLUME", values: ["/a b", "/c"] }],
    ["VOLUME /a  /b", { values: ["/a", "/b"] }],
    ["WORKDIR a b", { name: "WORKDIR", value: "a b" }],
    ["MAINTAINER some body", { name: "MAINTAINER", value: "some body" }],
    ["STOPSIGNAL SIGHUP", { name: "STOPSIGNAL", value: "SIGHUP" }],
    [
      'ARG a b= c="d e"',
      {
        name: "ARG",
        args: [
          { key: "a", value: null },
          { key: "b", value: "" },
          { key: "c", value: '"d e"' },
        ],
      },
    ],
    [
      "ENV a='b c' d=e\\ f g=",
      {
        name: "ENV",
        pairs: [
          { key: "a", value: "'b c'" },
          { key: "d", value: "e\\ f" },
          { key: "g", value: "" },
        ],
      },
    ],
    ["ENV a  b  c", { pairs: [{ key: "a", value: "b  c", isLegacy: true }] }],
    ["HEALTHCHECK NONE", { name: "HEALTHCHECK", check: null }],
    [
      'HEALTHCHECK --interval=1m30s --timeout=500ms --retries=3 CMD ["a"]',
      { check: { interval: 90e9, timeout: 5e8, startPeriod: 0, retries: 3, command: { form: "exec", args: ["a"] } } },
    ],
    ["HEALTHCHECK CMD a b", { check: { command: { form: "shell", text: "a b" } } }],
    ["ONBUILD RUN a", { name: "ONBUILD", trigger: "RUN a" }],
  ])("reads %s", (text, instruction) => {
    expect(firstOf(text)).toMatchObject(instruction);
  });

  it("reads COPY and ADD with their flags", () => {
    expect(
      firstOf('COPY --from=x --chown=1:2 --chmod=755 --link --parents=false --exclude=*.a --exclude=b ["a b", "/c"]'),
    ).toMatchObject({
      sources: ["a b"],
      target: "/c",
      from: "x",
      chown: "1:2",
      chmod: "755",
      link: true,
      parents: false,
      excludes: ["*.a", "b"],
    });
    expect(firstOf("ADD --checksum=sha256:0 --keep-git-dir=TRUE --unpack=false a b /c/")).toMatchObject({
      sources: ["a", "b"],
      target: "/c/",
      checksum: "sha256:0",
      keepGitDirectory: true,
      unpack: false,
    });
  });

  it("reads RUN with its flags, quotes of which go, up to a lone --", () => {
    expect(
      firstOf('RUN --mount="type=cache,target=/a b" --mount=type=tmpfs,target=/t --network=none -- --x'),
    ).toMatchObject({
      mounts: ["type=cache,target=/a b", "type=tmpfs,target=/t"],
      network: "none",
      security: null,
      command: { form: "shell", text: "--x" },
    });
  });

  it.each([
    ["COPY a", "COPY requires at least two arguments, but only one was provided. Destination could not be determined"],
    ["COPY --form=x a b", "unknown flag: --form (did you mean from?)"],
    ["COPY --chown=1 --chown=2 a b", "duplicate flag specified: --chown"],
    ["COPY --link=perhaps a b", "expecting boolean value for flag --link, not: perhaps"],
    ["COPY --link= a b", "missing a value on flag: --link"],
    [
      "COPY --from=$x a b",
      "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround",
    ],
    ['COPY ["a", 1]', "when using JSON array syntax, arrays must be comprised of strings only"],
    ["COPY a <<b\nb", "COPY cannot accept a heredoc as a destination"],
    ["ENV a", "ENV must have two arguments"],
    ["ENV", "ENV requires at least one argument"],
    ["ENV a=b c", `Syntax error - can't find = in "c". Must be of the form: name=value`],
    ["LABEL =b", "LABEL names can not be blank"],
    ["ARG", "ARG requires at least one argument"],
    ["ARG =x", "ARG names can not be blank"],
    ["USER", "USER requires exactly one argument"],
    ["EXPOSE", "EXPOSE requires at least one argument"],
    ["VOLUME []", "VOLUME requires at least one argument"],
    ['VOLUME [" "]', "VOLUME specified can not be an empty string"],
    ["SHELL /bin/sh", "SHELL requires the arguments to be in JSON form"],
    ["SHELL []", "SHELL requires at least one argument"],
    ["ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
    ["ONBUILD from x", "FROM isn't allowed as an ONBUILD trigger"],
    ["RUN --network=x a", 'invalid network mode "x"'],
    ["RUN --security=x a", 'security "x" is not valid'],
    ["RUN --mount=from=$a,target=/b c", "'from' doesn't support variable expansion, define alias stage instead"],
    ['RUN --mount=a\\"b c', 'failed to parse csv mounts: parse error: bare " in non-quoted-field'],
    ["HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments"],
    ["HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"],
    ["HEALTHCHECK EXEC a", 'Unknown type "EXEC" in HEALTHCHECK (try CMD)'],
    ["HEALTHCHECK --interval=1us CMD a", 'Interval "interval" cannot be less than 1ms'],
    ["HEALTHCHECK --interval=5 CMD a", 'time: invalid duration "5"'],
    ["HEALTHCHECK --retries=-1 CMD a", "--retries cannot be negative (-1)"],
    ["RUN <<a\nb", "unterminated heredoc"],
    ["USER a\0", "a NUL character"],
  ])("refuses %j", (text, message) => {
    expect(failureOf(`FROM scratch\n${text}`)).toBe(`dockerfile parse error on line 2: ${message}`);
  });
});

describe("heredocs", () => {
  it("makes a script of one that stands alone, and keeps others for the shell", () => {
    expect(
      instructionsOf("RUN <<EOF\na\n# b\nEOF\nRUN <<-'X' cat >/y\n\t$a\n\tX\nRUN <<P\n#!/usr/bin/python\nP\n"),
    ).toMatchObject([
      { lines: { first: 2, last: 5 }, text: "RUN <<EOF", command: { text: "a\n# b\n" } },
      { command: { text: "<<-'X' cat >/y\n\t$a\nX", heredocs: [{ name: "X", content: "$a\n", expand: false }] } },
      { command: { text: "/dev/pipes/P", script: { name: "P", content: "#!/usr/bin/python\n" } } },
    ]);
  });

  it("reads several of one instruction, in COPY and ADD, too", () => {
    expect(firstOf('COPY <<a file <<-"b" /x/\n1\na\n\t2\n\tb\n')).toMatchObject({
      sources: ["<<a", "file", "<<b"],
      heredocs: [
        { name: "a", content: "1\n", expand: true },
        { name: "b", content: "2\n", expand: false },
      ],
      target: "/x/",
    });
  });

  it("finds none in quotes, in the exec form, in <<<, and in other instructions", () => {
    expect(
      instructionsOf('RUN echo "<<a"\nRUN ["<<a"]\nRUN cat <<<a\nUSER <<a\nCMD cat <<a\n').map(({ text }) => text),
    ).toHaveLength(5);
  });

  it("keeps them in what ONBUILD has, so that it can be read again", () => {
    const [onbuild] = instructionsOf("ONBUILD COPY <<-a /b\n\thi\na\nUSER x");
    if (onbuild?.name !== "ONBUILD") throw new Error("no ONBUILD");
    expect(parseInstruction(onbuild.trigger, "\\", { first: 7, last: 7 })).toMatchObject({
      name: "COPY",
      heredocs: [{ content: "hi\n" }],
      lines: { first: 7, last: 7 },
    });
  });

  it("wants one instruction in a trigger", () => {
    expect(() => parseInstruction("RUN a\nRUN b")).toThrow("onbuild trigger should be a single expression");
    expect(() => parseInstruction("FROM a")).toThrow("unknown instruction: FROM");
  });
});
