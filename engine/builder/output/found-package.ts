/** A package of which a database, or a file of its own, in an image tells. */
export type FoundPackage = {
  readonly type: "deb" | "apk" | "rpm" | "npm" | "pypi";
  readonly name: string;
  readonly version: string;
  /** Empty where nothing is said of it; likewise below. */
  readonly architecture: string;
  readonly license: string;
  readonly supplier: string;
  /** Absolute path of what tells of it. */
  readonly source: string;
  /** Package that it was built from, where that has another name. */
  readonly origin: string;
};

/** What an image is, from its os-release(5). */
export type Distribution = { readonly id: string; readonly version: string };

export type ScanResult = {
  readonly packages: readonly FoundPackage[];
  readonly distribution: Distribution;
  /** Sentences on what could not be read. */
  readonly remarks: readonly string[];
};

/** Of one image; a scan ends with more. */
export const packageLimit = 200_000;
