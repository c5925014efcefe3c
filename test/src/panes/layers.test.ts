import { expect, it } from "vitest";
import { commandText, layerRows } from "../../../src/panes/layers/rows.ts";

it("puts the writable layer on top and the lowest last", () => {
  const layer = { size: 5, createdAt: "", createdBy: "RUN x", comment: "", sharedBy: ["other\u001b[2J"] };
  const rows = layerRows({
    image: "nginx",
    imageID: "i",
    layers: [
      { ...layer, diffID: "sha256:a" },
      { ...layer, diffID: "sha256:b" },
    ],
    writable: { size: 7, added: 3, changed: 1, deleted: 0, truncated: false },
  });
  expect(rows.map(({ kind, order, diffID }) => `${kind} ${order} ${diffID}`.trim())).toEqual([
    "writable 3",
    "layer 2 sha256:b",
    "layer 1 sha256:a",
  ]);
  expect(rows[0]?.command).toBe("3 added, 1 changed, 0 deleted");
  expect(rows[1]?.sharedBy).toEqual(["other"]);
});

it("shows the Dockerfile line that made a layer, whatever builder wrote it", () => {
  expect(commandText('/bin/sh -c #(nop)  CMD ["nginx"]', "")).toBe('CMD ["nginx"]');
  expect(commandText("/bin/sh -c apt-get update", "")).toBe("RUN apt-get update");
  expect(commandText("RUN /bin/sh -c make\tinstall # buildkit", "buildkit.dockerfile.v0")).toBe("RUN make install");
  expect(commandText("COPY a b # buildkit", "")).toBe("COPY a b");
  expect(commandText("", "from a tar")).toBe("from a tar");
  expect(commandText("\u001b]0;x\u0007", "")).toBe("imported");
});
