import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { PatientDisk } from "../../../engine/host/patient-disk.ts";

const mounts = ["/", "/a", "/b", "/c", "/d"].map((target, id) => ({ id, target }));
const never = () => new Promise<string>(() => {});
const answering = (text: string) => () => Promise.resolve(text);
const diskOf = (list = () => mounts) => new PatientDisk({ patience: 30, listMounts: list });

it("gives answers, and failures", async () => {
  const disk = diskOf();
  expect(await disk.ask("/a/x", answering("here"))).toBe("here");
  await expect(disk.ask("/a/x", () => Promise.reject(new Error("EIO")))).rejects.toThrow("EIO");
});

it("gives up a mount that does not answer, and refuses it at once from then on, but no other", async () => {
  const disk = diskOf();
  await expect(disk.ask("/a/x", never)).rejects.toThrow("bind source /a/x: the host gets no answer");
  const begun = performance.now();
  await expect(disk.ask("/a/y", answering("y"))).rejects.toThrow("bind source /a/y: the host gets no answer at /a/x");
  expect(performance.now() - begun).toBeLessThan(25);
  expect(await disk.ask("/b", answering("b"))).toBe("b");
  expect(await disk.ask("/ab", answering("root"))).toBe("root");
});

it("asks one mount one thing at a time: however many ask a dead one, it takes one thread", async () => {
  const disk = diskOf();
  let calls = 0;
  const ask = () => {
    calls += 1;
    return never();
  };
  const all = await Promise.allSettled([1, 2, 3, 4, 5].map((name) => disk.ask(`/a/${name}`, ask)));
  expect(all.map(({ status }) => status)).toEqual(Array(5).fill("rejected"));
  expect(calls).toBe(1);
});

it("keeps a thread for the engine, however many mounts are dead", async () => {
  const disk = diskOf();
  let calls = 0;
  const ask = () => {
    calls += 1;
    return never();
  };
  await Promise.allSettled(["/a", "/b", "/c", "/d", "/"].map((path) => disk.ask(path, ask)));
  expect(calls).toBe(3);
  await expect(disk.ask("/d", answering("d"))).rejects.toThrow("the host gets no answer at ");
});

it("asks again where the answer came after all, or something else was mounted there", async () => {
  let list = mounts;
  const disk = diskOf(() => list);
  const late = disk.ask("/a", () => sleep(60).then(() => "late"));
  await expect(late).rejects.toThrow("no answer");
  await expect(disk.ask("/a", answering("a"))).rejects.toThrow("no answer");
  list = [...mounts, { id: 9, target: "/a" }];
  expect(await disk.ask("/a", answering("new"))).toBe("new");
  list = mounts;
  await sleep(60);
  expect(await disk.ask("/a", answering("again"))).toBe("again");
});

it("takes what hangs by a name of its own for one thing, whatever mount it is on, and looks at no mounts for it", async () => {
  let looks = 0;
  const disk = diskOf(() => {
    looks += 1;
    return mounts;
  });
  const inside = (name: string) => ({ subject: `files in ${name}`, place: name });
  const hanging = disk.ask("/a/x", never, inside("web"));
  expect(await disk.ask("/a/y", answering("db"), inside("db"))).toBe("db");
  await expect(hanging).rejects.toThrow("files in web: the host gets no answer");
  await expect(disk.ask("/b", answering("b"), inside("web"))).rejects.toThrow("no answer from files in web");
  expect(looks).toBe(0);
  expect(await disk.ask("/a/z", answering("a"))).toBe("a");
});

it("closes what was opened too late", async () => {
  const closed: string[] = [];
  const close = (name: string) => void closed.push(name);
  const disk = diskOf();
  expect(await disk.open("/b", answering("soon"), { close })).toBe("soon");
  await expect(disk.open("/a", () => sleep(60).then(() => "late"), { close })).rejects.toThrow("no answer");
  await sleep(60);
  expect(closed).toEqual(["late"]);
});
