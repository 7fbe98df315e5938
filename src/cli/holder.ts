import { readFile } from "node:fs/promises";
import { EXIT, needed, print, readWords, type Command } from "./command.ts";
import { describeEffect, describeMatrix, describeMeetings, describeReviews, describeRow, describeSaid } from "./holder-words.ts";
import type { Effect, Matrix, Meeting, Reasons, Review, Row, Said } from "./holder-answers.ts";
import { registerClient, type RegisterClient } from "./register-client.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `relais holder <verb> --relais URL --entity URL --key FILE

A data holder's own side of the register, in the name of its own key (PEM or JWK; never on the command line). DATASET is one of your data
sets, or '*' for all. PLATFORM is its id in the register.

  conditions                        what you ask for, and whom you restrict
  conditions set DATASET            [--level 0|1|2] [--regions FR,EEA] [--certificates iso-27001,hds] [--reason-fr T --reason-en T]
  conditions unset DATASET          the register's own level stands again
  exclude PLATFORM [DATASET]        --reason-fr T --reason-en T
  lift PLATFORM [DATASET]           the exclusion ends
  matrix [PLATFORM]                 every platform, or one with its evidence                                    [--name TEXT]
  move PLATFORM STATE               closed, in_discussion, test or open  [--reason-fr T --reason-en T] [--test-accounts FILE, one a line]
  review PLATFORM                   --date 2026-01-31 --decision accepted|accepted_with_conditions|postponed|refused --by OFFICE
                                    [--questions FILE] [--conditions FILE], one a line
  reviews [PLATFORM]                what your committee found; never public
  requests                          platforms that ask you to open, and your answers
  answer REQUEST STATE              [--reason-fr T --reason-en T] [--test-accounts FILE]
  preview VERB …                    what conditions set, conditions unset, exclude, lift, move or answer would pause, resume and shut out; changes nothing

A reason is public, and needed for everything that restricts. --if-version V: only where nothing changed since that version was shown.
--json prints the answer as it is. Exit code: 0, 1 failed, 2 usage, 3 a preview that pauses or shuts out something, 4 not allowed.`;

const OPTIONS = {
  relais: { type: "string" },
  entity: { type: "string" },
  key: { type: "string" },
  level: { type: "string", default: "1" },
  regions: { type: "string", default: "" },
  certificates: { type: "string", default: "" },
  "reason-fr": { type: "string" },
  "reason-en": { type: "string" },
  "test-accounts": { type: "string" },
  name: { type: "string" },
  date: { type: "string" },
  decision: { type: "string" },
  by: { type: "string" },
  questions: { type: "string" },
  conditions: { type: "string" },
  "if-version": { type: "string" },
  json: { type: "boolean", default: false },
} as const;

interface Call {
  client: RegisterClient;
  values: ReturnType<typeof readWords<typeof OPTIONS>>["values"];
  words: string[];
  /** The holder's own id. */
  holder: string;
}

/** One change: what is called, and with what. */
interface Change {
  method: "PUT" | "DELETE" | "POST";
  path: string;
  body?: object;
}

type Answer = { answer: unknown; text: string };

const CHANGES: Record<string, (call: Call) => Promise<Change>> = { conditions: changeOfConditions, exclude, lift, move, answer };
const READINGS: Record<string, (call: Call) => Promise<Answer>> = { conditions, matrix, reviews, review, requests };

export const HOLDER: Command = { summary: "set a holder's own conditions, and see what they come to", help: HELP, run };

async function run(given: string[]): Promise<number> {
  const { values, positionals } = readWords(given, OPTIONS, HELP);
  const isPreview = positionals[0] === "preview";
  const [name = "", ...words] = isPreview ? positionals.slice(1) : positionals;
  const isChange = name !== "conditions" || words.length > 0;
  const change = isChange && Object.hasOwn(CHANGES, name) ? CHANGES[name] : undefined;
  const reading = !isPreview && Object.hasOwn(READINGS, name) ? READINGS[name] : undefined;
  if (!change && !reading) throw new UsageError(`There is no "relais holder ${positionals.join(" ")}".\n\n${HELP}`);
  const relais = needed(values, "relais").replace(/\/+$/, "");
  const client = await registerClient({ relais, clientId: needed(values, "entity"), keyFile: needed(values, "key") });
  const { participant } = await client.get<{ participant: string | null }>("/v1/me");
  const call: Call = { client, values, words, holder: participant ?? "" };
  if (change) return make(call, await change(call), isPreview);
  return reading ? show(call, await reading(call)) : EXIT.usage;
}

function show({ values }: Call, { answer: found, text }: Answer): number {
  print(values.json ? JSON.stringify(found, null, 2) : text);
  return EXIT.fine;
}

async function make({ client, values }: Call, { method, path, body }: Change, isPreview: boolean): Promise<number> {
  const effect = await client.send<Effect>(method, isPreview ? `${path}?dry_run=true` : path, body, values["if-version"]);
  print(values.json ? JSON.stringify(effect, null, 2) : describeEffect(effect));
  return isPreview && (effect.paused > 0 || (effect.shut_out ?? []).length > 0) ? EXIT.checkFailed : EXIT.fine;
}

const listOf = (text: string): string[] => text.split(",").filter((part) => part !== "");

/** Both languages, or none; the register says where one is needed. */
function reasonOf({ values }: Call): Reasons | null {
  if (values["reason-fr"] === undefined && values["reason-en"] === undefined) return null;
  return { fr: needed(values, "reason-fr"), en: needed(values, "reason-en") };
}

function wordAt({ words }: Call, place: number, what: string): string {
  const word = words[place];
  if (word === undefined) throw new UsageError(`Name the ${what}.\n\n${HELP}`);
  return word;
}

const datasetAt = ({ words }: Call, place: number): string => encodeURIComponent(words[place] ?? "*");

async function linesOf(file: string | undefined): Promise<string[]> {
  if (file === undefined) return [];
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new UsageError(`The file ${file} cannot be read.`, { cause });
  });
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

async function changeOfConditions(call: Call): Promise<Change> {
  const { values, holder } = call;
  const verb = wordAt(call, 0, "step: set or unset");
  const path = `/v1/participants/${holder}/conditions/${encodeURIComponent(wordAt(call, 1, "data set, or '*' for all"))}`;
  if (verb === "unset") return { method: "DELETE", path };
  if (verb !== "set") throw new UsageError(`There is no "relais holder conditions ${verb}".\n\n${HELP}`);
  const body = {
    minimum_level: Number(values.level),
    regions: listOf(values.regions),
    certificates: listOf(values.certificates),
    reason: reasonOf(call),
  };
  return { method: "PUT", path, body };
}

async function exclude(call: Call): Promise<Change> {
  return { method: "PUT", path: exclusionPath(call), body: { reason: reasonOf(call) } };
}

async function lift(call: Call): Promise<Change> {
  return { method: "DELETE", path: exclusionPath(call) };
}

function exclusionPath(call: Call): string {
  return `/v1/participants/${call.holder}/exclusions/${wordAt(call, 0, "platform")}/${datasetAt(call, 1)}`;
}

async function move(call: Call): Promise<Change> {
  const path = `/v1/participants/${call.holder}/access/${wordAt(call, 0, "platform")}`;
  return { method: "PUT", path, body: await movement(call) };
}

async function answer(call: Call): Promise<Change> {
  return { method: "POST", path: `/v1/meetings/${wordAt(call, 0, "request")}/answer`, body: await movement(call) };
}

async function movement(call: Call): Promise<object> {
  const state = wordAt(call, 1, "state: closed, in_discussion, test or open");
  return { state, reason: reasonOf(call), test_accounts: await linesOf(call.values["test-accounts"]) };
}

async function conditions({ client, holder }: Call): Promise<Answer> {
  const said = await client.get<Said>(`/v1/participants/${holder}/conditions`);
  return { answer: said, text: describeSaid(said) };
}

async function matrix({ client, holder, values, words: [platform] }: Call): Promise<Answer> {
  const path = `/v1/participants/${holder}/matrix`;
  if (platform !== undefined) {
    const row = await client.get<Row & { meetings: Meeting[] }>(`${path}/${platform}`);
    return { answer: row, text: describeRow(row) };
  }
  const name: Record<string, string> = values.name === undefined ? {} : { name: values.name };
  const found = await client.get<Matrix>(`${path}?${new URLSearchParams(name)}`);
  for (let { next } = found; next !== null;) {
    const page = await client.get<Matrix>(`${path}?${new URLSearchParams({ ...name, cursor: next })}`);
    found.platforms.push(...page.platforms);
    ({ next } = page);
  }
  return { answer: { ...found, next: null }, text: describeMatrix(found) };
}

async function reviews({ client, holder, words: [platform] }: Call): Promise<Answer> {
  const search = platform === undefined ? "" : `?${new URLSearchParams({ platform })}`;
  const found = await client.get<{ reviews: Review[] }>(`/v1/participants/${holder}/reviews${search}`);
  return { answer: found, text: describeReviews(found.reviews) };
}

async function review(call: Call): Promise<Answer> {
  const { client, holder, values } = call;
  const recorded = await client.send<Review>("POST", `/v1/participants/${holder}/reviews`, {
    platform: wordAt(call, 0, "platform"),
    date: needed(values, "date"),
    decision: needed(values, "decision"),
    by: needed(values, "by"),
    questions: await linesOf(values.questions),
    conditions: await linesOf(values.conditions),
  });
  return { answer: recorded, text: describeReviews([recorded]) };
}

async function requests({ client }: Call): Promise<Answer> {
  const found = await client.get<{ meetings: Meeting[] }>("/v1/meetings");
  return { answer: found, text: describeMeetings(found.meetings) };
}
