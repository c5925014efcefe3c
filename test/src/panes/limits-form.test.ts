import { expect, it } from "vitest";
import { unlimited } from "../../../engine/protocol/defaults.ts";
import { limitsForm, limitsTwin, sizeText, updateOf, usesOf } from "../../../src/panes/containers/limits-form.ts";
import type { Form } from "../../../src/store/form.ts";
import { inputOf } from "../../../src/store/text-input.ts";
import { aContainer, aSample } from "../../support/protocol-values.ts";

const resources = { ...unlimited, memory: 64 * 1024 ** 2, nanoCpus: 5e8 };
const container = aContainer({ resources, restartPolicy: { name: "on-failure", maximumRetryCount: 3 } });

function changed(values: Readonly<Record<string, string>>): Form {
  const form = limitsForm(container);
  const typed = Object.entries(values).map(([field, value]) => [field, inputOf(value)] as const);
  return { ...form, inputs: { ...form.inputs, ...Object.fromEntries(typed) } };
}

it("begins with the limits there are, and asks for nothing where nothing is changed", () => {
  const form = limitsForm(container);
  const texts = Object.entries(form.inputs).map(([id, input]) => `${id}=${input.value}`);
  expect(texts).toEqual(["memory=64m", "swap=", "cpus=0.5", "pids=", "restart=on-failure:3"]);
  expect(updateOf(form)).toEqual({ resources: unlimited });
  expect(limitsTwin(form)).toBe("");
});

it("asks for what was changed only, and says the same as a command line", () => {
  const form = changed({ memory: "128m", cpus: "1.5", pids: "100", restart: "always" });
  expect(updateOf(form)).toEqual({
    resources: { ...unlimited, memory: 128 * 1024 ** 2, nanoCpus: 15e8, pidsLimit: 100 },
    restartPolicy: { name: "always", maximumRetryCount: 0 },
  });
  expect(limitsTwin(form)).toBe("gantry update --memory 128m --cpus 1.5 --pids-limit 100 --restart always web-1");
  expect(updateOf(changed({ restart: "" }))).toMatchObject({ restartPolicy: { name: "no" } });
});

it("takes limits away that are there, in any words for it", () => {
  for (const none of ["", "none", "0", "-1", "unlimited", "No limit"]) {
    const form = changed({ memory: none, cpus: none, pids: none });
    expect(updateOf(form)).toEqual({ resources: { ...unlimited, memory: -1, nanoCpus: -1 } });
    expect(limitsTwin(form)).toBe("gantry update --memory -1 --cpus -1 web-1");
  }
  expect(updateOf(changed({ swap: "-1" }))).toEqual({ resources: { ...unlimited, memorySwap: -1 } });
  const { inputs } = limitsForm(aContainer({ resources: { ...unlimited, pidsLimit: -1 } }));
  expect(inputs.pids?.value).toBe("");
});

it("says which value is wrong", () => {
  expect(() => updateOf(changed({ memory: "much" }))).toThrow('invalid memory "much"');
  expect(() => updateOf(changed({ restart: "often" }))).toThrow('invalid restart policy "often"');
});

it("writes sizes as one types them, and shows what is used beside them", () => {
  expect([2 * 1024 ** 3, 64 * 1024 ** 2, 1024, 1000, -1].map(sizeText)).toEqual(["2g", "64m", "1k", "1000", "-1"]);
  expect(usesOf(aSample({ cpu: 50, used: 1024 ** 2 }))).toEqual({
    memory: "uses 1MiB",
    cpus: "uses 0.50",
    pids: "1 now",
  });
  expect(usesOf(null)).toEqual({});
});
