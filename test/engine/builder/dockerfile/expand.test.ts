// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are variables of a Dockerfile
import { describe, expect, it } from "vitest";
import {
  expandInstruction,
  expandWord,
  expandWords,
  resolveArgs,
} from "../../../../engine/builder/dockerfile/expand.ts";
import { parseInstruction } from "../../../../engine/builder/dockerfile/parse.ts";

const variables: Readonly<Record<string, string>> = {
  a: "1",
  empty: "",
  path: "/usr/local/lib/x.tar.gz",
  words: "b  c d",
  stars: "a*b*c",
  lines: "a\nb",
  name: "a",
  wide: "한국어",
};
const lookup = (name: string): string | undefined => variables[name];

describe("a word", () => {
  it.each([
    ["x$a-${a}y", "x1-1y"],
    ["$unset|${unset}|", "||"],
    ["$", "$"],
    ["$.x", "$.x"],
    ["$a_b$a.b", "1.b"],
    ["$1a", "a"],
    ["$$a", "a"],
    ["'$a'\"$a\"", "$a1"],
    ["\\$a \\'", "$a '"],
    ['"\\$a \\" \\x \\\\"', '$a " \\x \\'],
    ["'a\\'", "a\\"],
    ["a\\", "a"],
    ["${unset-d}${empty-d}${a-d}", "d1"],
    ["${unset:-d}${empty:-d}${a:-d}", "dd1"],
    ["${unset+s}|${empty+s}|${a+s}", "|s|s"],
    ["${unset:+s}|${empty:+s}|${a:+s}", "||s"],
    ["${a?e}${empty?e}${a:?e}", "11"],
    ["${unset:-${unset2:-${a}}}", "1"],
    ["${unset:-'a b'}\"${unset:-x}\"", "a bx"],
    ["${unset:-\\}}", "}"],
    ["${path#*/}", "usr/local/lib/x.tar.gz"],
    ["${path##*/}", "x.tar.gz"],
    ["${path%.*}", "/usr/local/lib/x.tar"],
    ["${path%%.*}", "/usr/local/lib/x"],
    ["${path%nothing}", "/usr/local/lib/x.tar.gz"],
    ["${path/l?/L}", "/usr/Lcal/lib/x.tar.gz"],
    ["${path//l?/L}", "/usr/LcaLLb/x.tar.gz"],
    ["${path//\\//:}", ":usr:local:lib:x.tar.gz"],
    ["${path//l/${a}}", "/usr/1oca1/1ib/x.tar.gz"],
    ["${stars#a\\*}", "b*c"],
    ["${stars//\\*/-}", "a-b-c"],
    ["${lines%b*}", "a\n"],
    ["${lines##*}", "\nb"],
    ["${wide#?}", "국어"],
    ["${wide%?}", "한국"],
    ["${a//*/x}", "x"],
    ["${unset#x}${unset//x/y}", ""],
  ])("expands %s to %s", (word, expected) => {
    expect(expandWord(word, lookup, "\\")).toBe(expected);
  });

  it.each([
    ["'a", "unexpected end of statement while looking for matching single-quote"],
    ['"a', "unexpected end of statement while looking for matching double-quote"],
    ["${", "syntax error: missing '}'"],
    ["${a", "unsupported modifier () in substitution"],
    ["${a:-b", "syntax error: missing '}'"],
    ["${a/b}", "syntax error: missing '/' in ${}"],
    ["${a/b/c", "syntax error: missing '}'"],
    ["${}", "syntax error: bad substitution"],
    ["${:a}", "syntax error: bad substitution"],
    ["${a=b}", "unsupported modifier (=) in substitution"],
    ["${a:#b}", "unsupported modifier (:#) in substitution"],
    ["${a#\\x}", "invalid pattern (\\x) in substitution: invalid escape '\\x'"],
    ["${unset?}", "unset: is not allowed to be unset"],
    ["${empty:?}", "empty: is not allowed to be empty"],
    ["${unset:?give it}", "unset: give it"],
  ])("refuses %s", (word, message) => {
    expect(() => expandWord(word, lookup, "\\")).toThrow(`failed to process ${JSON.stringify(word)}: ${message}`);
  });

  it("takes a backtick for an escape where the Dockerfile says so", () => {
    expect(expandWord("C:\\x`$a", lookup, "`")).toBe("C:\\x$a");
  });

  it.each([
    ["$words", ["b", "c", "d"]],
    ["x$words", ["xb", "c", "d"]],
    ['"$words" y', ["b  c d", "y"]],
    ["a\\ b '' c", ["a b", "c"]],
    ["${unset:-x y}z", ["x", "yz"]],
    ["a${unset:-x}", ["ax"]],
    [" ", []],
  ])("splits %s into %j", (word, expected) => {
    expect(expandWords(word, lookup, "\\")).toEqual(expected);
  });
});

describe("an instruction", () => {
  it.each<[string, object]>([
    [
      "ENV $name=$a b='$a' c=\"x $a\"",
      {
        pairs: [
          { key: "a", value: "1" },
          { key: "b", value: "$a" },
          { key: "c", value: "x 1" },
        ],
      },
    ],
    ["ENV x=2 y=$x", { pairs: [{ value: "2" }, { key: "y", value: "" }] }],
    ['ENV x "a  b" $a', { pairs: [{ key: "x", value: "a  b 1" }] }],
    ['LABEL "a b"=$a', { pairs: [{ key: "a b", value: "1" }] }],
    [
      "ARG x=$a y=$x$a z",
      {
        args: [
          { key: "x", value: "1" },
          { key: "y", value: "11" },
          { key: "z", value: null },
        ],
      },
    ],
    ["EXPOSE 80$a $words", { values: ["b", "c", "d", "801"] }],
    ['VOLUME $words /x"$a"', { values: ["b  c d", "/x1"] }],
    ['WORKDIR "/a b"/$a', { value: "/a b/1" }],
    ["USER $a:$a", { value: "1:1" }],
    ["STOPSIGNAL $a", { value: "1" }],
    [
      'COPY --chown=$a --chmod=0$a --exclude=$a $a "b" /$a/',
      { chown: "1", chmod: "01", excludes: ["$a"], sources: ["1", "b"], target: "/1/" },
    ],
    ["COPY --chown=$unset a b", { chown: null }],
    ["ADD --checksum=$a http://x/$a b", { checksum: "1", sources: ["http://x/1"] }],
    [
      "RUN --mount=type=cache,target=/$a,id=$words echo $a",
      { mounts: ["type=cache,target=/1,id=b  c d"], command: { text: "echo $a" } },
    ],
    ["RUN --mount=type=bind,target=/$list,ro echo", { mounts: ['type=bind,"target=/x,y",ro'] }],
    ["CMD echo $a", { command: { text: "echo $a" } }],
    ['SHELL ["$a"]', { args: ["$a"] }],
    ["HEALTHCHECK CMD echo $a", { check: { command: { text: "echo $a" } } }],
    ["ONBUILD RUN echo $a", { trigger: "RUN echo $a" }],
    ["MAINTAINER $a", { value: "$a" }],
  ])("expands %s", (text, expected) => {
    const list = (name: string): string | undefined => (name === "list" ? "x,y" : lookup(name));
    expect(expandInstruction(parseInstruction(text), list, "\\")).toMatchObject(expected);
  });

  it("expands heredocs of COPY, whose quotes are no quotes, unless their word is quoted", () => {
    const text = "COPY <<x <<'y' /z\n'$a' \"$words\" \\$a\nx\n$a\ny";
    expect(expandInstruction(parseInstruction(text), lookup, "\\")).toMatchObject({
      sources: ["<<x", "<<y"],
      heredocs: [{ content: "'1' \"b  c d\" $a\n" }, { content: "$a\n" }],
    });
  });

  it("leaves the name of a heredoc as it is", () => {
    const instruction = parseInstruction("COPY <<'$a' $a /z\nx\n$a");
    expect(expandInstruction(instruction, lookup, "\\")).toMatchObject({
      sources: ["<<$a", "1"],
      heredocs: [{ name: "$a", content: "x\n" }],
    });
  });

  it("says on which line it failed", () => {
    const instruction = parseInstruction("USER ${x:?who?}", "\\", { first: 12, last: 12 });
    expect(() => expandInstruction(instruction, lookup, "\\")).toThrow(
      'dockerfile parse error on line 12: failed to process "${x:?who?}": x: who?',
    );
  });
});

describe("ARG", () => {
  it("takes a build argument before a default, a default before a global value", () => {
    const instruction = parseInstruction("ARG given=1 own=$given global unset wins=$own");
    if (instruction.name !== "ARG") throw new Error("no ARG");
    const scope = {
      buildArgs: { given: "2", constructor: "x" },
      globalArgs: new Map([
        ["global", "3"],
        ["wins", "4"],
      ]),
      lookup,
      escape: "\\",
    } as const;
    expect(resolveArgs(instruction, scope)).toEqual([
      { key: "given", value: "2" },
      { key: "own", value: "2" },
      { key: "global", value: "3" },
      { key: "unset", value: null },
      { key: "wins", value: "2" },
    ]);
  });

  it("does not look at a default that is not used", () => {
    const instruction = parseInstruction("ARG x=${y:?no}");
    if (instruction.name !== "ARG") throw new Error("no ARG");
    const scope = { buildArgs: { x: "1" }, globalArgs: new Map(), lookup, escape: "\\" } as const;
    expect(resolveArgs(instruction, scope)).toEqual([{ key: "x", value: "1" }]);
    expect(() => resolveArgs(instruction, { ...scope, buildArgs: {} })).toThrow("y: no");
  });
});
