import assert from "node:assert/strict";
import { globSync, readFileSync, statSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { parse } from "yaml";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { freePort } from "../support/ports.ts";
import { startNode } from "../support/processes.ts";

/** What a container would have and do, without one: `docker build` needs an engine, and a copy of the same files does not. */
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const text = (file: string): string => readFileSync(join(ROOT, file), "utf8");

interface Instruction {
  word: string;
  rest: string;
}

const INSTRUCTIONS: Instruction[] = text("Dockerfile")
  .replaceAll(/^#.*\n/gm, "")
  .replaceAll("\\\n", " ")
  .split("\n")
  .filter((line) => line.trim() !== "")
  .map((line) => ({ word: line.split(" ")[0] ?? "", rest: line.slice(line.indexOf(" ") + 1).trim() }));
/** Of the last stage: what runs. */
const LAST = INSTRUCTIONS.slice(INSTRUCTIONS.findLastIndex(({ word }) => word === "FROM"));
const of = (word: string): string[] => LAST.filter((one) => one.word === word).map(({ rest }) => rest);
const COPIED = of("COPY")
  .filter((rest) => !rest.startsWith("--from"))
  .flatMap((rest) => rest.split(/\s+/).slice(0, -1));
const ENVIRONMENT = Object.fromEntries(of("ENV").flatMap((rest) => rest.split(/\s+/).map((pair) => pair.split("=") as [string, string])));
const LOCK = JSON.parse(text("package-lock.json")) as {
  packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
};
const PACKAGE = JSON.parse(text("package.json")) as Record<"dependencies" | "optionalDependencies", Record<string, string>>;

/** The lines of .dockerignore, the last one that matches decides. */
function isSent(path: string): boolean {
  const lines = text(".dockerignore")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const matches = (pattern: string): boolean => pattern === "*" || path === pattern || path.startsWith(`${pattern}/`);
  return lines.reduce((sent, line) => (matches(line.replace(/^!/, "")) ? line.startsWith("!") : sent), true);
}

let folder: string;
let database: FreshDatabase;

before(async () => {
  database = await freshDatabase();
  folder = await mkdtemp(join(tmpdir(), "relais-image-"));
  for (const path of COPIED) {
    assert.ok(isSent(path), `${path} is kept out of the build by .dockerignore`);
    await cp(join(ROOT, path), join(folder, path), { recursive: true, filter: (from) => isSent(from.slice(ROOT.length)) });
  }
  const production = Object.entries(LOCK.packages).filter(([, { dev, optional, devOptional }]) => !dev && !optional && !devOptional);
  for (const [path] of production) {
    // What lies within a package comes with it.
    if (path === "" || path.lastIndexOf("node_modules/") > 0) continue;
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await symlink(join(ROOT, path), join(folder, path));
  }
});
after(async () => {
  await database[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Packages are found from where the image has them: nothing outside of the folder is looked at. */
const inImage = (words: string[], env: Record<string, string>) =>
  startNode(["--preserve-symlinks", "--preserve-symlinks-main", ...words], {
    cwd: folder,
    env: {
      PATH: process.env["PATH"],
      TMPDIR: join(folder, "data"),
      ...ENVIRONMENT,
      RELAIS_DATA_DIR: join(folder, "data"),
      DATABASE_URL: database.url,
      ...env,
    },
  });

/** Every file outside of the data folder, and when it was written last. */
function treeOf(root: string): string[] {
  const paths = ["*", "{src,policies,adapters}/**"].flatMap((pattern) => globSync(pattern, { cwd: root }));
  return paths.filter((path) => path !== "data").map((path) => `${path} ${statSync(join(root, path)).mtimeMs}`);
}

test("what is copied is enough: migrate, every role with its pages and its health, and doctor; nothing is written but into the data folder", async () => {
  await mkdir(join(folder, "data"));
  const untouched = treeOf(folder);
  const [port, metrics] = [await freePort(), await freePort()];
  const settings = {
    RELAIS_HOST: "127.0.0.1",
    RELAIS_METRICS_HOST: "127.0.0.1",
    RELAIS_PORT: String(port),
    RELAIS_METRICS_PORT: String(metrics),
    RELAIS_PUBLIC_URL: `http://localhost:${port}`,
    // Whoever is traced loads more packages.
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
  };
  const migrated = inImage(["src/operate.ts", "migrate"], settings);
  assert.deepEqual(await migrated.ended, { code: 0, signal: null }, migrated.output());
  const command = (JSON.parse(of("CMD").at(-1) ?? "[]") as string[]).slice();
  await using relais = inImage(command, settings);
  await relais.line(/relais ready/);
  for (const [path, wanted] of [
    ["/fr", /<h1/],
    ["/fr/register", /<h1/],
    ["/fr/sign-in", /<h1/],
    ["/v1/openapi.json", /"openapi"/],
    ["/.well-known/openid-federation", /^eyJ/],
    ["/v1/charter-versions", /./],
  ] as const) {
    const answer = await fetch(`http://localhost:${port}${path}`);
    const body = await answer.text();
    assert.ok(answer.status < 500, `${path}: ${answer.status}`);
    if (answer.ok) assert.match(body, wanted, path);
  }
  const page = await (await fetch(`http://localhost:${port}/fr`)).text();
  for (const [, asset] of page.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g))
    assert.equal((await fetch(`http://localhost:${port}${asset}`)).status, 200, asset);

  const health = /CMD (\[.*\])$/.exec(of("HEALTHCHECK").at(-1) ?? "")?.[1] ?? "[]";
  const [, ...ask] = JSON.parse(health) as string[];
  assert.deepEqual(await inImage(ask, settings).ended, { code: 0, signal: null }, "the health check");
  const doctor = inImage(["src/operate.ts", "doctor"], settings);
  assert.equal((await doctor.ended).code, 0, doctor.output());
  assert.deepEqual(await relais.kill("SIGTERM"), { code: 0, signal: null });
  assert.deepEqual(await inImage(ask, settings).ended, { code: 1, signal: null }, "and it fails where nobody lives");
  assert.deepEqual(treeOf(folder), untouched, "nothing was written but into the data folder");
});

test("every import of what is copied is a file of it, or a package that production has; the optional ones are asked for at need", () => {
  const known = new Set(Object.keys(PACKAGE.dependencies));
  const optional = Object.keys(PACKAGE.optionalDependencies);
  const problems: string[] = [];
  for (const file of globSync("{src,adapters}/**/*.{ts,mjs}", { cwd: ROOT })) {
    const source = text(file).replaceAll(/^\s*(\/\*\*|\*|\/\/).*$/gm, "");
    const statics = [...source.matchAll(/^(?:import|export)\s+(?!type\b)(?:[^;"']*?\sfrom\s+)?"([^"]+)"/gm)].map(([, name]) => name ?? "");
    const dynamics = [...source.matchAll(/\bimport\("([^"]+)"\)/g)].map(([, name]) => name ?? "");
    for (const name of [...statics, ...dynamics]) {
      if (name.startsWith("node:")) continue;
      if (name.startsWith(".")) {
        const target = join(dirname(file), name);
        if (!isSent(target) || !COPIED.some((path) => target.startsWith(`${path}/`))) problems.push(`${file}: ${name} is not copied`);
        continue;
      }
      const owner = name
        .replace(/^node:/, "")
        .split("/")
        .slice(0, name.startsWith("@") ? 2 : 1)
        .join("/");
      const isOwnProcess = file === "src/sandbox/solid/server-process.ts";
      if (!known.has(owner) && !(optional.includes(owner) && (dynamics.includes(name) || isOwnProcess)))
        problems.push(`${file}: ${name} is no production package`);
    }
  }
  assert.deepEqual(problems, []);
});

test("every file that the product opens beside its own code is copied", () => {
  const named = globSync("{src,adapters}/**/*.ts", { cwd: ROOT }).flatMap((file) =>
    [...text(file).matchAll(/new URL\(\s*[`"]([^`"$]+)[^`"]*[`"],\s*import\.meta\.url\)/g)].map(([, path]) =>
      join(dirname(file), path ?? ""),
    ),
  );
  assert.ok(named.length >= 8, named.join(", "));
  for (const path of named) {
    assert.ok(isSent(path) && COPIED.some((copied) => path.startsWith(`${copied}/`)), `${path} is not in the image`);
    assert.ok(statSync(join(ROOT, path), { throwIfNoEntry: false }), path);
  }
});

test("image and chart say the same: entry and flags, user, ports, folders; and the base is one version", () => {
  const helpers = text("helm/relais/templates/_helpers.tpl");
  const flags = JSON.parse(text("src/heap-flags.json")) as string[];
  const command = JSON.parse(of("CMD").at(-1) ?? "[]") as string[];
  assert.deepEqual(command, [...flags, "src/main.ts"]);
  assert.deepEqual(JSON.parse(of("ENTRYPOINT").at(-1) ?? "[]"), ["node"]);
  assert.ok(helpers.includes(`args: [${command.join(", ")}]`) && helpers.includes("command: [node]"));
  const [user = "", group = ""] = of("USER").at(-1)?.split(":") ?? [];
  assert.match(user, /^[1-9]\d+$/, "a number, which runAsNonRoot can check");
  assert.ok(helpers.includes(`runAsUser: ${user}`) && helpers.includes(`runAsGroup: ${group}`));
  for (const port of of("EXPOSE").at(-1)?.split(" ") ?? []) assert.ok(helpers.includes(`containerPort: ${port}`), port);
  assert.ok(helpers.includes(`mountPath: ${ENVIRONMENT["RELAIS_DATA_DIR"]}\n`));
  for (const name of ["RELAIS_HOST", "RELAIS_PORT", "RELAIS_METRICS_HOST", "RELAIS_METRICS_PORT"])
    assert.match(helpers, new RegExp(`name: ${name}\\n\\s+value: "?${ENVIRONMENT[name]}"?\\n`), name);
  const { appVersion } = parse(text("helm/relais/Chart.yaml")) as { appVersion: string };
  assert.ok(of("ARG").includes(`VERSION=${appVersion}`));
  const base = INSTRUCTIONS.find(({ word, rest }) => word === "ARG" && rest.startsWith("BASE="))?.rest ?? "";
  assert.match(base, /^BASE=node:\d+\.\d+\.\d+-[a-z]+-slim$/);
  assert.ok(
    of("LABEL").some(
      (rest) => rest.includes(`base.name="docker.io/library/${base.slice("BASE=".length)}"`) && rest.includes('licenses="Apache-2.0"'),
    ),
  );
  assert.ok(
    text("src/launch.mjs").includes(`NODE_VERSION = "${/:([\d.]+)-/.exec(base)?.[1]}"`),
    "the Node that everything else is tested with",
  );
});
