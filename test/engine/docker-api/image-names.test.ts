import { expect, it } from "vitest";
import { newNameOf, noSuchImage, pulledNameOf } from "../../../engine/docker-api/image-names.ts";

const digest = `sha256:${"d".repeat(64)}`;

it.each([
  ["web", "", "docker.io/library/web"],
  ["web", "2", "docker.io/library/web:2"],
  ["web:1", "", "docker.io/library/web:1"],
  ["web:1", "2", "docker.io/library/web:2"],
  ["127.0.0.1:5000/a/b", "x", "127.0.0.1:5000/a/b:x"],
])("names an image by %j and the tag %j", (repo, tag, name) => {
  expect(newNameOf(repo, tag)).toBe(name);
});

it("gives no name for none, and refuses what is no name for an image that is made", () => {
  expect(newNameOf("", "1")).toBeNull();
  expect(() => newNameOf(`web@${digest}`, "")).toThrow("digest");
  expect(() => newNameOf("UPPER", "")).toThrow("lowercase");
});

it.each([
  ["web", "", "docker.io/library/web", true],
  ["web:", "", "docker.io/library/web", true],
  ["web:1", "", "docker.io/library/web:1", false],
  ["web", "1", "docker.io/library/web:1", false],
  ["web:1", "2", "docker.io/library/web:2", false],
  ["web", digest, `docker.io/library/web@${digest}`, false],
  [`web@${digest}`, "", `docker.io/library/web@${digest}`, false],
])("pulls %j with the tag %j", (fromImage, tag, reference, allTags) => {
  expect(pulledNameOf(fromImage, tag)).toEqual({ reference, allTags });
});

it.each([
  ["web", "No such image: web:latest"],
  ["docker.io/library/web:1", "No such image: web:1"],
  [digest, `No such image: ${digest}`],
  ["Web", "No such image: Web"],
])("says of %j what docker says", (image, message) => {
  expect(noSuchImage(image).message).toBe(message);
});
