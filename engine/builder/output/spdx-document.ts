import { engineVersion } from "../../config.ts";
import { type Digest, hexOf, sha256 } from "../../oci/digest.ts";
import type { FoundPackage, ScanResult } from "./found-package.ts";
import { packageURLOf } from "./package-url.ts";

/** The predicate type of an SPDX document, as BuildKit writes it. */
export const spdxType = "https://spdx.dev/Document";

export type SpdxSubject = {
  /** What the image is called. */
  readonly name: string;
  /** Of its layers: the same files give the same document. */
  readonly chainID: Digest;
  /** RFC 3339. */
  readonly createdAt: string;
};

const unknown = "NOASSERTION";
const rootID = "SPDXRef-Image";

/** An SPDX 2.3 document in JSON (https://spdx.github.io/spdx-spec/v2.3/). The same scan gives the same bytes. */
export function formatSpdx({ packages, distribution, remarks }: ScanResult, subject: SpdxSubject): Buffer {
  const seen = new Map<string, object>();
  for (const found of packages) {
    const url = packageURLOf(found, distribution);
    const id = `SPDXRef-Package-${found.type}-${safe(found.name)}-${hexOf(sha256(`${url} ${found.source}`)).slice(0, 16)}`;
    seen.set(id, describe(id, found, url));
  }
  const ids = [...seen.keys()].sort();
  const document = {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: subject.name,
    documentNamespace: `https://spdx.org/spdxdocs/${safe(subject.name)}-${hexOf(subject.chainID)}`,
    creationInfo: {
      created: subject.createdAt.replace(/\.\d+Z$/, "Z"),
      creators: ["Organization: gantry", `Tool: gantry-${engineVersion}`],
      ...(remarks.length === 0 ? {} : { comment: remarks.slice(0, 100).join("; ") }),
    },
    packages: [describeImage(subject), ...ids.map((id) => seen.get(id))],
    relationships: [
      { spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: rootID },
      ...ids.map((id) => ({ spdxElementId: rootID, relationshipType: "CONTAINS", relatedSpdxElement: id })),
    ],
  };
  return Buffer.from(JSON.stringify(document));
}

function describeImage({ name, chainID }: SpdxSubject) {
  return {
    name,
    SPDXID: rootID,
    versionInfo: chainID,
    ...unsaid(unknown),
    licenseDeclared: unknown,
    primaryPackagePurpose: "CONTAINER",
  };
}

function describe(id: string, found: FoundPackage, url: string): object {
  const { name, version, license, supplier, source } = found;
  return {
    name,
    SPDXID: id,
    versionInfo: version,
    ...unsaid(supplier === "" ? unknown : `Person: ${oneLine(supplier)}`),
    licenseDeclared: isExpression(license) ? license : unknown,
    ...(license === "" || isExpression(license) ? {} : { licenseComments: oneLine(license) }),
    sourceInfo: `acquired package info from ${source}`,
    externalRefs: [{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: url }],
  };
}

function unsaid(supplier: string) {
  return {
    supplier,
    downloadLocation: unknown,
    filesAnalyzed: false,
    licenseConcluded: unknown,
    copyrightText: unknown,
  };
}

/** Identifiers of SPDX's list look so, and are joined by these words; what no list has is told as a comment. */
function isExpression(license: string): boolean {
  const identifier = "[A-Za-z0-9][A-Za-z0-9.+-]*[0-9][A-Za-z0-9.+-]*|MIT|ISC|Zlib|Unlicense|PostgreSQL|X11|curl|NCSA";
  return new RegExp(`^\\(?(?:${identifier})\\)?(?: (?:AND|OR|WITH) \\(?(?:${identifier})\\)?)*$`).test(license);
}

function safe(text: string): string {
  return text.replace(/[^A-Za-z0-9.-]+/g, "-").slice(0, 100);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim().slice(0, 300);
}
