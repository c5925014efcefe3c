import fc from "fast-check";
import { expect, it } from "vitest";
import {
  familiarReference,
  formatReference,
  parseReference,
  parseTaggedReference,
} from "../../../engine/oci/reference.ts";

const digest = `sha256:${"ab".repeat(32)}`;

it.each([
  ["busybox", "docker.io/library/busybox", "busybox"],
  ["busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"],
  ["library/busybox", "docker.io/library/busybox", "busybox"],
  ["gantry/busybox", "docker.io/gantry/busybox", "gantry/busybox"],
  ["index.docker.io/busybox", "docker.io/library/busybox", "busybox"],
  ["docker.io/a/b/c:x", "docker.io/a/b/c:x", "a/b/c:x"],
  ["localhost/web", "localhost/web", "localhost/web"],
  ["localhost:5000/web:1", "localhost:5000/web:1", "localhost:5000/web:1"],
  ["registry.example/team/web", "registry.example/team/web", "registry.example/team/web"],
  ["[::1]:5000/web", "[::1]:5000/web", "[::1]:5000/web"],
  ["Registry/web", "Registry/web", "Registry/web"],
  [`web@${digest}`, `docker.io/library/web@${digest}`, `web@${digest}`],
  [`web:1@${digest}`, `docker.io/library/web:1@${digest}`, `web:1@${digest}`],
  ["docker.io/foo.example/bar", "docker.io/foo.example/bar", "docker.io/foo.example/bar"],
  ["a__b.c-d--e", "docker.io/library/a__b.c-d--e", "a__b.c-d--e"],
])("normalizes %s", (text, normalized, familiar) => {
  const reference = parseReference(text);
  expect(formatReference(reference)).toBe(normalized);
  expect(familiarReference(reference)).toBe(familiar);
});

it.each([
  "",
  ":tag",
  "Web",
  "web:",
  "web:a b",
  `web:${"x".repeat(129)}`,
  "web@sha256:12",
  `web@md5:${"a".repeat(32)}`,
  "a//b",
  "/web",
  "web/",
  "a___b",
  "a..b",
  "-web",
  "registry_x.example/web",
  "../web",
  "web\n",
  "a".repeat(64),
  `${"a/".repeat(200)}a`,
  "x".repeat(10_000),
])("refuses %j", (text) => {
  expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: "invalid-argument" }));
});

it("takes latest only where neither tag nor digest is given", () => {
  expect(parseTaggedReference("web").tag).toBe("latest");
  expect(parseTaggedReference("web:2").tag).toBe("2");
  expect(parseTaggedReference(`web@${digest}`).tag).toBeNull();
});

const component = fc.stringMatching(/^[a-z0-9]{1,6}(?:(?:\.|_|__|--?)[a-z0-9]{1,4}){0,2}$/);
const host = fc.stringMatching(
  /^(?:[a-zA-Z0-9]{1,5}(?:-[a-zA-Z0-9]{1,3})?(?:\.[a-z0-9]{1,5}){0,2}(?::[0-9]{1,5})?|localhost)$/,
);
const references = fc
  .record({
    host: fc.option(host, { nil: null }),
    path: fc.array(component, { minLength: 1, maxLength: 4 }),
    tag: fc.option(fc.stringMatching(/^[\w][\w.-]{0,20}$/), { nil: null }),
    digest: fc.option(fc.constant(digest), { nil: null }),
  })
  .map((parts) => {
    const name = [...(parts.host === null ? [] : [parts.host]), ...parts.path].join("/");
    return `${name}${parts.tag === null ? "" : `:${parts.tag}`}${parts.digest === null ? "" : `@${parts.digest}`}`;
  })
  .filter((text) => {
    try {
      parseReference(text);
      return true;
    } catch {
      return false;
    }
  });

it("reads back what it wrote, in both forms", () => {
  fc.assert(
    fc.property(references, (text) => {
      const reference = parseReference(text);
      expect(parseReference(formatReference(reference))).toEqual(reference);
      expect(parseReference(familiarReference(reference))).toEqual(reference);
    }),
  );
});

it("answers any text with a reference or invalid-argument", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 400 }), (text) => {
      try {
        expect(parseReference(formatReference(parseReference(text)))).toEqual(parseReference(text));
      } catch (error) {
        expect(error).toMatchObject({ code: "invalid-argument" });
      }
    }),
  );
});
