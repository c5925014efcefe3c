import { readFileSync } from "node:fs";

export type Outcome = "passed" | "failed" | "skipped";

/** By test: `tests.integration.network_test::NetworkTest::test_network_default_labels`. */
export type Outcomes = Record<string, { readonly outcome: Outcome; readonly message: string }>;

/** Of the JUnit report that pytest writes. */
export function readOutcomes(file: string): Outcomes {
  const outcomes: Outcomes = {};
  const xml = readFileSync(file, "utf8");
  for (const [, attributes = "", body = ""] of xml.matchAll(/<testcase ([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs)) {
    const [kind, message] = kindOf(body);
    const name = `${attributeOf(attributes, "classname")}::${attributeOf(attributes, "name")}`;
    // A test whose end fails as well is there twice.
    if (outcomes[name]?.outcome !== "failed") outcomes[name] = { outcome: kind, message };
  }
  return outcomes;
}

/** Tests that fail and are not known to. */
export function findNews(outcomes: Outcomes, known: Readonly<Record<string, string>>): string[] {
  const names = Object.keys(outcomes);
  return names.filter((name) => outcomes[name]?.outcome === "failed" && known[name] === undefined);
}

/** What pytest calls a test: `tests/integration/network_test.py::NetworkTest::test_network_default_labels`. */
export function nodeOf(name: string): string {
  const [place = "", test = ""] = name.split("::");
  const at = place.lastIndexOf(".");
  return `${place.slice(0, at).replaceAll(".", "/")}.py::${place.slice(at + 1)}::${test}`;
}

/** Prints what is new; gives the exit status. A `known` one that did not run counts for nothing, one with `sometimes` may pass. */
export function compareOutcomes(outcomes: Outcomes, known: Readonly<Record<string, string>>): number {
  const entries = Object.entries(outcomes);
  const count = (wanted: Outcome) => entries.filter(([, { outcome }]) => outcome === wanted).length;
  const news = findNews(outcomes, known);
  const isMended = ([name, reason]: [string, string]) =>
    outcomes[name]?.outcome === "passed" && !reason.startsWith("sometimes");
  const mended = Object.entries(known)
    .filter(isMended)
    .map(([name]) => name);
  for (const name of news) console.log(`fails, and is not known to: ${name}\n  ${outcomes[name]?.message}`);
  for (const name of mended) console.log(`passes by now, take it off the list: ${name}`);
  const expected = count("failed") - news.length;
  console.log(
    `${count("passed")} passed, ${count("failed")} failed (${expected} of them known), ${count("skipped")} skipped`,
  );
  return entries.length === 0 || news.length > 0 || mended.length > 0 ? 1 : 0;
}

function kindOf(body: string): [Outcome, string] {
  const [, kind, attributes = ""] = /<(failure|error|skipped)\b([^>]*)>/.exec(body) ?? [];
  if (kind === undefined) return ["passed", ""];
  return [kind === "skipped" ? "skipped" : "failed", attributeOf(attributes, "message").slice(0, 300)];
}

function attributeOf(attributes: string, name: string): string {
  const text = new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
  const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replaceAll(/&(#(\d+)|\w+);/g, (whole, word: string, code?: string) =>
    code === undefined ? (entities[word] ?? whole) : String.fromCodePoint(Number(code)),
  );
}
