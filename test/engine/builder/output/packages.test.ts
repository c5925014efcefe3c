import { describe, expect, it } from "vitest";
import type { FoundPackage } from "../../../../engine/builder/output/found-package.ts";
import { packageURLOf } from "../../../../engine/builder/output/package-url.ts";
import {
  parseApkInstalled,
  parseDpkgStatus,
  parseOSRelease,
  parsePackageJson,
  parsePythonMetadata,
} from "../../../../engine/builder/output/parse-package-files.ts";
import { parseRpmHeader } from "../../../../engine/builder/output/parse-rpm-header.ts";
import { formatSpdx } from "../../../../engine/builder/output/spdx-document.ts";
import { sha256 } from "../../../../engine/oci/digest.ts";
import { rpmHeader } from "../../../support/rpm-header.ts";

const nothing = { architecture: "", license: "", supplier: "", origin: "" };

describe("databases of packages", () => {
  it("of dpkg have what is installed", () => {
    const status = [
      "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc (2.36-9)\nVersion: 2.36-9+deb12u4",
      "Maintainer: A <a@b>\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1",
      "Package: half\nStatus: install ok half-configured\nVersion: 1",
      "Package: app\nVersion: 1:2.0\nDescription: it\n Package: is no field\n Version: 5",
      "\n\n",
    ].join("\n\n");
    expect(parseDpkgStatus(status, "/s")).toEqual([
      {
        ...nothing,
        type: "deb",
        name: "libc6",
        version: "2.36-9+deb12u4",
        architecture: "amd64",
        origin: "glibc",
        source: "/s",
      },
      { ...nothing, type: "deb", name: "app", version: "1:2.0", source: "/s" },
    ]);
  });

  it("of apk are read by letter", () => {
    const installed = "C:Q1x\nP:musl\nV:1.2.3-r4\nA:x86_64\nL:MIT\no:musl\nm:T <t@b>\nF:lib\nR:ld.so\n\nP:half\n\n";
    expect(parseApkInstalled(installed, "/a")).toEqual([
      {
        ...{ type: "apk", name: "musl", version: "1.2.3-r4", architecture: "x86_64", license: "MIT" },
        ...{ supplier: "T <t@b>", origin: "musl", source: "/a" },
      },
    ]);
  });

  it("of rpm are headers, of which broken ones are refused", () => {
    const header = rpmHeader({
      1000: "bash",
      1001: "5.2",
      1002: "1.fc38",
      1003: 2,
      1014: "GPL-3.0",
      1022: "x86_64",
      1044: "bash-5.2-1.fc38.src.rpm",
    });
    expect(parseRpmHeader(header, "/r")).toEqual({
      ...{ type: "rpm", name: "bash", version: "2:5.2-1.fc38", architecture: "x86_64", license: "GPL-3.0" },
      ...{ supplier: "", origin: "bash", source: "/r" },
    });
    expect(parseRpmHeader(rpmHeader({ 1000: "gpg-pubkey", 1001: "1", 1002: "2" }), "/r")).toBeNull();
    for (let length = 0; length < header.length; length++) {
      try {
        parseRpmHeader(header.subarray(0, length), "/r");
      } catch (error) {
        expect(error).toMatchObject({ code: "corrupt" });
      }
    }
  });

  it("of npm and pip are files of each package", () => {
    expect(
      parsePackageJson('{"name":"@a/b","version":"1.0.0","license":{"type":"MIT"},"author":{"name":"N"}}', "/p"),
    ).toEqual({
      ...{ ...nothing, type: "npm", name: "@a/b", version: "1.0.0", license: "MIT", supplier: "N", source: "/p" },
    });
    expect(parsePackageJson("{", "/p")).toBeNull();
    expect(parsePackageJson('{"name":5,"version":"1"}', "/p")).toBeNull();
    expect(
      parsePythonMetadata("Metadata-Version: 2.1\nName: My_Thing\nVersion: 3\nLicense: BSD\n\nName: not\n", "/m"),
    ).toEqual({ ...nothing, type: "pypi", name: "My_Thing", version: "3", license: "BSD", source: "/m" });
    expect(parsePythonMetadata("", "/m")).toBeNull();
  });
});

it("reads what distribution an image is", () => {
  expect(parseOSRelease('NAME="x"\nID=debian\nVERSION_ID="12"\n')).toEqual({ id: "debian", version: "12" });
  expect(parseOSRelease("")).toEqual({ id: "", version: "" });
});

const debian = { id: "debian", version: "12" };
const bash: FoundPackage = {
  ...nothing,
  type: "deb",
  name: "bash",
  version: "1:5.2+b7",
  architecture: "amd64",
  source: "/s",
};

it("calls packages by their URLs", () => {
  expect(packageURLOf(bash, debian)).toBe("pkg:deb/debian/bash@1:5.2%2Bb7?arch=amd64&distro=debian-12");
  expect(packageURLOf({ ...bash, type: "rpm" }, { id: "", version: "" })).toBe(
    "pkg:rpm/redhat/bash@5.2%2Bb7?arch=amd64&epoch=1",
  );
  expect(packageURLOf({ ...bash, type: "npm", name: "@a/b" }, debian)).toBe("pkg:npm/%40a/b@1:5.2%2Bb7");
  expect(packageURLOf({ ...bash, type: "pypi", name: "My_Thing" }, debian)).toBe("pkg:pypi/my-thing@1:5.2%2Bb7");
});

it("says of the same packages the same, in SPDX", () => {
  const subject = { name: "app:1", chainID: sha256("x"), createdAt: "2026-01-02T03:04:05.678Z" };
  const musl: FoundPackage = { ...bash, type: "apk", name: "musl", license: "MIT", supplier: "A\nB" };
  const own: FoundPackage = { ...bash, name: "own", license: "see file" };
  const scan = { packages: [bash, musl, own, bash], distribution: debian, remarks: ["x cannot be read"] };
  const bytes = formatSpdx(scan, subject);
  expect(formatSpdx({ ...scan, packages: [own, musl, bash] }, subject).equals(bytes)).toBe(true);
  const document = JSON.parse(bytes.toString());
  expect(document).toMatchObject({
    spdxVersion: "SPDX-2.3",
    creationInfo: { created: "2026-01-02T03:04:05Z", comment: "x cannot be read" },
    packages: [
      { name: "app:1", SPDXID: "SPDXRef-Image" },
      { name: "musl", licenseDeclared: "MIT", supplier: "Person: A B" },
      { name: "bash", versionInfo: "1:5.2+b7", licenseDeclared: "NOASSERTION", filesAnalyzed: false },
      { name: "own", licenseDeclared: "NOASSERTION", licenseComments: "see file" },
    ],
  });
  expect(document.relationships).toHaveLength(4);
  const ids = document.packages.map(({ SPDXID }: { SPDXID: string }) => SPDXID);
  expect(ids.every((id: string) => /^SPDXRef-[A-Za-z0-9.-]+$/.test(id))).toBe(true);
});
