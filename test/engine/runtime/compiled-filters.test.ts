import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { CompiledFilters } from "../../../engine/runtime/compiled-filters.ts";

const annotation = "run.oci.seccomp_bpf_data";
const compiled = Buffer.from("0123456789abcdef");
let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "gantry-filters-"));
  return () => rmSync(root, { recursive: true });
});

const specOf = (defaultAction: string) => ({ linux: { seccomp: { defaultAction, syscalls: [] } } });

/** What crun leaves in its record of a container. */
function leave(id: string, filter: Uint8Array): void {
  mkdirSync(join(root, id));
  writeFileSync(join(root, id, "seccomp.bpf"), filter);
}

async function learn(filters: CompiledFilters, filter: Uint8Array): Promise<void> {
  filters.addTo("first", specOf("SCMP_ACT_ERRNO"));
  leave("first", filter);
  await filters.learn("first", root);
}

it("gives the next container of a kind what crun compiled for the first, and keeps the section", async () => {
  const filters = new CompiledFilters();
  expect(filters.addTo("first", specOf("SCMP_ACT_ERRNO"))).toEqual(specOf("SCMP_ACT_ERRNO"));
  await learn(filters, compiled);
  const own = { ...specOf("SCMP_ACT_ERRNO"), annotations: { owner: "me" } };
  expect(filters.addTo("second", own)).toEqual({
    ...own,
    annotations: { owner: "me", [annotation]: compiled.toString("base64") },
  });
});

it("gives nobody another's filter, nor one to a container that has none", async () => {
  const filters = new CompiledFilters();
  await learn(filters, compiled);
  expect(filters.addTo("other", specOf("SCMP_ACT_KILL"))).toEqual(specOf("SCMP_ACT_KILL"));
  expect(filters.addTo("unconfined", { linux: {} })).toEqual({ linux: {} });
});

it("stays out of the way of who tells crun himself", async () => {
  const filters = new CompiledFilters();
  await learn(filters, compiled);
  const own = { ...specOf("SCMP_ACT_ERRNO"), annotations: { "run.oci.seccomp_fail_unknown_syscall": "1" } };
  expect(filters.addTo("second", own)).toEqual(own);
});

it("takes nothing that is cut off, too long, or not there", async () => {
  for (const filter of [Buffer.alloc(0), Buffer.alloc(15), Buffer.alloc(8 * 4097)]) {
    const filters = new CompiledFilters();
    await learn(filters, filter);
    expect(filters.addTo("second", specOf("SCMP_ACT_ERRNO"))).toEqual(specOf("SCMP_ACT_ERRNO"));
    rmSync(join(root, "first"), { recursive: true });
  }
  const filters = new CompiledFilters();
  filters.addTo("nobody", specOf("SCMP_ACT_ERRNO"));
  await filters.learn("nobody", root);
  expect(filters.addTo("second", specOf("SCMP_ACT_ERRNO"))).toEqual(specOf("SCMP_ACT_ERRNO"));
});

it("leaves it to crun where that has a cache itself, or where the container was not made", async () => {
  const filters = new CompiledFilters();
  filters.addTo("failed", specOf("SCMP_ACT_ERRNO"));
  filters.forget("failed");
  leave("failed", compiled);
  await filters.learn("failed", root);
  expect(filters.addTo("second", specOf("SCMP_ACT_ERRNO"))).toEqual(specOf("SCMP_ACT_ERRNO"));
  mkdirSync(join(root, ".cache/seccomp"), { recursive: true });
  await learn(filters, compiled);
  expect(filters.addTo("third", specOf("SCMP_ACT_ERRNO"))).toEqual(specOf("SCMP_ACT_ERRNO"));
});
