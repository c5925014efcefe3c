import { isIPv4 } from "node:net";
import { EngineError } from "../errors.ts";
import type { CreateNetworkRequest } from "../protocol/networks.ts";
import { optionNames } from "./network-record.ts";

const interfaceName = /^(?!\.{1,2}$)[A-Za-z0-9_.-]{1,15}$/;
const flag = /^(1|0|t|f|true|false)$/i;

type Rule = { readonly drivers: readonly string[]; readonly isValid: (value: string) => boolean };

const all = ["bridge", "macvlan", "ipvlan"];

/** What each option may be; the kernel and nft get these words as they are. */
const rules: Readonly<Record<string, Rule>> = {
  [optionNames.mtu]: { drivers: all, isValid: (value) => value === "0" || isBetween(value, 68, 65_535) },
  [optionNames.bridgeName]: { drivers: ["bridge"], isValid: (value) => interfaceName.test(value) },
  [optionNames.icc]: { drivers: ["bridge"], isValid: (value) => flag.test(value) },
  [optionNames.masquerade]: { drivers: ["bridge"], isValid: (value) => flag.test(value) },
  [optionNames.hostBinding]: { drivers: ["bridge"], isValid: isIPv4 },
  [optionNames.interfacePrefix]: { drivers: all, isValid: (value) => /^[A-Za-z][A-Za-z0-9_-]{0,9}$/.test(value) },
  [optionNames.parent]: { drivers: ["macvlan", "ipvlan"], isValid: (value) => interfaceName.test(value) },
  [optionNames.macvlanMode]: {
    drivers: ["macvlan"],
    isValid: (value) => ["bridge", "private", "vepa", "passthru"].includes(value),
  },
  [optionNames.ipvlanMode]: { drivers: ["ipvlan"], isValid: (value) => ["l2", "l3", "l3s"].includes(value) },
};

/** Fails with `invalid-argument`; gives warnings for options that have no effect. */
export function checkOptions({ name, driver, options, internal }: CreateNetworkRequest): string[] {
  const warnings: string[] = [];
  for (const [option, value] of Object.entries(options)) {
    const rule = rules[option];
    if (rule === undefined || !rule.drivers.includes(driver)) {
      warnings.push(`option ${JSON.stringify(option)} has no effect with driver ${driver}`);
    } else if (!rule.isValid(value)) {
      throw new EngineError(
        "invalid-argument",
        `network ${name}: ${JSON.stringify(value)} is no value for option ${option}`,
      );
    }
  }
  if (driver !== "bridge" && options[optionNames.parent] === undefined) {
    throw new EngineError("invalid-argument", `network ${name}: driver ${driver} needs an interface of this host`, {
      hint: "give it with -o parent=eth0",
    });
  }
  if (internal && driver !== "bridge") warnings.push(`an internal ${driver} network still shares its parent's wire`);
  return warnings;
}

function isBetween(value: string, least: number, most: number): boolean {
  return /^\d{1,5}$/.test(value) && Number(value) >= least && Number(value) <= most;
}
