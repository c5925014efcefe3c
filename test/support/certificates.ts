import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export type Certificate = { readonly certificate: string; readonly key: string };

/** A certificate authority made by openssl in a directory, and what it signs. All values are paths of PEM files. */
export type Authority = Certificate & {
  /** For servers at 127.0.0.1 and localhost, and at more names; and for clients. */
  issue(name: string, more?: readonly string[]): Certificate;
};

export function makeAuthority(directory: string): Authority {
  const [certificate, key] = [join(directory, "ca.crt"), join(directory, "ca.key")];
  openssl("req", "-x509", "-subj", "/CN=a test's own authority", "-days", "2", ...newKey(key), "-out", certificate);
  const issue = (name: string, more: readonly string[] = []): Certificate => {
    const [request, extensions] = [join(directory, `${name}.csr`), join(directory, `${name}.ext`)];
    const issued = { certificate: join(directory, `${name}.pem`), key: join(directory, `${name}.key`) };
    const names = ["IP:127.0.0.1", "DNS:localhost", ...more].join(",");
    writeFileSync(extensions, `subjectAltName=${names}\nextendedKeyUsage=serverAuth,clientAuth\n`);
    openssl("req", "-subj", `/CN=${name}`, ...newKey(issued.key), "-out", request);
    const signing = ["-CA", certificate, "-CAkey", key, "-CAcreateserial", "-days", "2", "-extfile", extensions];
    openssl("x509", "-req", "-in", request, ...signing, "-out", issued.certificate);
    return issued;
  };
  return { certificate, key, issue };
}

function newKey(path: string): string[] {
  return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path];
}

function openssl(...args: string[]): void {
  execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
}
