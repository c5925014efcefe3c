/**
 * Bundles to dist/:
 *   gantry.mjs      what bin/gantry starts: turns the compile cache on, then loads cli.mjs
 *   cli.mjs         the command line in one file, since each further module costs a millisecond at every start
 *   dashboard.mjs   the dashboard, loaded by cli.mjs
 *   engine.mjs      the engine; *-worker.mjs its worker threads
 * koffi stays outside, since it finds its native library beside itself.
 */
import { globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const home = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(home, "dist");
const fresh = join(home, "dist", ".fresh");

/** Ink reaches for the devtools, an optional peer, only with DEV=true; without a stub the bundle would not link. */
const withoutDevtools = {
  name: "without-devtools",
  setup(context) {
    context.onResolve({ filter: /^react-devtools-core$/ }, () => ({ path: "devtools", namespace: "stub" }));
    context.onLoad({ filter: /.*/, namespace: "stub" }, () => ({ contents: "export default {}" }));
  },
};

/** blessed itself is not bundled: its charts only need a node to hang on (see src/components/charts). */
const withBlessedShim = {
  name: "blessed-shim",
  setup(context) {
    const shim = join(home, "src/components/charts/blessed-shim.cjs");
    context.onResolve({ filter: /^blessed$/ }, () => ({ path: shim }));
  },
};

/** `new Buffer()` prints a deprecation onto the screen once it no longer lies in node_modules. */
const withoutOldBuffer = {
  name: "without-old-buffer",
  setup(context) {
    context.onLoad({ filter: /drawille-(canvas-)?blessed-contrib\/.*\.js$/ }, (file) => ({
      contents: readFileSync(file.path, "utf8").replaceAll("new Buffer(", "Buffer.alloc("),
      loader: "js",
    }));
  },
};

/** Ink measures every cell of a frame by string-width; ours answers the common cases at once and remembers the others. */
const withFastWidth = {
  name: "fast-width",
  setup(context) {
    const wrapper = join(home, "src/components/string-width.ts");
    context.onResolve({ filter: /^string-width$/ }, (request) =>
      request.importer === wrapper ? undefined : { path: wrapper },
    );
  },
};

/** The dashboard is a bundle of its own: a script that calls `gantry ps` must not pay for Ink. */
const withDashboardApart = {
  name: "dashboard-apart",
  setup(context) {
    context.onResolve({ filter: /^\.\.\/main\.tsx$/ }, () => ({ path: "./dashboard.mjs", external: true }));
  },
};

/** ws loads TLS and zlib for connections that a unix socket never makes: 20 ms of every command. They load at first use. */
const withLazyBuiltins = {
  name: "lazy-builtins",
  setup(context) {
    context.onResolve({ filter: /^(https|tls|zlib)$/ }, (request) =>
      request.importer.includes("node_modules/ws/") ? { path: request.path, namespace: "lazy" } : undefined,
    );
    context.onLoad({ filter: /.*/, namespace: "lazy" }, ({ path }) => ({
      contents: `let loaded; module.exports = new Proxy({}, { get: (_, key) => (loaded ??= require("node:${path}"))[key] });`,
    }));
  },
};

const shared = {
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node24",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  external: ["koffi", "@lydell/node-pty"],
  define: { "process.env.NODE_ENV": '"production"', "process.env.DEV": '"false"' },
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
  outExtension: { ".js": ".mjs" },
  logLevel: "warning",
  outdir: fresh,
};

rmSync(fresh, { recursive: true, force: true });
mkdirSync(fresh, { recursive: true });
const workers = globSync("engine/**/*-worker.ts", { cwd: home }).map((path) => join(home, path));
const workerEntries = Object.fromEntries(workers.map((path) => [basename(path, ".ts"), path]));
await Promise.all([
  build({
    ...shared,
    entryPoints: { cli: join(home, "src/cli/main.ts") },
    plugins: [withDashboardApart, withLazyBuiltins, withFastWidth],
  }),
  build({
    ...shared,
    entryPoints: { dashboard: join(home, "src/main.tsx") },
    jsx: "automatic",
    plugins: [withoutDevtools, withBlessedShim, withoutOldBuffer, withFastWidth, withLazyBuiltins],
  }),
  build({ ...shared, entryPoints: { engine: join(home, "engine/main.ts"), ...workerEntries } }),
]);
writeFileSync(
  join(fresh, "gantry.mjs"),
  // The cache lies beside the program, never in a shared directory: it holds code.
  `import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";
enableCompileCache(fileURLToPath(new URL("./.cache", import.meta.url)));
await import("./cli.mjs");
`,
);

// A running gantry may load a chunk at any time, so the old ones go only after the new ones are there.
const names = globSync("*.mjs", { cwd: fresh });
for (const name of names) renameSync(join(fresh, name), join(dist, name));
for (const name of globSync("*.mjs", { cwd: dist })) if (!names.includes(name)) rmSync(join(dist, name));
rmSync(fresh, { recursive: true });
