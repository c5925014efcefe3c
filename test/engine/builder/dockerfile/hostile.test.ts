// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are variables of a Dockerfile
import fc from "fast-check";
import { expect, it } from "vitest";
import { expandInstruction, expandWord, expandWords } from "../../../../engine/builder/dockerfile/expand.ts";
import { checkDockerfile } from "../../../../engine/builder/dockerfile/lint.ts";
import { parseRunMount } from "../../../../engine/builder/dockerfile/mounts.ts";
import { parseDockerfile } from "../../../../engine/builder/dockerfile/parse.ts";
import { resolveStages } from "../../../../engine/builder/dockerfile/stages.ts";
import { EngineError } from "../../../../engine/errors.ts";

/** Pieces that mean something somewhere in the language. */
const pieces = [
  ..."\n\n\n  \t\r\\`\"'$#<>[]{}:=,-/?*%+.",
  ...[
    "FROM ",
    "scratch",
    " AS ",
    "RUN ",
    "COPY ",
    "ADD ",
    "ENV ",
    "ARG ",
    "ONBUILD ",
    "HEALTHCHECK ",
    "EXPOSE ",
    "SHELL ",
  ],
  ...[
    "LABEL ",
    "VOLUME ",
    "WORKDIR ",
    "CMD ",
    "USER ",
    "NONE",
    "<<EOF",
    "<<-'EOF'",
    "EOF",
    "\n# escape=`\n",
    "# check=",
    "skip=",
  ],
  ...[
    "--mount=",
    "type=",
    "cache,",
    "secret,",
    "--from=",
    "--platform=",
    "--link",
    "--interval=",
    "5m",
    "${",
    "$x",
    ":-",
    "\0",
  ],
  ...[
    "\ufeff",
    "\u2028",
    "\u{1f600}",
    "\ud800",
    "__proto__",
    "constructor",
    "ä",
    '["a", "b"]',
    "target=/",
    "id=",
    "x",
    "0",
  ],
];
const text = fc.array(fc.constantFrom(...pieces), { maxLength: 60 }).map((parts) => parts.join(""));

function tryAll(source: string): void {
  const dockerfile = parseDockerfile(source);
  checkDockerfile(dockerfile, { buildArgs: { x: "1" }, target: "", ignore: { patterns: ["x"], matches: () => true } });
  for (const { instructions } of dockerfile.stages) {
    for (const instruction of instructions) {
      const expanded = expandInstruction(instruction, () => "v", dockerfile.directives.escape);
      if (expanded.name === "RUN") for (const mount of expanded.mounts) parseRunMount(mount, "/");
    }
  }
  resolveStages(dockerfile, { target: "", buildArgs: { x: "1" }, platform: null });
}

function onlyRefuses(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    expect(["invalid-argument", "not-found"]).toContain(error.code);
  }
}

it("never fails but with a reason, whatever it reads", () => {
  fc.assert(
    fc.property(text, (source) => onlyRefuses(() => tryAll(source))),
    { numRuns: 1500 },
  );
  fc.assert(
    fc.property(text, (source) => onlyRefuses(() => tryAll(`FROM a\n${source}`))),
    { numRuns: 1500 },
  );
  fc.assert(fc.property(fc.string({ unit: "binary" }), (source) => onlyRefuses(() => tryAll(`FROM a\n${source}`))));
});

it("never fails but with a reason, whatever word or mount it reads", () => {
  fc.assert(fc.property(text, (source) => onlyRefuses(() => expandWord(source, () => undefined, "\\"))));
  fc.assert(fc.property(text, (source) => onlyRefuses(() => parseRunMount(source, "/w"))));
});

it("splits a word without quotes, escapes and variables as blanks do", () => {
  const plain = fc.stringMatching(/^[a-z0-9 \t./-]*$/);
  fc.assert(
    fc.property(plain, (source) => {
      expect(expandWords(source, () => undefined, "\\")).toEqual(source.split(/[ \t]+/).filter((word) => word !== ""));
      expect(expandWord(source, () => undefined, "\\")).toBe(source);
    }),
  );
});

it("gives back what was quoted", () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      const quoted = `"${value.replace(/[\\"$]/g, "\\$&")}"`;
      expect(expandWord(quoted, () => "wrong", "\\")).toBe(value);
    }),
  );
});

const line = (unit: string): string => unit.repeat(Math.floor(60_000 / unit.length));
const lines = (unit: string): string => unit.repeat(Math.floor(1_000_000 / unit.length));

/** Each takes a naive reader minutes. */
const slow: readonly [what: string, source: string][] = [
  ["blanks", `FROM a\n${lines(`RUN ${line(" ")}x\n`)}`],
  ["escapes", `FROM a\n${lines(`RUN ${line("\\ ")}x\n`)}`],
  ["carriage returns", `FROM a\n${lines(`RUN ${line("\r")}x\n`)}`],
  ["continuation lines", `FROM a\nRUN x ${lines("\\\n")}`],
  ["empty lines", `FROM a\n${lines("\n")}RUN x`],
  ["comments", `FROM a\n${lines("# x\n")}RUN x`],
  ["a directive", `# escape${line(" ")}x\n# escape=${line(" x")}\nFROM a`],
  ["heredocs without end", `FROM a\n${lines(`RUN ${line("<<a ")}\n`)}`],
  ["heredocs with blanks", `FROM a\n${lines(`RUN <<${line(" ")}<\n`)}`],
  ["heredocs", `FROM a\nRUN <<a\n${lines("\t\r\n")}a`],
  ["quotes", `FROM a\n${lines(`ENV ${line("a='\"' ")}\n`)}`],
  ["brackets", `FROM a\n${lines(`CMD ${line("[")}\n`)}`],
  ["flags", `FROM a\n${lines(`RUN ${line("--mount=a ")}x\n`)}`],
  ["mounts", `FROM a\n${lines(`RUN --mount=${line("a,")} x\n`)}`],
  ["onbuild", `FROM a\n${lines(`${line("ONBUILD ")}\n`)}`],
  ["stages", lines("FROM a AS b\nCOPY --from=0 a b\n")],
  ["values", `FROM a\nENV a=${"x".repeat(60_000)}\n${lines("USER $a$a$a$a\n").slice(0, 100_000)}`],
  ["patterns", `FROM a\nENV a=${"x".repeat(60_000)}\n${lines("USER ${a##*x*x*x*x*y}\n").slice(0, 200_000)}`],
  ["bases", `ARG a=${"x".repeat(60_000)}\n${lines("FROM ${a##*x*x*x*x*y}\n").slice(0, 200_000)}`],
  ["triggers", `FROM a AS a\n${"ONBUILD USER x\n".repeat(5_000)}${"FROM a\n".repeat(4_900)}`],
  ["names that are not there", `FROM scratch\n${lines(`USER ${line("$ab")}\n`)}`],
  ["names", `ARG ${line("a ")}\n${lines("FROM $ab AS c\n")}`],
];

it.each(slow)("reads a megabyte of %s at once", (_what, source) => {
  const start = process.cpuUsage();
  onlyRefuses(() => tryAll(source));
  const { user, system } = process.cpuUsage(start);
  expect((user + system) / 1e6).toBeLessThan(5);
});

it.each<[string, Record<string, string>, string]>([
  [line("$a"), { a: "x".repeat(1000) }, "variables expand to more than 1048576 characters"],
  ["${a//x/$a}", { a: "x".repeat(2000) }, "variables expand to more than 1048576 characters"],
  ["${a##*x*x*x*x*x*x*x*x*x*x*x*x*y}", { a: "x".repeat(400_000) }, "patterns in variables take too long to match"],
  ["${a//*y/z}", { a: "x".repeat(20_000) }, "patterns in variables take too long to match"],
  [line("${a:-"), {}, "variables are nested more than 100 deep"],
])("bounds what %.20s… may cost", (word, variables, message) => {
  expect(() => expandWord(word, (name) => variables[name], "\\")).toThrow(message);
});

it("stops variables that double with every line", () => {
  let value = "x";
  expect(() => {
    for (let count = 0; count < 64; count++) value = expandWord("$a$a", () => value, "\\");
  }).toThrow("variables expand to more than 1048576 characters");
});

it("bounds files, lines and instructions", () => {
  expect(() => parseDockerfile(`FROM a\n${"#\n".repeat(2_200_000)}`)).toThrow(
    "the Dockerfile has more than 4194304 characters",
  );
  expect(() => parseDockerfile(`FROM a\nRUN ${"x".repeat(65_536)}`)).toThrow(
    "line 2: dockerfile line greater than max allowed size of 65535",
  );
  expect(() => parseDockerfile("FROM a\n".repeat(10_001))).toThrow("line 10001: more than 10000 instructions");
});
