import * as fc from "fast-check";
import { expect, it } from "vitest";
import * as z from "zod/mini";
import { unlimited } from "../../../engine/protocol/defaults.ts";
import { methods } from "../../../engine/protocol/methods.ts";
import { topics } from "../../../engine/protocol/topics.ts";
import { parseQuickly, quickCheckOf } from "../../../src/client/quick-check.ts";
import {
  aContainer,
  aNetwork,
  anEndpoint,
  anEvent,
  anImage,
  anOperation,
  aSample,
  aVolume,
} from "../../support/protocol-values.ts";

const busy = aContainer({
  reason: "killed",
  exposedPorts: ["80/tcp"],
  ports: [{ hostAddress: "0.0.0.0", hostPort: 8080, containerPort: 80, protocol: "tcp" }],
  endpoints: [anEndpoint()].map(({ ipAddress, ipv6Address, macAddress }) => ({
    networkID: "n1",
    network: "bridge",
    ipAddress,
    ipv6Address,
    macAddress,
    aliases: ["web"],
  })),
  mounts: [{ type: "volume", source: "/v", target: "/data", readOnly: false, name: "v" }],
  labels: { tier: "front" },
  resources: { ...unlimited, memory: 1 << 20, blkioDeviceReadBps: [{ path: "/dev/sda", value: 5 }] },
});
const snapshot = {
  type: "snapshot",
  revision: 1,
  containers: [busy, aContainer()],
  images: [anImage()],
  networks: [aNetwork()],
  volumes: [aVolume()],
  operations: [anOperation()],
};
const change = { ...snapshot, type: "change", removedContainers: ["c2"], removedImages: [], operations: null };
/** What the engine sends: none of it should need the schema. */
const sent: [z.ZodMiniType, unknown][] = [
  [methods["containers.list"].result, [busy, aContainer()]],
  [topics.state.item, snapshot],
  [topics.state.item, change],
  [topics.stats.item, { samples: [aSample()] }],
  [topics.events.item, anEvent()],
];
const twoAlike = z.union([z.object({ a: z.string() }), z.object({ a: z.string(), b: z.string() })]);
const lengthOf = z.pipe(
  z.string(),
  z.transform((text) => text.length),
);
const kinds: [z.ZodMiniType, unknown][] = [
  [z.literal("2.0"), "2.0"],
  [z.enum(["a", "b"]), "a"],
  [z.unknown(), { any: 1 }],
  [z.optional(z.nullable(z.string())), null],
  [z._default(z.array(z.number().check(z.int())), []), [1]],
  [z.optional(z._default(z.number(), 3)), 1],
  [z.number().check(z.minimum(0), z.maximum(10)), 1],
  [z.nullable(z.ipv4()), "10.0.0.1"],
  [z.string().check(z.trim()), " text"],
  [twoAlike, { a: "", b: "" }],
  [z.strictObject({ only: z.string() }), { only: "" }],
  [z.looseObject({ known: z.string() }), { known: "", more: 1 }],
  [z.record(z.enum(["x", "y"]), z.number()), { x: 1, y: 2 }],
  [z.record(z.string().check(z.maxLength(2)), z.number()), { x: 1, y: 2 }],
  [lengthOf, "long"],
];
const values = [
  ...sent,
  ...kinds.map(([kind, value]) => [z.object({ kind }), { kind: value }] as [z.ZodMiniType, unknown]),
];

type Step = { readonly act: "replace" | "delete" | "add"; readonly turns: readonly number[]; readonly value: unknown };

const json = fc.oneof(fc.constantFrom(null, "", "text", 0, 1.5, -1, true, [], {}, [null], { a: 1 }), fc.jsonValue());
const steps = fc.array(
  fc.record({
    act: fc.constantFrom("replace", "delete", "add") as fc.Arbitrary<Step["act"]>,
    turns: fc.array(fc.nat(40), { minLength: 1, maxLength: 6 }),
    value: json,
  }),
  { maxLength: 3 },
);

/** Walks into a value by `turns`, and does something to what it comes to. */
function spoil(value: unknown, { act, turns, value: other }: Step): void {
  let place = value as Record<string, unknown>;
  for (const [index, turn] of turns.entries()) {
    const keys = Object.keys(place);
    const key = keys[turn % Math.max(1, keys.length)] ?? "";
    const next = place[key];
    if (index < turns.length - 1 && typeof next === "object" && next !== null) place = next as Record<string, unknown>;
    else if (act === "replace") return void put(place, key, other);
    else if (act === "delete") return void delete place[key];
    else return void put(place, ["__proto__", "toString", "extra", "0"][turn % 4] ?? "", other);
  }
}

function put(place: object, key: string, value: unknown): void {
  Object.defineProperty(place, key, {
    value: structuredClone(value),
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function outcomeOf(parse: () => unknown): unknown {
  try {
    return { value: parse() };
  } catch (error) {
    return { message: String(error) };
  }
}

it.each(values.map(([schema, value], index) => [index, schema, value] as const))(
  "reads what comes as its schema does, or refuses it in the same words (%i)",
  (_index, schema, value) => {
    const text = JSON.stringify(value);
    fc.assert(
      fc.property(steps, (all) => {
        const spoilt = JSON.parse(text);
        for (const step of all) spoil(spoilt, step);
        const message = JSON.stringify(spoilt);
        const quick = outcomeOf(() => parseQuickly(schema, JSON.parse(message)));
        expect(quick).toEqual(outcomeOf(() => schema.parse(JSON.parse(message))));
      }),
      { numRuns: 500 },
    );
  },
);

it("need not ask the schema about what the engine sends", () => {
  for (const [schema, value] of sent) expect(quickCheckOf(schema)(structuredClone(value))).toBe(true);
});

it("gives each container limits of its own where none came", () => {
  const { resources: _, ...bare } = aContainer();
  const schema = methods["containers.list"].result;
  const list = [structuredClone(bare), structuredClone(bare)];
  expect(quickCheckOf(schema)(list)).toBe(true);
  expect(list).toEqual([aContainer(), aContainer()]);
  const [first, second] = list as unknown as [{ resources: object }, { resources: object }];
  expect(first.resources).not.toBe(second.resources);
});
