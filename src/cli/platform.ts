import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { EXIT, needed, print, readWords, type Command } from "./command.ts";
import { HOLDER_VERBS } from "./platform-holders.ts";
import { events } from "./platform-events.ts";
import { publicCall, registerClient, type RegisterClient } from "./register-client.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `relais platform <verb> --relais URL --entity URL --key FILE

What a participant (platform, holder or service) does in the register, in the name of its own key: the one it publishes under
oauth_client.jwks in its entity configuration (PEM or JWK; never on the command line).

  join                     enter the register, in the sandbox at once
  questions                the questions of the charter, as an answers file    [--level 1|2]
  apply                    answer, sign the charter, submit, and wait          --answers FILE.json --sign-as ROLE [--level 1|2] [--no-wait]
  status                   what is due, by when, and what waits for whom
  checks                   newest result of each check                         [--run]
  evidence FILE            add a document                                      --kind KIND --date 2026-01-31 --issuer NAME
                           where it is a certificate that holders ask for      --certificate iso-27001 --valid-until 2027-01-31
  certificate FILE         hand in a certificate between two applications      --certificate iso-27001 --date … --valid-until … --issuer NAME
  certificates             those that you handed in
  ask HOLDER TEXT          ask a holder that restricts you to open             (an accredited platform)
  requests                 what you asked, and what was answered
  messages [TEXT]          read the messages, or write one (appeals too)
  challenge                what to publish to show control of the name
  invite                   a one-time address by which a person acts for it on pages
  events                   what Relais tells you: fetched, checked and acknowledged     [--keep: not acknowledged]
  withdraw | reopen        the open application
  leave                    give the accreditation back                         --reason-fr TEXT --reason-en TEXT

--json prints the answer of the register as it is. Exit code: 0, 1 failed, 2 usage, 3 something is due, 4 not allowed.`;

const OPTIONS = {
  relais: { type: "string" },
  entity: { type: "string" },
  key: { type: "string" },
  level: { type: "string", default: "1" },
  answers: { type: "string" },
  "sign-as": { type: "string" },
  "no-wait": { type: "boolean", default: false },
  run: { type: "boolean", default: false },
  keep: { type: "boolean", default: false },
  kind: { type: "string" },
  date: { type: "string" },
  issuer: { type: "string" },
  certificate: { type: "string" },
  "valid-until": { type: "string" },
  "reason-fr": { type: "string" },
  "reason-en": { type: "string" },
  json: { type: "boolean", default: false },
} as const;

type Values = ReturnType<typeof readWords<typeof OPTIONS>>["values"];

interface Words {
  fr: string;
  en: string;
}
interface Requirement {
  criterion: string;
  title: Words;
  outcome: string;
  because: Words;
  waits_for: string;
  due_at: string | null;
}
export interface Case {
  id: string;
  state: string;
  level: number;
  charter: string;
  charter_digest: string;
  participant: string;
  until: string | null;
  signed: boolean;
  requirements: {
    currently_due: Requirement[];
    eventually_due: Requirement[];
    past_due: Requirement[];
    deadline: string | null;
    reminders: { kind: string; criterion: string | null; occasion_at: string }[];
  };
}
interface Question {
  answer: string;
  label: Words;
  type: string;
  options: { value: string }[];
}
interface Charter {
  version: string;
  digest: string;
  criteria: { level: number; appliesTo?: string[]; questions: Question[] }[];
}

interface Call {
  values: Values;
  rest: string[];
  relais: string;
  client(): Promise<RegisterClient>;
}

type Verb = (call: Call) => Promise<number>;

const VERBS: Record<string, Verb> = {
  join,
  questions,
  apply,
  status,
  checks,
  evidence,
  messages,
  challenge,
  invite,
  events: async (call) => events(await call.client(), { relais: call.relais, entity: needed(call.values, "entity"), ...call.values }),
  withdraw: step("withdraw"),
  reopen: step("reopen"),
  leave,
};

export const PLATFORM: Command = { summary: "apply for accreditation, and keep it", help: HELP, run };

async function run(words: string[]): Promise<number> {
  const { values, positionals } = readWords(words, OPTIONS, HELP);
  const [name = "", ...rest] = positionals;
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : toHolders(name);
  if (!verb) throw new UsageError(`There is no "relais platform ${name}".\n\n${HELP}`);
  const relais = needed(values, "relais").replace(/\/+$/, "");
  return verb({
    values,
    rest,
    relais,
    client: () => registerClient({ relais, clientId: needed(values, "entity"), keyFile: needed(values, "key") }),
  });
}

function toHolders(name: string): Verb | undefined {
  const verb = Object.hasOwn(HOLDER_VERBS, name) ? HOLDER_VERBS[name] : undefined;
  return (
    verb &&
    (async (call) => {
      const [answer, text] = await verb(await call.client(), call.rest, (option) => needed(call.values, option as keyof Values));
      print(call.values.json ? JSON.stringify(answer, null, 2) : text);
      return EXIT.fine;
    })
  );
}

async function join({ values, relais }: Call): Promise<number> {
  const joined = await publicCall<{ id: string; status: string }>(relais, "/v1/participants", { entity_id: needed(values, "entity") });
  print(
    values.json
      ? JSON.stringify(joined, null, 2)
      : `${joined.id} is in the register: ${joined.status} (level 0, sandbox, with invented people only).\nIts page: ${relais}/en/register/${joined.id}`,
  );
  return EXIT.fine;
}

/** A file to fill in: each question by name, with null where nothing is answered yet. */
async function questions({ values, relais }: Call): Promise<number> {
  const { charters } = await publicCall<{ charters: { version: string; current: boolean }[] }>(relais, "/v1/charters");
  const version = charters.find((one) => one.current)?.version ?? charters[0]?.version;
  const charter = await publicCall<Charter>(relais, `/v1/charters/${version}`);
  const asked = charter.criteria.filter((criterion) => criterion.level <= Number(values.level)).flatMap((criterion) => criterion.questions);
  for (const { answer, label, type, options } of asked)
    process.stderr.write(
      `${answer} (${type}${options.length > 0 ? `: ${options.map(({ value }) => value).join(", ")}` : ""})\n   ${label.en}\n`,
    );
  print(JSON.stringify(Object.fromEntries(asked.map(({ answer }) => [answer, null])), null, 2));
  return EXIT.fine;
}

const POLL_MILLISECONDS = 1000;
const PATIENCE_MILLISECONDS = 15 * 60_000;
const UNDER_WAY = ["submitted", "checking"];

async function apply(call: Call): Promise<number> {
  const { values } = call;
  const client = await call.client();
  const answers = await readAnswers(needed(values, "answers"));
  const opened = await client.send<Case>("POST", "/v1/applications", { level: Number(values.level) });
  const path = `/v1/applications/${opened.id}`;
  say(`${opened.id}: application for level ${opened.level}, charter ${opened.charter}`);
  await client.send("PATCH", `${path}/answers`, { answers });
  say(`${Object.keys(answers).length} answers taken`);
  await client.send("POST", `${path}/signature`, { digest: opened.charter_digest, signer: needed(values, "sign-as") });
  say(`charter signed (${opened.charter_digest})`);
  const submitted = await client.send<Case>("POST", `${path}/steps/submit`);
  say("submitted; the automatic checks run");
  if (values["no-wait"]) return show(values, submitted);
  return show(values, await settled(client, path));
}

async function readAnswers(file: string): Promise<object> {
  try {
    const answers = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
    return Object.fromEntries(Object.entries(answers).filter(([, value]) => value !== null));
  } catch (cause) {
    throw new UsageError(`--answers: ${file} is not a readable JSON object. "relais platform questions" prints one to fill in.`, { cause });
  }
}

/** Waits until the automatic part is over. */
async function settled(client: RegisterClient, path: string): Promise<Case> {
  for (const end = Date.now() + PATIENCE_MILLISECONDS; ; await sleep(POLL_MILLISECONDS)) {
    const found = await client.get<Case>(path);
    if (!UNDER_WAY.includes(found.state)) return found;
    if (Date.now() > end) throw new Error("The checks have not ended within 15 minutes. Look again with: relais platform status");
  }
}

async function status(call: Call): Promise<number> {
  const client = await call.client();
  const { applications } = await client.get<{ applications: { id: string }[] }>("/v1/applications");
  const [newest] = applications;
  if (!newest) {
    print('There is no application yet. Begin with "relais platform apply".');
    return EXIT.checkFailed;
  }
  return show(call.values, await client.get<Case>(`/v1/applications/${newest.id}`));
}

function show(values: Pick<Values, "json">, found: Case): number {
  const { currently_due, past_due } = found.requirements;
  print(values.json ? JSON.stringify(found, null, 2) : describeCase(found));
  return currently_due.length + past_due.length > 0 || found.state === "changes_requested" ? EXIT.checkFailed : EXIT.fine;
}

export function describeCase({ id, state, level, charter, until, requirements }: Case): string {
  const lines = (title: string, list: Requirement[]) =>
    list.length === 0
      ? []
      : [
          title,
          ...list.map(
            (one) =>
              `  - ${one.criterion}: ${one.because.en} (waits for: ${one.waits_for}${one.due_at ? `; by ${one.due_at.slice(0, 10)}` : ""})`,
          ),
        ];
  const reminders = requirements.reminders.map(
    ({ kind, criterion, occasion_at }) => `  ${kind}${criterion === null ? "" : ` ${criterion}`}, ${occasion_at.slice(0, 10)}`,
  );
  return [
    `${id}: ${state}, level ${level}, charter ${charter}${until ? `, until ${until.slice(0, 10)}` : ""}`,
    ...(reminders.length > 0 ? ["Reminders:", ...reminders] : []),
    ...lines("Past due:", requirements.past_due),
    ...lines("Due now:", requirements.currently_due),
    ...lines("Later:", requirements.eventually_due),
  ].join("\n");
}

interface Check {
  probe: string;
  outcome: string;
  detail: Words;
}

/** Whether it applied already or not: the register knows whom the key stands for. */
async function participantId(client: RegisterClient): Promise<string> {
  return (await client.get<{ participant: string | null }>("/v1/me")).participant ?? "";
}

async function checks(call: Call): Promise<number> {
  const client = await call.client();
  const path = `/v1/participants/${await participantId(client)}/checks`;
  if (call.values.run) await client.send("POST", path);
  let found = await client.get<{ running: boolean; checks: Check[] }>(path);
  while (call.values.run && found.running) {
    await sleep(POLL_MILLISECONDS);
    found = await client.get(path);
  }
  print(
    call.values.json
      ? JSON.stringify(found, null, 2)
      : found.checks.map(({ probe, outcome, detail }) => `${outcome.padEnd(8)} ${probe.padEnd(32)} ${detail.en}`).join("\n"),
  );
  return found.checks.some(({ outcome }) => outcome === "failed") ? EXIT.checkFailed : EXIT.fine;
}

async function openCase(client: RegisterClient): Promise<string> {
  return (await client.send<Case>("POST", "/v1/applications", { level: 1 })).id;
}

async function evidence(call: Call): Promise<number> {
  const [file] = call.rest;
  if (file === undefined) throw new UsageError("Name the file of the evidence.");
  const { values } = call;
  const query = {
    kind: needed(values, "kind"),
    date: needed(values, "date"),
    issuer: needed(values, "issuer"),
    name: file.split("/").at(-1) ?? "file",
    ...(values.certificate === undefined ? {} : { certificate: values.certificate, valid_until: needed(values, "valid-until") }),
  };
  const client = await call.client();
  const bytes = await readFile(file);
  const found = await client.upload<Case>(`/v1/applications/${await openCase(client)}/evidence`, { bytes, query });
  return show(values, found);
}

async function messages(call: Call): Promise<number> {
  const client = await call.client();
  const { applications } = await client.get<{ applications: { id: string }[] }>("/v1/applications");
  const path = `/v1/applications/${applications[0]?.id}/messages`;
  if (call.rest.length > 0) await client.send("POST", path, { text: call.rest.join(" ") });
  const found = await client.get<{ messages: { author: string; name: string; text: string; at: string }[] }>(path);
  print(
    call.values.json
      ? JSON.stringify(found, null, 2)
      : found.messages.map((one) => `${one.at} ${one.name} (${one.author})\n  ${one.text}`).join("\n"),
  );
  return EXIT.fine;
}

async function challenge(call: Call): Promise<number> {
  const client = await call.client();
  const found = await client.get<{ value: string; well_known: string; dns_name: string }>(
    `/v1/participants/${await participantId(client)}/challenge`,
  );
  print(
    call.values.json
      ? JSON.stringify(found, null, 2)
      : `Publish this line at ${found.well_known}\nor as a TXT record of ${found.dns_name}:\n\n${found.value}`,
  );
  return EXIT.fine;
}

async function invite(call: Call): Promise<number> {
  const client = await call.client();
  const found = await client.send<{ url: string; expires_at: string }>(
    "POST",
    `/v1/participants/${await participantId(client)}/invitations`,
  );
  print(
    call.values.json
      ? JSON.stringify(found, null, 2)
      : `Whoever opens this address first, signed in, acts for you. It works once, until ${found.expires_at}:\n\n${found.url}`,
  );
  return EXIT.fine;
}

function step(name: "withdraw" | "reopen"): Verb {
  return async (call) => {
    const client = await call.client();
    const { applications } = await client.get<{ applications: { id: string }[] }>("/v1/applications");
    return show(call.values, await client.send<Case>("POST", `/v1/applications/${applications[0]?.id}/steps/${name}`));
  };
}

async function leave(call: Call): Promise<number> {
  const client = await call.client();
  const reasons = { fr: needed(call.values, "reason-fr"), en: needed(call.values, "reason-en") };
  const found = await client.send<{ decision: { id: string } }>("POST", `/v1/participants/${await participantId(client)}/departure`, {
    reasons,
  });
  print(
    call.values.json
      ? JSON.stringify(found, null, 2)
      : `${found.decision.id}: the accreditation was given back. Nothing is sent to you any more; people keep the way out.`,
  );
  return EXIT.fine;
}

/** Progress goes to standard error: standard output holds the result alone. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
