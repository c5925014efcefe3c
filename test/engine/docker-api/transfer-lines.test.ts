import { beforeEach, expect, it } from "vitest";
import { PullLines, PushLines, progressLine } from "../../../engine/docker-api/transfer-lines.ts";
import type { Progress, ProgressPart } from "../../../engine/protocol/rpc.ts";

let said: Record<string, unknown>[] = [];
let hasEnded = false;
const lines = {
  send: (line: object) => void said.push({ ...line }),
  offer: (line: object) => void said.push({ ...line }),
  end: () => {
    hasEnded = true;
  },
};

beforeEach(() => {
  said = [];
  hasEnded = false;
});

function progress(object: string, ...parts: (readonly [id: string, phase: ProgressPart["phase"], current?: number])[]) {
  return {
    phase: "x",
    object,
    current: 0,
    total: null,
    unit: "bytes",
    parts: parts.map(([id, phase, current = 0]) => ({ id, phase, current, total: 100 })),
  } satisfies Progress;
}

const words = () => said.map(({ id, status }) => (id === undefined ? status : `${id} ${status}`));

it("tells of a pull in docker's words, each step once, also those that nobody saw", () => {
  const pull = new PullLines(lines);
  const name = "127.0.0.1:5000/team/web:1";
  pull.show(progress(name, ["a", "waiting"], ["b", "waiting"], ["c", "waiting"]));
  pull.show(progress(name, ["a", "downloading", 50], ["b", "present"], ["c", "waiting"]));
  pull.show(progress(name, ["a", "done"], ["b", "present"], ["c", "waiting"]));
  pull.show(progress(name, ["a", "done"], ["b", "present"], ["c", "unpacking", 100]));
  pull.show(progress(name, ["a", "present"], ["b", "present"], ["c", "done"]));
  pull.end([{ reference: name, id: "sha256:1", digest: "sha256:2", isNew: true }], name);
  expect(words()).toEqual([
    "1 Pulling from team/web",
    "a Pulling fs layer",
    "a Downloading",
    "b Already exists",
    "a Download complete",
    "a Pull complete",
    "c Pulling fs layer",
    "c Download complete",
    "c Extracting",
    "c Pull complete",
    "Digest: sha256:2",
    `Status: Downloaded newer image for ${name}`,
  ]);
  expect(hasEnded).toBe(true);
});

it("says that nothing was new, and begins anew with each tag", () => {
  const pull = new PullLines(lines);
  pull.show(progress("web:1", ["a", "present"]));
  pull.show(progress("web:2", ["a", "present"]));
  const image = { reference: "web:1", id: "sha256:1", isNew: false };
  pull.end(
    [
      { ...image, digest: "sha256:2" },
      { ...image, digest: "sha256:3" },
    ],
    "web",
  );
  expect(words()).toEqual([
    "1 Pulling from library/web",
    "2 Pulling from library/web",
    "Digest: sha256:2",
    "Digest: sha256:3",
    "Status: Image is up to date for web",
  ]);
});

it("tells of layers that are here where the image is new", () => {
  const pull = new PullLines(lines);
  pull.show(progress("web:1", ["a", "waiting"]));
  pull.show(progress("web:1", ["a", "present"]));
  pull.end([{ reference: "web:1", id: "sha256:1", digest: "sha256:2", isNew: true }], "web:1");
  expect(words()).toEqual([
    "1 Pulling from library/web",
    "a Already exists",
    "Digest: sha256:2",
    "Status: Downloaded newer image for web:1",
  ]);
});

it("tells of a push", () => {
  const push = new PushLines(lines);
  push.begin("docker.io/library/web");
  push.show({ phase: "compressing", object: "a", current: 5, total: 10, unit: "bytes" });
  push.show(progress("web:1", ["a", "waiting"], ["b", "waiting"]));
  push.show(progress("web:1", ["a", "uploading", 10], ["b", "present"]));
  push.show(progress("web:1", ["a", "done", 100], ["b", "present"]));
  push.end([{ reference: "web:1", digest: "sha256:2", size: 7 }]);
  expect(words()).toEqual([
    "The push refers to repository [docker.io/library/web]",
    "a Compressing",
    "a Preparing",
    "a Pushing",
    "b Layer already exists",
    "a Pushed",
    "1: digest: sha256:2 size: 7",
    undefined,
  ]);
  expect(said.at(-1)).toEqual({ progressDetail: {}, aux: { Tag: "1", Digest: "sha256:2", Size: 7 } });
});

it.each([
  [0, null, undefined],
  [1234, null, " 1.234kB"],
  [500_000, 1_000_000, `[${"=".repeat(25)}>${" ".repeat(25)}]    500kB/1MB`],
  [2, 1, `[${"=".repeat(50)}>]       2B`],
])("draws %j of %j bytes", (current, total, drawn) => {
  const line = progressLine("Downloading", { id: "a", current, total }) as Record<string, unknown>;
  expect(line.progress).toBe(drawn);
  expect(line.progressDetail).toEqual({ ...(current > 0 ? { current } : {}), ...(total ? { total } : {}) });
});
