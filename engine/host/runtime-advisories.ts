/** A way out of a container that a runtime had, and where it was closed. */
type Advisory = {
  readonly program: "runc" | "crun";
  readonly names: string;
  readonly what: string;
  /** First versions without it, one a branch, the newest last. Release candidates count as before their release. */
  readonly fixed: readonly string[];
  /** Packages of distributions that have the fix in an older version. */
  readonly backported?: RegExp;
};

const advisories: readonly Advisory[] = [
  {
    program: "runc",
    names: "CVE-2019-5736",
    what: "a container can replace the runtime's own program",
    fixed: ["1.0.0"],
  },
  {
    program: "runc",
    names: "CVE-2024-21626",
    what: "a working directory can lead out of the container by an open descriptor",
    fixed: ["1.1.12"],
    backported: /1\.1\.5\+ds1-1\+deb12u\d|1\.0\.0~rc93\+ds1-5\+deb11u[3-9]/,
  },
  {
    program: "runc",
    names: "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881",
    what: "mounts can be led astray while a container starts",
    fixed: ["1.2.8", "1.3.3", "1.4.0"],
  },
  {
    program: "runc",
    names: "CVE-2026-41579",
    what: "an image whose /dev is a link writes outside, which the engine refuses",
    fixed: ["1.3.6", "1.4.3"],
  },
  {
    program: "crun",
    names: "CVE-2022-27650",
    what: "processes start with inheritable capabilities",
    fixed: ["1.4.4"],
  },
];

/** Known ways out that a runtime still has, by what `--version` says: a sentence, or null. A packaged fix may not show there. */
export function knownEscapes(program: string, versionText: string): string | null {
  const version = /version (\d+)\.(\d+)(?:\.(\d+))?(-rc)?/.exec(versionText);
  if (version === null) return null;
  const [major = 0, minor = 0, patch = 0] = version.slice(1, 4).map((part) => Number(part ?? 0));
  // A candidate comes before its release: half a step.
  const numbers = [major, minor, version[4] === undefined ? patch : patch - 0.5];
  const open = advisories.filter(
    (advisory) =>
      advisory.program === program && !isFixed(advisory, numbers) && !advisory.backported?.test(versionText),
  );
  if (open.length === 0) return null;
  const told = open.map(({ names, what }) => `${names} (${what})`).join("; ");
  return `${program} ${major}.${minor}.${patch} is older than the fixes of ${told}`;
}

/** By its own branch where that was fixed, else by the newest. */
function isFixed({ fixed }: Advisory, version: readonly number[]): boolean {
  const all = fixed.map((text) => text.split(".").map(Number));
  const branch = all.find(([major, minor]) => major === version[0] && minor === version[1]);
  return compare(version, branch ?? all.at(-1) ?? []) >= 0;
}

function compare(one: readonly number[], other: readonly number[]): number {
  for (const [index, number] of one.entries()) {
    const difference = number - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
