import { describe, expect, it } from "vitest";
import { formatHostname, formatHosts, formatResolvConf, resolvConfPath } from "../../../engine/networks/name-files.ts";

const none = { dns: [], dnsSearch: [], dnsOptions: [], sharesHostNetwork: false, resolver: null };

describe("formatHosts", () => {
  it("writes docker's lines, extra hosts and the container's own", () => {
    const text = formatHosts({
      hostname: "web.example",
      ipAddresses: ["10.47.0.2"],
      gateway: "10.47.0.1",
      extraHosts: [
        { name: "db", address: "192.0.2.7" },
        { name: "host.docker.internal", address: "host-gateway" },
      ],
    });
    expect(text).toBe(
      "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nff00::0\tip6-mcastprefix\n" +
        "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n192.0.2.7\tdb\n10.47.0.1\thost.docker.internal\n10.47.0.2\tweb.example web\n",
    );
  });

  it("refuses names that would add lines, and addresses that are none", () => {
    const base = { hostname: "a", ipAddresses: [], gateway: null };
    expect(() => formatHosts({ ...base, extraHosts: [{ name: "a\n1.2.3.4 bank", address: "1.1.1.1" }] })).toThrow(
      '--add-host "a\\n1.2.3.4 bank" is no host name',
    );
    expect(() => formatHosts({ ...base, extraHosts: [{ name: "db", address: "1.2.3" }] })).toThrow("is no IP address");
    expect(() => formatHostname("a b")).toThrow('hostname "a b" is no host name');
  });
});

describe("formatResolvConf", () => {
  it("leaves out nameservers on the host's loopback and by IPv6", () => {
    const host =
      "# made by hand\nnameserver 127.0.0.1\nnameserver ::1\nnameserver 2001:db8::1\nnameserver 192.0.2.53 ; main\nsearch a.example b.example\noptions ndots:2\n";
    expect(formatResolvConf(host, none)).toBe("nameserver 192.0.2.53\nsearch a.example b.example\noptions ndots:2\n");
  });

  it("falls back to public ones where none is left", () => {
    expect(formatResolvConf("nameserver 127.0.0.1\n", none)).toBe("nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
  });

  it("lets options replace what the host says", () => {
    const text = formatResolvConf("nameserver 192.0.2.53\nsearch a.example\noptions ndots:2\n", {
      dns: ["192.0.2.1"],
      dnsSearch: ["."],
      dnsOptions: ["timeout:1"],
      sharesHostNetwork: false,
      resolver: null,
    });
    expect(text).toBe("nameserver 192.0.2.1\noptions timeout:1\n");
  });

  it("keeps everything on the host's own network", () => {
    const host = "nameserver 127.0.0.53\nsearch lan\n";
    expect(formatResolvConf(host, { ...none, sharesHostNetwork: true })).toBe(host);
  });

  it("refuses what would add lines", () => {
    expect(() => formatResolvConf("", { ...none, dnsSearch: ["a\nnameserver 6.6.6.6"] })).toThrow("cannot stand in");
    expect(() => formatResolvConf("", { ...none, dns: ["resolver"] })).toThrow('--dns "resolver" is no IP address');
  });

  it("finds the real resolvers of systemd-resolved", () => {
    expect(resolvConfPath("nameserver 127.0.0.53\noptions edns0\n")).toBe("/run/systemd/resolve/resolv.conf");
    expect(resolvConfPath("nameserver 192.0.2.53\n")).toBe("/etc/resolv.conf");
    expect(resolvConfPath("")).toBe("/etc/resolv.conf");
  });
});
