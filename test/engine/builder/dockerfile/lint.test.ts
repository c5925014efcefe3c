// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are variables of a Dockerfile
import { describe, expect, it } from "vitest";
import { checkDockerfile, findLintFailure } from "../../../../engine/builder/dockerfile/lint.ts";
import type { CheckScope } from "../../../../engine/builder/dockerfile/lint-scope.ts";
import { parseDockerfile } from "../../../../engine/builder/dockerfile/parse.ts";

function check(text: string, scope: Partial<CheckScope> = {}): string[] {
  const warnings = checkDockerfile(parseDockerfile(text), { buildArgs: {}, target: "", ...scope });
  return warnings.map(({ line, rule, message }) => `${line} ${rule}: ${message}`);
}

const ignoring = (...patterns: string[]) => ({ patterns, matches: (path: string) => patterns.includes(path) });

it("tells the check's description and docker's page of it", () => {
  expect(checkDockerfile(parseDockerfile("FROM a\nMAINTAINER me"), { buildArgs: {}, target: "" })).toEqual([
    {
      rule: "MaintainerDeprecated",
      message: "Maintainer instruction is deprecated in favor of using label",
      description: "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
      url: "https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/",
      line: 2,
    },
  ]);
  expect(checkDockerfile(parseDockerfile("FROM a\nCMD b"), { buildArgs: {}, target: "" })).toMatchObject([
    { url: "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/" },
  ]);
});

it.each<[string, string[]]>([
  ["FROM scratch AS Base", ["1 StageNameCasing: Stage name 'Base' should be lowercase"]],
  ["FROM scratch as base", ["1 FromAsCasing: 'as' and 'FROM' keywords' casing do not match"]],
  ["from scratch as base\nuser x", []],
  ["FROM scratch\nRUN a \\\n\n b", ["4 NoEmptyContinuation: Empty continuation line"]],
  [
    "FROM scratch\nuser a\nUser b\nUSER c",
    [
      "2 ConsistentInstructionCasing: Command 'user' should match the case of the command majority (uppercase)",
      "3 ConsistentInstructionCasing: Command 'User' should match the case of the command majority (uppercase)",
    ],
  ],
  [
    "FROM scratch AS a\nFROM scratch AS a\nFROM scratch AS context",
    [
      '2 DuplicateStageName: Duplicate stage name "a", stage names should be unique',
      '3 ReservedStageName: Stage name should not use the same name as reserved stage "context"',
    ],
  ],
  [
    "FROM scratch\nCMD a",
    ["2 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals"],
  ],
  ['FROM scratch\nSHELL ["/x"]\nENTRYPOINT a', []],
  [
    "ARG VERSION=1\nFROM a:$VERSIN-x",
    [
      "2 InvalidDefaultArgInFrom: Default value for ARG a:$VERSIN-x results in empty or invalid base image name",
      "2 UndefinedArgInFrom: FROM argument 'VERSIN' is not declared (did you mean VERSION?)",
    ],
  ],
  [
    "ARG X\nFROM $X",
    ["2 InvalidDefaultArgInFrom: Default value for ARG $X results in empty or invalid base image name"],
  ],
  [
    "FROM scratch\nWORKDIR a\nWORKDIR b\nFROM scratch\nWORKDIR /a\nWORKDIR b",
    ['2 WorkdirRelativePath: Relative workdir "a" can have unexpected results if the base image changes'],
  ],
  [
    "FROM scratch AS a\nARG DIRS=x y\nENV z=$PAHT$y\nCOPY $DIR /\nFROM a\nUSER $DIRS$none",
    [
      "3 UndefinedVar: Usage of undefined variable '$PAHT' (did you mean $PATH?)",
      "4 UndefinedVar: Usage of undefined variable '$DIR' (did you mean $DIRS?)",
      "6 UndefinedVar: Usage of undefined variable '$none'",
    ],
  ],
  [
    'FROM scratch\nCMD ["a"]\nCMD ["b"]\nHEALTHCHECK NONE\nHEALTHCHECK NONE',
    [
      "2 MultipleInstructionsDisallowed: Multiple CMD instructions should not be used in the same stage because only the last one will be used",
      "4 MultipleInstructionsDisallowed: Multiple HEALTHCHECK instructions should not be used in the same stage because only the last one will be used",
    ],
  ],
  [
    "FROM scratch\nENV a b\nlabel c d",
    [
      '2 LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format',
      "3 ConsistentInstructionCasing: Command 'label' should match the case of the command majority (uppercase)",
      '3 LegacyKeyValueFormat: "label key=value" should be used instead of legacy "label key value" format',
    ],
  ],
  [
    "FROM --platform=$TARGETPLATFORM a\nFROM --platform=linux/amd64 b\nFROM --platform=linux/amd64 c AS for-amd64",
    [
      "1 RedundantTargetPlatform: Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
      '2 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/amd64"',
    ],
  ],
  [
    "FROM scratch\nARG DB_PASSWORD\nENV TOKEN=1 KEYBOARD=1 PUBLIC_KEY=1 TOKEN_FILE=1",
    [
      '2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "DB_PASSWORD")',
      '3 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "TOKEN")',
    ],
  ],
  [
    "FROM scratch\nEXPOSE 80/TCP 127.0.0.1:81:81 82",
    [
      "2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:81:81'",
      "2 ExposeProtoCasing: Defined protocol '80/TCP' in EXPOSE instruction should be lowercase",
    ],
  ],
])("checks %j", (text, warnings) => {
  expect(check(text)).toEqual(warnings);
});

describe("what is left out of the context", () => {
  const text =
    "FROM scratch AS a\nCOPY ./secret b /\nADD secret https://x/secret /\nCOPY . /\nFROM a\nCOPY --from=a secret /\n";

  it("is told where it is copied", () => {
    expect(check(text, { ignore: ignoring("secret") })).toEqual([
      '2 CopyIgnoredFile: Attempting to Copy file "secret" that is excluded by .dockerignore',
      '3 CopyIgnoredFile: Attempting to Add file "secret" that is excluded by .dockerignore',
    ]);
  });

  it("is told of the context's root only where nothing is left", () => {
    expect(check("FROM scratch\nCOPY . /", { ignore: ignoring("**") })).toEqual([
      '2 CopyIgnoredFile: Attempting to Copy file "." that is excluded by .dockerignore',
    ]);
  });

  it("is not told where there are exceptions", () => {
    expect(check(text, { ignore: ignoring("secret", "!secret") })).toEqual([]);
  });
});

describe("variables of base images", () => {
  const text = "FROM debian\nENV PATH=$PATH:/x\nUSER $HOME_OF\n";

  it("are none of its business where nothing is known of the image", () => {
    expect(check(text)).toEqual([]);
  });

  it("are looked for where it is known", () => {
    expect(check(text, { findImage: () => ({ environment: ["HOME_OFF=1"], hasShell: false }) })).toEqual([
      "3 UndefinedVar: Usage of undefined variable '$HOME_OF' (did you mean $HOME_OFF?)",
    ]);
    expect(check(text, { findImage: () => ({ environment: ["HOME_OF=1"], hasShell: false }) })).toEqual([]);
  });
});

describe("which checks are made", () => {
  const text = "FROM scratch as x\nCMD a\n";

  it("is what the Dockerfile says at its top", () => {
    expect(check(`# check=skip=FromAsCasing\n${text}`)).toHaveLength(1);
    expect(check(`# check=skip=all\n${text}`)).toEqual([]);
  });

  it("is what it says right before an instruction, for that alone", () => {
    expect(check("FROM scratch\n# check=skip=LegacyKeyValueFormat\nENV a b\nENV c d\n")).toHaveLength(1);
  });

  it("is what a build argument says", () => {
    expect(
      check(`# check=skip=all\n${text}`, { buildArgs: { BUILDKIT_DOCKERFILE_CHECK: "skip=JSONArgsRecommended" } }),
    ).toHaveLength(1);
  });

  it("leaves out descriptions unless they are asked for", () => {
    const described = "# other than its name\nARG a\n# b is fine\nARG b\nFROM scratch\n";
    expect(check(described)).toEqual([]);
    expect(check(`# check=experimental=all\n${described}`)).toEqual([
      "3 InvalidDefinitionDescription: Comment for ARG should follow the format: `# a <description>`",
    ]);
  });

  it("goes for the stages that the target needs", () => {
    expect(check("FROM scratch AS x\nUSER $a\nFROM scratch\nUSER $b", { target: "x" })).toEqual([
      "2 UndefinedVar: Usage of undefined variable '$a'",
    ]);
  });
});

it("makes findings errors where the Dockerfile says so", () => {
  const dockerfile = parseDockerfile("# check=error=true\nFROM scratch as x\nCMD a\n");
  const warnings = checkDockerfile(dockerfile, { buildArgs: {}, target: "" });
  expect(findLintFailure(dockerfile, warnings)).toBe(
    "lint violation found for rules: FromAsCasing, JSONArgsRecommended",
  );
  expect(findLintFailure(dockerfile, [])).toBeNull();
  expect(findLintFailure(parseDockerfile("FROM a"), warnings)).toBeNull();
});

it("keeps still about what is wrong and not only unwise", () => {
  expect(check("FROM --platform=$x a\nUSER ${y:?no}")).toEqual([
    "1 UndefinedArgInFrom: FROM argument 'x' is not declared",
  ]);
});
