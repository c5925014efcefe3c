import { expect, it } from "vitest";
import { fileKey, type RunInputs, runKey } from "../../../../engine/builder/solve/step-key.ts";
import { type DiffID, sha256 } from "../../../../engine/oci/digest.ts";

const chain = [sha256("layer") as DiffID];
const run: RunInputs = {
  chain,
  epoch: null,
  args: ["/bin/sh", "-c", "make"],
  script: null,
  environment: ["PATH=/bin"],
  user: "",
  workingDirectory: "/",
  mounts: [],
  network: "default",
  isPrivileged: false,
  extraHosts: [],
};
const secret = {
  type: "secret",
  target: "/run/secrets/a",
  id: "a",
  environment: null,
  required: false,
  mode: 0o400,
  uid: 0,
  gid: 0,
} as const;

it("gives a key of its own to whatever a command depends on", () => {
  const others: Partial<RunInputs>[] = [
    { chain: [] },
    { epoch: 0 },
    { args: ["/bin/sh", "-c", "make all"] },
    { script: "#!/bin/sh" },
    { environment: ["PATH=/bin", "A=1"] },
    { user: "nobody" },
    { workingDirectory: "/src" },
    { mounts: [{ mount: secret, content: null }] },
    { mounts: [{ mount: { ...secret, id: "b" }, content: null }] },
    { mounts: [{ mount: { type: "tmpfs", target: "/t", size: null }, content: sha256("x") }] },
    { network: "none" },
    { isPrivileged: true },
    { extraHosts: [{ name: "a", address: "127.0.0.1" }] },
  ];
  const keys = [run, ...others.map((other) => ({ ...run, ...other }))].map(runKey);
  expect(new Set(keys).size).toBe(others.length + 1);
  expect(runKey({ ...run })).toBe(keys[0]);
});

it("does not mix up where one input ends and the next begins", () => {
  expect(runKey({ ...run, args: ["a", "b"] })).not.toBe(runKey({ ...run, args: ["a b"] }));
  expect(runKey({ ...run, environment: ["A=1", "B=2"] })).not.toBe(runKey({ ...run, environment: ["A=1,B=2"] }));
});

it("leaves the working directory out where the target is absolute", () => {
  const copy = {
    name: "COPY",
    chain,
    epoch: null,
    target: "/x/",
    workingDirectory: "/a",
    chown: null,
    chmod: null,
    link: false,
    parents: false,
    unpack: false,
    sources: ["a"],
    content: sha256("a"),
  } as const;
  expect(fileKey({ ...copy, workingDirectory: "/b" })).toBe(fileKey(copy));
  expect(fileKey({ ...copy, target: "x/", workingDirectory: "/b" })).not.toBe(fileKey({ ...copy, target: "x/" }));
  expect(fileKey({ ...copy, content: sha256("b") })).not.toBe(fileKey(copy));
});
