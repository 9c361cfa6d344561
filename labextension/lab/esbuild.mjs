// Builds the prebuilt JupyterLab extension into dist/, as JupyterLab finds it below share/jupyter/labextensions.
//
// JupyterLab loads an extension as a webpack container: a script that puts an object with `init` and `get` in
// `_JUPYTERLAB`. src/container.ts is one, written out: so no webpack and none of JupyterLab's own packages is needed to
// build. What JupyterLab shares (its own packages, Lumino, CodeMirror's core) is taken from it, never bundled.
import { build, context } from "esbuild";
import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const SHARED = /^(@jupyterlab|@lumino)\/|^@codemirror\/(state|view|language)$|^@lezer\/(common|highlight)$/;

const shared = {
  name: "shared",
  setup(builder) {
    const names = new Set();
    builder.onStart(() => names.clear());
    builder.onResolve({ filter: SHARED }, ({ path, kind }) => {
      if (kind === "require-call" || kind === "import-statement") names.add(path);
      return { path, namespace: "shared" };
    });
    builder.onLoad({ filter: /.*/, namespace: "shared" }, ({ path }) => ({
      contents: `module.exports = globalThis._AGENTPOOL_SHARED[${JSON.stringify(path)}]`,
    }));
    // Written last: which packages the container has to take from JupyterLab before the plugins are run.
    builder.onEnd(async (result) => {
      if (result.errors.length) return;
      const [code] = result.outputFiles;
      await write(code.text.replace('"@@SHARED@@"', JSON.stringify([...names].sort())));
    });
  },
};

async function write(code) {
  const { name, version } = JSON.parse(await readFile(here("package.json"), "utf8"));
  const entry = `remoteEntry.${createHash("sha256").update(code).digest("hex").slice(0, 16)}.js`;
  const jupyterlab = { extension: true, schemaDir: "schema", _build: { load: `static/${entry}`, extension: "./extension" } };
  const described = JSON.stringify({ name, version, license: "BSD-3-Clause", jupyterlab }, null, 1);
  await rm(here("dist"), { recursive: true, force: true });
  await mkdir(here("dist/static"), { recursive: true });
  await mkdir(here(`dist/schemas/${name}`), { recursive: true });
  await writeFile(here(`dist/static/${entry}`), code);
  for (const file of await readdir(here("schema"))) await copyFile(here(`schema/${file}`), here(`dist/schemas/${name}/${file}`));
  await writeFile(here(`dist/schemas/${name}/package.json.orig`), described);
  await copyFile(here("install.json"), here("dist/install.json"));
  await writeFile(here("dist/package.json"), described); // last: whoever sees it, sees all of it
}

const options = {
  absWorkingDir: here("."),
  entryPoints: ["src/container.ts"],
  outfile: "dist/static/container.js",
  write: false,
  bundle: true,
  format: "iife",
  target: "es2022",
  minify: true,
  legalComments: "inline", // the licences of what is bundled travel with it
  loader: { ".css": "text", ".svg": "text" },
  logLevel: "warning",
  plugins: [shared],
};

if (process.argv.includes("--watch")) {
  await (await context(options)).watch();
} else {
  await build(options);
}
