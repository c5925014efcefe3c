import { expect, it } from "vitest";
import { parseRunMount } from "../../../../engine/builder/dockerfile/mounts.ts";

it.each<[string, object]>([
  ["target=/a", { type: "bind", target: "/a", from: null, source: "/", readWrite: false }],
  [
    "type=bind,from=x,src=../y/,dst=a/../b,rw",
    { type: "bind", target: "/w/b", from: "x", source: "/y/", readWrite: true },
  ],
  ["type=bind,destination=/a,readonly=false", { type: "bind", target: "/a", from: null, source: "/", readWrite: true }],
  [
    "type=cache,target=/a/",
    {
      type: "cache",
      target: "/a",
      id: "/a",
      from: null,
      source: "/",
      sharing: "shared",
      mode: 0o755,
      uid: 0,
      gid: 0,
      readOnly: false,
    },
  ],
  [
    "type=CACHE,TARGET=b,id=x,sharing=Locked,mode=0700,uid=1,gid=2,ro,from=s,source=/q",
    {
      type: "cache",
      target: "/w/b",
      id: "x",
      from: "s",
      source: "/q",
      sharing: "locked",
      mode: 0o700,
      uid: 1,
      gid: 2,
      readOnly: true,
    },
  ],
  ["type=tmpfs,target=/a", { type: "tmpfs", target: "/a", size: null }],
  ["type=tmpfs,target=/a,size=1.5g", { type: "tmpfs", target: "/a", size: 1.5 * 1024 ** 3 }],
  ["type=tmpfs,target=/a,size=64 MiB", { type: "tmpfs", target: "/a", size: 64 * 1024 ** 2 }],
  [
    "type=secret,id=x",
    {
      type: "secret",
      target: "/run/secrets/x",
      id: "x",
      environment: null,
      required: false,
      mode: 0o400,
      uid: 0,
      gid: 0,
    },
  ],
  [
    "type=secret,source=a/b",
    {
      type: "secret",
      target: "/run/secrets/b",
      id: "a/b",
      environment: null,
      required: false,
      mode: 0o400,
      uid: 0,
      gid: 0,
    },
  ],
  [
    "type=secret,target=/a/b,required",
    { type: "secret", target: "/a/b", id: "b", environment: null, required: true, mode: 0o400, uid: 0, gid: 0 },
  ],
  [
    "type=secret,id=x,env=Y",
    { type: "secret", target: null, id: "x", environment: "Y", required: false, mode: 0o400, uid: 0, gid: 0 },
  ],
  [
    "type=secret,id=x,env=,target=z",
    { type: "secret", target: "/z", id: "x", environment: "x", required: false, mode: 0o400, uid: 0, gid: 0 },
  ],
  ["type=ssh", { type: "ssh", target: null, id: "default", required: false, mode: 0o600, uid: 0, gid: 0 }],
  [
    "type=ssh,id=k,target=/s,mode=666,required=true",
    { type: "ssh", target: "/s", id: "k", required: true, mode: 0o666, uid: 0, gid: 0 },
  ],
  [
    'type=cache,"target=/a,b","id=""q"""',
    {
      type: "cache",
      target: "/a,b",
      id: '"q"',
      from: null,
      source: "/",
      sharing: "shared",
      mode: 0o755,
      uid: 0,
      gid: 0,
      readOnly: false,
    },
  ],
])("reads %s", (text, mount) => {
  expect(parseRunMount(text, "/w")).toEqual(mount);
});

it.each([
  ["type=volume", 'unsupported mount type "volume"'],
  ["type=cahce,target=/a", 'unsupported mount type "cahce" (did you mean cache?)'],
  ["target=/", 'invalid mount target "/"'],
  ["type=tmpfs,target=/a/..", 'invalid mount target "/"'],
  ["taget=/a", "unexpected key 'taget' in 'taget=/a' (did you mean target?)"],
  ["__proto__=1", "unexpected key '__proto__' in '__proto__=1'"],
  ["target", "invalid field 'target' must be a key=value pair"],
  ["", "invalid field '' must be a key=value pair"],
  ["target=/a,required", "unexpected key 'required' for mount type 'bind'"],
  ["target=/a,size=1", "unexpected key 'size' for mount type 'bind'"],
  ["type=tmpfs,size=lots,target=/a", "invalid value for size: lots"],
  ["target=/a,uid=1", 'uid not allowed for "bind" type mounts'],
  ["type=cache,target=/a,mode=9", "invalid value 9 for mode"],
  ["type=cache,target=/a,gid=-1", "invalid value -1 for gid"],
  ["type=cache,target=/a,uid=4294967296", "invalid value 4294967296 for uid"],
  ["target=/a,ro=maybe", "invalid value for ro: maybe"],
  ["type=cache,target=/a,sharing=none", 'unsupported sharing value "none"'],
  ["target=/a,sharing=shared", "invalid cache sharing set for bind mount"],
  ["type=secret", "invalid secret mount. one of source, target required"],
  ["type=secret,id=a,source=b", "both source and id can't be set"],
  ["type=secret,id=a,from=b", "secret mount should not have a from"],
  ["type=ssh,source=a", "ssh does not support source"],
  ['target=/a,"b', 'failed to parse csv mounts: parse error: extraneous or missing " in quoted-field'],
  ['"target=/a"b', 'failed to parse csv mounts: parse error: extraneous or missing " in quoted-field'],
])("refuses %j", (text, message) => {
  expect(() => parseRunMount(text, "/")).toThrow(expect.objectContaining({ code: "invalid-argument", message }));
});
