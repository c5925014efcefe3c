import { expect, it } from "vitest";
import { familiarName, fullName, splitImageName, withDefaultTag } from "../../../src/format/image-name.ts";

it.each([
  ["nginx", "docker.io/library/nginx:latest", "nginx:latest"],
  ["team/app:1", "docker.io/team/app:1", "team/app:1"],
  ["index.docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest"],
  ["localhost/app", "localhost/app:latest", "localhost/app:latest"],
  ["localhost:5000/app@sha256:ab", "localhost:5000/app@sha256:ab", "localhost:5000/app@sha256:ab"],
  ["registry.example/a/b:c", "registry.example/a/b:c", "registry.example/a/b:c"],
])("takes the name %s for %s", (text, full, familiar) => {
  const name = withDefaultTag(splitImageName(text));
  expect(fullName(name)).toBe(full);
  expect(familiarName(name)).toBe(familiar);
});
