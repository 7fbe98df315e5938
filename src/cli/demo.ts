import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { decodeJwt } from "jose";
import type { Manifest, Receipt } from "../core/transfer/manifest.ts";
import { Bars } from "./bars.ts";
import { Journey, type News, type PodKeys } from "./journey.ts";
import { publishedKeys } from "./published-keys.ts";
import { UsageError } from "./usage-error.ts";
import { verify } from "./verify.ts";

/**
 * The whole journey without a browser: one invented person, through the same pages, against the sandbox that runs or one that is
 * started for it. Exit code 0 only if every item of both legs was verified.
 */

interface Running {
  url: string;
  sandbox: Record<string, string>;
}

interface SandboxPersona {
  id: string;
  displayName: string;
  email: string;
  password: string;
}

interface Leg {
  title: string;
  folder: string;
  from: string;
  to: string;
}

/** The launcher names the folder that the system of the same settings uses. */
const DATA_DIR = process.argv[2] ?? ".relais";
const PERSONA = "camille";
/** How long the demo waits for a program of the sandbox to answer. */
const PATIENCE_MILLISECONDS = 120_000;
const LEGS = [
  { title: "1  A copy of Camille's energy data, from Énergie du Parc to Ancre", folder: "1-copy", from: "Énergie du Parc", to: "Ancre" },
  { title: "2  Switching from Ancre to a Solid pod", folder: "2-switch", from: "Ancre", to: "Pods du bac à sable" },
] as const satisfies Leg[];

async function main(): Promise<boolean> {
  const started = (await find()) ? null : await start();
  try {
    return await travel(await found());
  } finally {
    await started?.stop();
  }
}

async function travel({ url, sandbox }: Running): Promise<boolean> {
  const { persona, podKeys } = await readPersona(sandbox["home"] as string);
  const out = join(DATA_DIR, "demo");
  await rm(out, { recursive: true, force: true });
  const journey = new Journey(url, persona);
  say(`${persona.displayName} signs in at ${url}`);
  await journey.signIn();
  const rows: Row[] = [];
  for (const leg of LEGS) rows.push(...(await travelLeg(journey, leg, join(out, leg.folder), podKeys)));
  say(tableOf(rows));
  const results = await verify([out], null);
  for (const { ok, file, says } of results) say(`${ok ? "verified " : "NOT VALID"} ${relative(process.cwd(), file) || file}: ${says}`);
  const whole =
    rows.length > 0 && rows.every((row) => row.verified === row.consented && row.consented > 0) && results.every((result) => result.ok);
  say(
    whole
      ? `\nEverything that was consented is stored and verified. Check it yourself, offline:\n  npx --no-install relais verify ${relative(process.cwd(), out) || out}`
      : "\nNot everything was verified: see above.",
  );
  return whole;
}

async function travelLeg(journey: Journey, leg: Leg, folder: string, podKeys: PodKeys): Promise<Row[]> {
  say(`\n${leg.title}`);
  const path = leg.folder === "2-switch" ? "/en/me/switch" : "/en/me/copy";
  const decision = await journey.choose(path, leg.from, leg.to, podKeys);
  say("   permission read, every data set ticked, accepted");
  const after = await journey.accept(decision);
  const page = await journey.transferPage(after);
  await show(journey.watch(page));
  const documents = { manifest: await journey.download(page, "manifest"), receipt: await journey.download(page, "receipt") };
  await keep(folder, documents);
  return rowsOf(leg, documents);
}

async function show(news: AsyncIterable<News>): Promise<void> {
  const bars = new Bars(process.stdout);
  for await (const { rows, state } of news) bars.draw(rows, state);
  bars.end();
}

async function keep(folder: string, documents: { manifest: string; receipt: string }): Promise<void> {
  await mkdir(folder, { recursive: true });
  const issuers = new Set([decodeJwt(documents.manifest).iss, decodeJwt(documents.receipt).iss].filter((issuer) => issuer !== undefined));
  const keys = Object.fromEntries(
    await Promise.all([...issuers].map(async (issuer) => [issuer, { keys: await publishedKeys(issuer) }] as const)),
  );
  await writeFile(join(folder, "keys.json"), JSON.stringify(keys, null, 2));
  await writeFile(join(folder, "manifest.jws"), documents.manifest);
  await writeFile(join(folder, "receipt.jws"), documents.receipt);
}

interface Row {
  leg: string;
  dataset: string;
  consented: number;
  sent: number;
  stored: number;
  verified: number;
}

/** From the signed documents alone: what was consented is what was sent and what was left out. */
function rowsOf(leg: Leg, documents: { manifest: string; receipt: string }): Row[] {
  const manifest = decodeJwt(documents.manifest) as unknown as Manifest;
  const receipt = decodeJwt(documents.receipt) as unknown as Receipt;
  const digests = new Map(manifest.items.map((item) => [`${item.dataset}/${item.key}`, item["sha-256"]]));
  const datasets = [...new Set([...manifest.items, ...manifest.omissions].map((item) => item.dataset))].sort();
  const count = (items: { dataset: string }[], dataset: string): number => items.filter((item) => item.dataset === dataset).length;
  return datasets.map((dataset) => ({
    leg: `${leg.from} → ${leg.to}`,
    dataset,
    consented: count(manifest.items, dataset) + count(manifest.omissions, dataset),
    sent: count(manifest.items, dataset),
    stored: count(receipt.items, dataset),
    verified: count(
      receipt.items.filter((item) => digests.get(`${item.dataset}/${item.key}`) === item["sha-256"]),
      dataset,
    ),
  }));
}

function tableOf(rows: Row[]): string {
  const columns = ["leg", "dataset", "consented", "sent", "stored", "verified"] as const;
  const titles = { leg: "from → to", dataset: "data set", consented: "consented", sent: "sent", stored: "stored", verified: "verified" };
  const width = Object.fromEntries(
    columns.map((column) => [column, Math.max(titles[column].length, ...rows.map((row) => String(row[column]).length))]),
  );
  const line = (row: Record<string, unknown>): string =>
    columns
      .map((column) =>
        typeof row[column] === "number"
          ? String(row[column]).padStart(width[column] as number)
          : String(row[column]).padEnd(width[column] as number),
      )
      .join("  ");
  return (
    [
      "",
      line(titles),
      columns.map((column) => "─".repeat(width[column] as number)).join("  "),
      ...rows.map((row) => line({ ...row })),
    ].join("\n") + "\n"
  );
}

async function readPersona(home: string): Promise<{ persona: SandboxPersona; podKeys: PodKeys }> {
  const people = (await (await patiently(`${home}/personas.json`)).json()) as SandboxPersona[];
  const persona = people.find((one) => one.id === PERSONA);
  if (!persona) throw new Error(`The sandbox at ${home} has nobody called ${PERSONA}.`);
  const keys = await patiently(`${home}/personas/${PERSONA}/pod-keys`, { method: "POST", headers: { accept: "application/json" } });
  return { persona, podKeys: (await keys.json()) as PodKeys };
}

/** Asks until the program answers: those of the sandbox start after Relais, the Solid server last. */
async function patiently(url: string, init: RequestInit = {}): Promise<Response> {
  for (const end = Date.now() + PATIENCE_MILLISECONDS; ; await new Promise((done) => setTimeout(done, 500))) {
    const response = await fetch(url, init).catch(() => null);
    if (response?.ok) return response;
    if ((response !== null && response.status !== 503) || Date.now() > end)
      throw new Error(`${url} answers ${response?.status ?? "nothing"}.`);
  }
}

/* The system that the journey goes through. */

async function find(): Promise<Running | null> {
  try {
    const running = JSON.parse(await readFile(join(DATA_DIR, "relais.json"), "utf8")) as Running;
    const response = await fetch(`${running.url}/health/ready`, { signal: AbortSignal.timeout(2000) });
    return response.ok && running.sandbox ? running : null;
  } catch {
    return null;
  }
}

async function found(): Promise<Running> {
  for (const end = Date.now() + PATIENCE_MILLISECONDS; Date.now() < end;) {
    const running = await find();
    const isThere = running && (await isAccredited(running));
    if (isThere) return running;
    await new Promise((done) => setTimeout(done, 300));
  }
  throw new Error("The sandbox did not become ready within two minutes. Start it with npm start and read what it says.");
}

async function isAccredited({ url }: Running): Promise<boolean> {
  const { participants } = (await (await fetch(`${url}/v1/participants`)).json()) as {
    participants: { adapter: string; trust_mark: unknown }[];
  };
  return participants.some((participant) => participant.adapter === "solid" && participant.trust_mark !== null);
}

async function start(): Promise<{ stop(): Promise<void> }> {
  say("starting Relais and its sandbox …");
  const child: ChildProcess = spawn(process.execPath, [new URL("../main.ts", import.meta.url).pathname], {
    stdio: ["ignore", "ignore", "inherit"],
    // A group of its own: Ctrl-C in a terminal reaches the demo, which hands it on once. A second signal would cut the drain short.
    detached: true,
  });
  const ended = new Promise<void>((done) => child.once("exit", () => done()));
  const end = () => void (child.killed || child.kill("SIGTERM"));
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
      end();
      void ended.then(() => process.exit(1));
    });
  return {
    stop: async () => {
      end();
      await ended;
    },
  };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const HELP = `npm run demo

The whole journey of one invented person, without a browser, through the system that runs or one that is started for it.
Exit code: 0 everything verified, 3 something was not, 1 the journey broke off, 2 wrong use.`;

/** @throws UsageError for any word: there is nothing to choose. */
function readWords(words: string[]): "help" | "travel" {
  if (words.some((word) => word === "--help" || word === "-h")) return "help";
  if (words.length > 0) throw new UsageError(`The demo takes no words: ${words.join(" ")}\n\n${HELP}`);
  return "travel";
}

try {
  if (readWords(process.argv.slice(3)) === "help") say(HELP);
  else process.exitCode = (await main()) ? 0 : 3;
} catch (error) {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
