import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { LogFault, type FaultKind } from "../core/ledger/fault.ts";
import { TILE_WIDTH } from "../core/ledger/tiles.ts";
import { verifyCheckpoint, verifyLogProof } from "../sdk/log.ts";
import { Bars } from "./bars.ts";
import { auditLog, type Milestone } from "./log-audit.ts";
import { milestoneOf, readMemory, writeMemory, type LogMemory } from "./log-memory.ts";
import { logAt, type LogSite } from "./log-site.ts";
import { entryBeside } from "./proof-beside.ts";
import { runningHere } from "./running-here.ts";
import { UsageError } from "./usage-error.ts";

export const LOG_HELP = `relais log verify [address] [--key <vkey>] [--state <file>] [--proof <file>] [--json]
relais log show [index] [--at <address>] [--json]

The public log of register decisions, seen from outside. verify fetches the signed checkpoint, every entry and every tile, and recomputes what
was signed. show prints the newest entries, or one entry with its proof checked.
  address         of the installation, such as https://relais.example; for show, that of the Relais that runs here where none is given
  --key <vkey>    the log's key, from a channel that you trust; without it the key in the state file, or the one that the log publishes
  --state <file>  remembers the key and the checkpoint, and checks that the log continues what it was last time
  --proof <file>  a .tlog-proof file; without an address it is checked offline, with --key or --state
  --json          the result for programs
Exit code: 0 everything holds, 3 something does not, 2 wrong use, 1 the log cannot be asked.`;

/** How many entries show lists. */
const NEWEST = 20;

export interface LogAnswer {
  ok: boolean;
  text: string;
  json: object;
}

interface Options {
  key?: string | undefined;
  state?: string | undefined;
  proof?: string | undefined;
  at?: string | undefined;
  json: boolean;
}

/** @throws UsageError, LogUnreachable. What does not hold is an answer. */
export async function log(words: string[]): Promise<{ answer: LogAnswer; json: boolean }> {
  const { values, positionals } = parse(words);
  const [verb, ...rest] = positionals;
  if (rest.length > 1 || (verb !== "verify" && verb !== "show")) throw new UsageError(LOG_HELP);
  const work = verb === "verify" ? () => verify(rest[0] ?? null, values) : () => show(rest[0] ?? null, values);
  return { answer: await faultsAsAnswers(work), json: values.json };
}

function parse(words: string[]): { values: Options; positionals: string[] } {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      args: words,
      allowPositionals: true,
      options: { key: text, state: text, proof: text, at: text, json: { type: "boolean", default: false } },
    });
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n\n${LOG_HELP}`);
  }
}

async function faultsAsAnswers(work: () => Promise<LogAnswer>): Promise<LogAnswer> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof LogFault)) throw error;
    return {
      ok: false,
      text: `NOT VALID  ${titleOf[error.kind]}\n           ${error.message}`,
      json: { ok: false, fault: error.kind, says: error.message },
    };
  }
}

const titleOf = {
  malformed: "not in the format of a log",
  not_signed: "not signed by the key of this log",
  other_log: "another log",
  forged: "forged",
  truncated: "cut short",
  shrunk: "shrunk",
  forked: "forked",
} as const satisfies Record<FaultKind, string>;

async function verify(place: string | null, { key, state, proof, json }: Options): Promise<LogAnswer> {
  const memory = state === undefined ? null : await readMemory(state);
  const known = knownKey(key, memory);
  if (place === null) return verifyOffline(proof, known);
  const site = logAt(place);
  const trusted = known ?? (await site.key());
  const note = await site.checkpoint();
  const head = verifyCheckpoint(note, trusted);
  const proved = proof === undefined ? null : await readProof(proof, trusted);
  const milestones: Milestone[] = [
    ...(memory === null || state === undefined ? [] : [milestoneOf(memory, state)]),
    ...(proved === null ? [] : [{ ...proved.checkpoint, source: `the checkpoint in ${proof}` }]),
  ];
  await auditLog(site, head, milestones, progress(head.size, json));
  if (state !== undefined) await writeMemory(state, { key: trusted, checkpoint: note });
  const lines = [
    `${head.size} entries, which are those that the checkpoint signs`,
    ...(memory === null || state === undefined ? [] : [`it continues the ${milestoneOf(memory, state).size} entries of last time`]),
    ...(proved === null ? [] : [`entry ${proved.index}, of the proof, is one of them`]),
    ...(known === null ? [`the key came from the log itself: compare it with one that you got elsewhere\n           ${trusted}`] : []),
  ];
  const result = {
    ok: true,
    log: head.origin,
    size: head.size,
    root: head.root.toString("base64"),
    key: trusted,
    keyIsFromTheLog: known === null,
  };
  return { ok: true, text: verified(head.origin, lines), json: proved === null ? result : { ...result, proved: proved.index } };
}

async function verifyOffline(proof: string | undefined, key: string | null): Promise<LogAnswer> {
  if (proof === undefined) throw new UsageError(`Give the address of a log, or a proof.\n\n${LOG_HELP}`);
  if (key === null) throw new UsageError("To check a proof offline, give the log's key with --key, or a --state file that holds it.");
  const { index, entry, checkpoint } = await readProof(proof, key);
  const lines = [`entry ${index} of ${checkpoint.size}, checked offline`, JSON.stringify(contentOf(entry))];
  return {
    ok: true,
    text: verified(checkpoint.origin, lines),
    json: { ok: true, log: checkpoint.origin, size: checkpoint.size, index, entry: contentOf(entry) },
  };
}

function knownKey(given: string | undefined, memory: LogMemory | null): string | null {
  if (given !== undefined && memory !== null && given !== memory.key)
    throw new UsageError("--key is not the key in the state file. If the operator announced a new key, begin with a new state file.");
  return given ?? memory?.key ?? null;
}

async function readProof(file: string, key: string) {
  const text = await readFile(file, "utf8").catch(() => {
    throw new UsageError(`There is no proof file ${file}.`);
  });
  return verifyLogProof(text, await entryBeside(file), key);
}

function progress(size: number, json: boolean): (count: number) => void {
  if (json || !process.stderr.isTTY) return () => undefined;
  const bars = new Bars(process.stderr);
  return (value) => bars.draw([{ dataset: "entries", value, max: size }], value < size ? "fetching and hashing …" : "checking …");
}

async function show(index: string | null, { at, key }: Options): Promise<LogAnswer> {
  const site = logAt(at ?? (await runningHere("--at")));
  const trusted = key ?? (await site.key());
  return index === null ? showNewest(site, trusted) : showOne(site, index, trusted);
}

async function showOne(site: LogSite, index: string, key: string): Promise<LogAnswer> {
  if (!/^(0|[1-9]\d*)$/.test(index)) throw new UsageError("Entries are numbered 0, 1, 2, … Give the number of one.");
  const proof = await site.proof(Number(index));
  if (proof === null) throw new UsageError(`The log has no entry ${index}.`);
  const proved = verifyLogProof(proof, null, key);
  if (proved.index !== Number(index)) throw new LogFault("forged", `The log answers entry ${proved.index} instead of ${index}.`);
  const content = contentOf(proved.entry);
  return {
    ok: true,
    text: verified(`entry ${index} of ${proved.checkpoint.origin}`, JSON.stringify(content, null, 2).split("\n")),
    json: { ok: true, index: proved.index, entry: content },
  };
}

async function showNewest(site: LogSite, key: string): Promise<LogAnswer> {
  const { size, origin } = verifyCheckpoint(await site.checkpoint(), key);
  const from = Math.max(0, size - NEWEST);
  const entries: { index: number; entry: unknown }[] = [];
  for (let start = from; start < size; start = (Math.floor(start / TILE_WIDTH) + 1) * TILE_WIDTH) {
    const tile = Math.floor(start / TILE_WIDTH);
    const bundle = await site.entries({ level: "entries", index: tile, width: Math.min(TILE_WIDTH, size - tile * TILE_WIDTH) });
    bundle.forEach((entry, place) => {
      const index = tile * TILE_WIDTH + place;
      if (index >= from) entries.push({ index, entry: contentOf(entry) });
    });
  }
  const lines = entries.map(({ index, entry }) => `${String(index).padStart(8)}  ${JSON.stringify(entry)}`);
  const hint = `${size} entries in ${origin}. This list is not checked: "relais log verify" does that, and "relais log show <index>" for one.`;
  return { ok: true, text: [...lines, hint].join("\n"), json: { ok: true, size, entries } };
}

/** Entries are JSON where Relais wrote them; another log may hold anything. */
function contentOf(entry: Buffer): unknown {
  try {
    return JSON.parse(entry.toString());
  } catch {
    return entry.toString("base64");
  }
}

function verified(title: string, lines: string[]): string {
  return [`verified   ${title}`, ...lines.map((line) => `           ${line}`)].join("\n");
}
