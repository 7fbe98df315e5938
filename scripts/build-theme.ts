/** Compiles the theme of the portal: `src/pages/theme/relais.scss` to `src/pages/assets/relais.css`, which is committed. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compile } from "sass";

const LARGEST_BYTES = 150_000;

const root = new URL("../", import.meta.url);
const { css } = compile(fileURLToPath(new URL("src/pages/theme/relais.scss", root)), {
  style: "compressed",
  loadPaths: [fileURLToPath(new URL("node_modules", root))],
  quietDeps: true,
});

const bytes = Buffer.byteLength(css);
if (bytes > LARGEST_BYTES) throw new Error(`The style sheet has ${bytes} bytes; a page may load ${LARGEST_BYTES}. Leave components out.`);
writeFileSync(new URL("src/pages/assets/relais.css", root), `${css}\n`);
console.log(`src/pages/assets/relais.css: ${bytes} bytes`);
