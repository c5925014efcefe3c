import { Writable } from "node:stream";
import { expect, it } from "vitest";
import type { Progress, ProgressPart } from "../../../engine/protocol/rpc.ts";
import { fitLayers, layerLine } from "../../../src/cli/transfer-lines.ts";
import { TransferProgress } from "../../../src/cli/transfer-progress.ts";

const part = (id: string, phase: ProgressPart["phase"], current = 0, total: number | null = 30e6): ProgressPart => ({
  id,
  phase,
  current,
  total,
});
const progress = (parts: ProgressPart[], object = "web:1"): Progress => ({
  phase: "pulling",
  object,
  current: 0,
  total: null,
  unit: "bytes",
  parts,
});

function outputOf(): { output: NodeJS.WriteStream; text: () => string } {
  let text = "";
  const output = new Writable({
    write(chunk, _, done) {
      text += chunk;
      done();
    },
  });
  return { output: output as NodeJS.WriteStream, text: () => text };
}

it("draws a layer as docker does, in the width there is", () => {
  const layer = part("0123456789ab", "downloading", 12_345_678);
  expect(layerLine("pull", layer, 120)).toBe(
    "0123456789ab: Downloading [====================>                              ]  12.35MB/30MB",
  );
  expect(layerLine("pull", layer, 79)).toBe(
    "0123456789ab: Downloading [=============>                   ]  12.35MB/30MB",
  );
  expect(layerLine("pull", layer, 50)).toBe("0123456789ab: Downloading  12.35MB/30MB");
  expect(layerLine("pull", layer, 20)).toBe("0123456789ab: Downlo");
  expect(layerLine("pull", part("ab", "downloading", 5, null), 80)).toBe("ab: Downloading       5B");
  expect(layerLine("push", part("ab", "uploading", 0, 0), 45)).toMatch(/^ab: Pushing \[>\s+\]\s+0B\/0B$/);
});

it("shows what is under way where not all layers fit on the screen", () => {
  const parts = [
    ...Array.from({ length: 5 }, (_, index) => part(`done${index}`, "done")),
    part("busy", "unpacking", 1, 2),
    ...Array.from({ length: 9 }, (_, index) => part(`next${index}`, "waiting")),
  ];
  const lines = fitLayers("pull", parts, { rows: 4, columns: 60 });
  expect(lines).toHaveLength(4);
  expect(lines[0]).toContain("busy: Extracting");
  expect(lines.slice(1)).toEqual([
    "next0: Pulling fs layer",
    "next1: Pulling fs layer",
    "(12 more: 7 waiting, 5 complete)",
  ]);
  expect(fitLayers("pull", parts, { rows: 15, columns: 60 })).toHaveLength(15);
});

it("tells each step once in a pipe, also those between two looks", () => {
  const { output, text } = outputOf();
  const title = (object: string) => `pulling ${object}`;
  const shown = new TransferProgress({ kind: "pull", output, quiet: false, title });
  shown.show(progress([part("a", "waiting"), part("b", "waiting"), part("c", "waiting")]));
  expect(text()).toBe("pulling web:1\n");
  shown.show(progress([part("a", "downloading", 5), part("b", "present"), part("c", "waiting")]));
  shown.show(progress([part("a", "downloading", 9), part("b", "present"), part("c", "waiting")]));
  shown.show(progress([part("a", "present"), part("b", "present"), part("c", "unpacking")]));
  shown.complete({ object: "web:1", isNew: true });
  expect(text().split("\n")).toEqual([
    "pulling web:1",
    "a: Pulling fs layer",
    "b: Already exists",
    "a: Download complete",
    "a: Pull complete",
    "c: Pulling fs layer",
    "c: Download complete",
    "c: Pull complete",
    "",
  ]);
});

it("says nothing of layers where everything was there, and begins anew with the next image", () => {
  const { output, text } = outputOf();
  const shown = new TransferProgress({ kind: "pull", output, quiet: false, title: (object) => `pulling ${object}` });
  shown.show(progress([part("a", "present")], "web:1"));
  shown.show(progress([part("a", "downloading")], "web:2"));
  shown.complete({ object: "web", isNew: true });
  expect(text().split("\n")).toEqual([
    "pulling web:1",
    "pulling web:2",
    "a: Pulling fs layer",
    "a: Download complete",
    "a: Pull complete",
    "",
  ]);
  const silent = outputOf();
  const quiet = new TransferProgress({ kind: "pull", output: silent.output, quiet: true });
  quiet.show(progress([part("a", "done")]));
  quiet.complete({ object: "web:1", isNew: true });
  expect(silent.text()).toBe("");
});

it("lets no name from outside steer the terminal", () => {
  const { output, text } = outputOf();
  const shown = new TransferProgress({ kind: "pull", output, quiet: false, title: (object) => object });
  shown.show(progress([part("\u001b[2Ja\u009b", "done")], "\u001b]0;x\u0007"));
  expect(text()).toBe("?]0;x?\n?[2Ja?: Pulling fs layer\n?[2Ja?: Download complete\n?[2Ja?: Pull complete\n");
});
