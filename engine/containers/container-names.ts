import { randomInt } from "node:crypto";
import { EngineError } from "../errors.ts";

/** docker's rule, so that scripts can be moved over. */
const pattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

const moods =
  "amber brave brisk calm clever cosy daring deft eager earnest fair fleet gentle glad happy honest jolly keen kind lively loyal \
lucid mellow merry mighty modest neat nimble noble patient plucky polite proud quick quiet ready robust rosy serene shiny \
silent smart snug sober spry stately steady sturdy sunny swift tidy tranquil trusty upbeat vivid warm wise witty zesty".split(
    " ",
  );

/** Parts and people of a harbour. */
const nouns =
  "anchor barge beacon berth boom bosun bow breeze bridge brig buoy cable canal captain cargo clipper compass coral crane current \
cutter deck derrick dinghy dock ferry fjord fleet gale galley gull halyard harbour hatch hawser heron hoist hull jetty kayak \
keel ketch ladder lagoon lantern lighter mainsail mariner mast mooring narrows osprey paddle pier pilot pontoon port porthole \
quay raft reef rigger rudder sail schooner seagull sextant shoal skiff sloop spar stern strait tern tide tiller trawler tug \
wharf whistle winch yacht".split(" ");

/** Fails with `invalid-argument`. A leading slash is docker's own spelling and is dropped. */
export function parseName(text: string): string {
  const name = text.startsWith("/") ? text.slice(1) : text;
  if (pattern.test(name) && name.length <= 255) return name;
  throw new EngineError("invalid-argument", `container name ${JSON.stringify(name)} is not valid`, {
    hint: "a name has at least two letters, digits, dots, dashes or underscores, and begins with a letter or digit",
    exitCode: 125,
  });
}

/** A name that is not taken yet. */
export function createName(isTaken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const name = `${pick(moods)}_${pick(nouns)}${attempt < 6 ? "" : randomInt(10 ** (attempt - 5))}`;
    if (!isTaken(name)) return name;
  }
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? "plain";
}
