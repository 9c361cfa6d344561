// Bundles the widget into the Python package: ES modules and a style sheet, nothing fetched at run time.
import { context, build } from "esbuild";

const options = {
  absWorkingDir: import.meta.dirname ?? new URL(".", import.meta.url).pathname,
  entryPoints: [{ in: "src/index.ts", out: "widget" }, { in: "src/loader.ts", out: "loader" }, { in: "src/widget.css", out: "widget" }],
  outdir: "../agentpool_jupyter/jupyter/live/static",
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "inline", // the licences of what is bundled travel with it
  logLevel: "warning",
};

if (process.argv.includes("--watch")) {
  await (await context(options)).watch();
} else {
  await build(options);
}
