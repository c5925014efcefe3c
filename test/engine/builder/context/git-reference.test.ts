import { expect, it } from "vitest";
import { parseGitReference } from "../../../../engine/builder/context/git-reference.ts";

it.each([
  ["https://host/x.git", { remote: "https://host/x.git", scheme: "https", ref: "", directory: "" }],
  ["https://host/x.git#main", { remote: "https://host/x.git", ref: "main", directory: "" }],
  ["https://u:p@host/x.git#:a/../b/", { remote: "https://u:p@host/x.git", ref: "", directory: "b" }],
  ["http://host/x.git#v1:../../etc", { scheme: "http", ref: "v1", directory: "etc" }],
  ["git://host/x", { remote: "git://host/x", scheme: "git" }],
  ["ssh://git@host:22/x", { remote: "ssh://git@host:22/x", scheme: "ssh" }],
  ["git@github.com:moby/buildkit.git#a/b:c", { remote: "git@github.com:moby/buildkit.git", scheme: "ssh", ref: "a/b" }],
  ["github.com/moby/buildkit#x", { remote: "https://github.com/moby/buildkit", ref: "x" }],
  [
    "https://h/x.git?tag=v1&subdir=d&keep-git-dir&submodules=false",
    { ref: "refs/tags/v1", directory: "d", keepsGit: true },
  ],
  ["https://h/x.git?branch=b&checksum=abc", { ref: "refs/heads/b", checksum: "abc" }],
])("reads %s", (text, expected) => {
  expect(parseGitReference(text)).toMatchObject(expected);
});

it.each([
  "https://host/x.tar.gz",
  "https://host/x",
  "./x.git",
  "/x.git",
  "x.git",
  "ftp://host/x.git",
  "a:b",
  "host/x.git",
])("takes %s for no repository", (text) => {
  expect(parseGitReference(text)).toBeNull();
});

it.each([
  ["https://h/x.git#--upload-pack=evil", "is no name of a git reference"],
  ["https://h/x.git?what=1", 'unexpected query "what"'],
  ["https://h/x.git?ref=a#b", "two values for ref"],
  ["https://h/x.git?submodules=maybe", "invalid submodules value"],
])("refuses %s", (text, message) => {
  expect(() => parseGitReference(text)).toThrow(message);
});
