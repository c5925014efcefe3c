import { expect, it } from "vitest";
import { PathPatterns } from "../../../../engine/builder/copy/path-patterns.ts";

/** Pattern, path, whether docker matches it: from what moby/patternmatcher says of the same. */
const cases: readonly (readonly [pattern: string, path: string, isMatched: boolean])[] = [
  ["**", "file", true],
  ["**", "dir/file", true],
  ["**/", "dir/file", true],
  ["**/**", "dir/file", true],
  ["dir/**", "dir/file", true],
  ["dir/**", "dir", false],
  ["**/dir", "dir/file", true],
  ["**/dir2/*", "dir/dir2/dir2/file", true],
  ["**/file", "dir/dir/file", true],
  ["**/file*", "dir/dir/file.txt", true],
  ["**/file*txt", "dir/dir/file.txt", true],
  ["**/**/*.txt", "dir/dir/file.txt", true],
  ["a**/*.txt", "a/file.txt", true],
  ["a**/*.txt", "a/dir/dir/file.txt", true],
  ["a/*.txt", "a/dir/file.txt", false],
  ["a/*.txt", "a/file.txt", true],
  ["a/*.txt**", "a/file.txt", true],
  ["a[b-d]e", "ae", false],
  ["a[b-d]e", "ace", true],
  ["a[^b-d]e", "aze", true],
  [".*", ".foo", true],
  [".*", "foo", false],
  ["abc.def", "abcdef", false],
  ["abc.def", "abc.def", true],
  ["abc?def", "abcZdef", true],
  ["a\\*b", "a*b", true],
  ["a\\*b", "aXb", false],
  ["**/foo/bar", "foo/bar", true],
  ["**/foo/bar", "dir/foo/bar/baz", true],
  ["abc/**", "abc", false],
  ["abc/**", "abc/def/ghi", true],
  ["**/.foo", ".foo", true],
  ["**/.foo", "bar.foo", false],
  ["a(b)c/def", "a(b)c/def", true],
  ["a.|)$(}+{bc", "a.|)$(}+{bc", true],
  [
    "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
    "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
    true,
  ],
  ["**foo", "xfoo", true],
  ["**foo*", "xfoo", false],
  ["ä?", "äö", true],
  ["foo/./bar/../baz/", "foo/baz/x", true],
  ["/x", "x", false],
];

it.each(cases)("%s matches %s: %s", (pattern, path, isMatched) => {
  expect(new PathPatterns([pattern]).matchWhole(path).isMatched).toBe(isMatched);
});

it.each([
  [["*", "!a"], "a", false],
  [["*", "!a"], "b", true],
  [["*", "!a"], "a/b", false],
  [["a", "!a/b"], "a/b/c", false],
  [["a", "!a/b"], "a/c", true],
  [["!a/b", "a"], "a/b", true],
  [["**", "!util/docker/web"], "util/docker/web/foo", false],
  [["**", "!util/docker/web", "util/docker/web/foo"], "util/docker/web/foo", true],
  [["*.md", "!README*.md", "README-secret.md"], "README-secret.md", true],
  [["*.md", "!README*.md", "README-secret.md"], "README.md", false],
  [["", "  ", "a "], "a", true],
])("the last of %j that matches %s decides", (lines, path, isMatched) => {
  expect(new PathPatterns(lines).matchWhole(path).isMatched).toBe(isMatched);
});

it.each(["[", "a[", "a\\", "[a-]", "!"])("refuses %s", (pattern) => {
  expect(() => new PathPatterns([pattern])).toThrow(/syntax error in pattern|illegal exclusion/);
});

it("knows below which directories nothing can be matched", () => {
  const patterns = new PathPatterns(["*", "!src/*/keep", "!lib"]);
  expect(patterns.canExceptBelow("node_modules")).toBe(false);
  expect(patterns.canExceptBelow("src")).toBe(true);
  expect(patterns.canExceptBelow("src/a/b")).toBe(true);
  expect(patterns.canExceptBelow("lib/x")).toBe(true);
});

it("is not kept busy by a hostile pattern", () => {
  const path = `${"a".repeat(250)}/${"a".repeat(250)}`;
  const started = performance.now();
  const patterns = new PathPatterns([`${"a*".repeat(100)}b`, `${"**/a*/".repeat(50)}b`, `${"*a".repeat(60)}*b`]);
  expect(patterns.match(path, null).isMatched).toBe(false);
  expect(performance.now() - started).toBeLessThan(1_000);
});
