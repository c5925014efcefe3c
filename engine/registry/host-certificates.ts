import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { EngineError, messageOf } from "../errors.ts";
import type { Environment } from "./host-rules.ts";

/** What the administrator put into certs.d for one registry, as PEM. */
export type HostCertificates = {
  readonly authorities: readonly string[];
  readonly clients: readonly { readonly certificate: string; readonly key: string }[];
};

const none: HostCertificates = { authorities: [], clients: [] };

/**
 * Reads `<directory>/<host[:port]>/` as docker does: `*.crt` are authorities to trust besides the host's own, `*.cert` with
 * `*.key` of the same name are certificates to show. Fails with `failed-precondition` for a certificate without its key.
 */
export async function readHostCertificates(directories: readonly string[], host: string): Promise<HostCertificates> {
  if (!/^[a-z0-9[][\w.:[\]-]*$/i.test(host)) return none;
  const found = await Promise.all(directories.map((directory) => readOne(join(directory, host))));
  return {
    authorities: found.flatMap(({ authorities }) => authorities),
    clients: found.flatMap(({ clients }) => clients),
  };
}

async function readOne(directory: string): Promise<HostCertificates> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
    throw unreadable(directory, error);
  });
  const read = (name: string): Promise<string> =>
    readFile(join(directory, name), "utf8").catch((error) => {
      throw unreadable(join(directory, name), error);
    });
  const certificates = names.filter((name) => name.endsWith(".cert")).sort();
  for (const name of certificates) {
    if (!names.includes(keyOf(name))) {
      throw new EngineError("failed-precondition", `${join(directory, name)} has no ${keyOf(name)} beside it`, {
        hint: "an authority's certificate must end in .crt, a client's in .cert",
      });
    }
  }
  return {
    authorities: await Promise.all(
      names
        .filter((name) => name.endsWith(".crt"))
        .sort()
        .map(read),
    ),
    clients: await Promise.all(
      certificates.map(async (name) => ({ certificate: await read(name), key: await read(keyOf(name)) })),
    ),
  };
}

function keyOf(name: string): string {
  return name.replace(/\.cert$/, ".key");
}

function unreadable(path: string, error: unknown): EngineError {
  return new EngineError("failed-precondition", `${path} cannot be read: ${messageOf(error)}`, { cause: error });
}

/** Where distributions keep the authorities that the host trusts, in the order of Go's crypto/x509. */
const bundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/**
 * The authorities that this host trusts, as every other program on it, else those that Node brings. Not tls.getCACertificates:
 * it reads hundreds of files on the main thread.
 */
export async function readHostAuthorities(environment: Environment): Promise<readonly string[]> {
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: directories } = environment;
  if (!file && directories) {
    const found = await Promise.all(directories.split(":").map(readDirectory));
    return found.flat();
  }
  for (const path of file ? [file, ...bundles] : bundles) {
    const text = await readFile(path, "utf8").catch(() => "");
    if (isCertificate(text)) return [text];
  }
  return rootCertificates;
}

async function readDirectory(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), "utf8").catch(() => "")));
  return texts.filter(isCertificate);
}

function isCertificate(text: string): boolean {
  return text.includes("-----BEGIN CERTIFICATE-----");
}

export function fingerprintOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}
