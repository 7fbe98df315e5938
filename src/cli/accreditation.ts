import { writeFile } from "node:fs/promises";
import { EXIT, needed, print, readWords, type Command } from "./command.ts";
import type { Claim, Restriction } from "./holder-answers.ts";
import { describeClaims, describeRestrictions } from "./holder-words.ts";
import { describeCase, type Case } from "./platform-application.ts";
import { registerClient, type RegisterClient } from "./register-client.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `relais accreditation <verb> --relais URL --as NAME --key FILE

What an accreditor does, in the name of the office that the operator gave (RELAIS_STAFF_FILE); the authority may read.

  queue                          what waits, the longest first
  show APPLICATION               criteria, evidence, what changed since the last submission
  evidence EVIDENCE --out FILE   a document, as a file
  messages APPLICATION [TEXT]    read the messages, or write one
  review APPLICATION             --verdict accredit|refuse|request_changes --round N --without-conflict --met ID,ID
                                 --reason-fr T --reason-en T [--remedy-fr T --remedy-en T]
  restrictions [PLATFORM]        platforms that holders restrict, with their reasons, newest first
  certificates                   certificates that wait to be read
  certificate CERTIFICATE        read one --out FILE, or decide --verdict accept|refuse --without-conflict --reason-fr T --reason-en T
  preview PARTICIPANT            what a suspension would stop
  suspend | reinstate | revoke | reopen PARTICIPANT    --reason-fr T --reason-en T [--remedy-fr T --remedy-en T]
  organisation ORGANISATION suspend|reinstate|revoke   --reason-fr T --reason-en T [--remedy-fr T --remedy-en T]
  keys PARTICIPANT               its keys that count, and those that it signs with now and that wait for you
  confirm-keys PARTICIPANT       --kid THUMBPRINT[,THUMBPRINT]: all keys that it publishes, once you asked it by another channel
  notices PARTICIPANT            who was told of it, who acknowledged and when; what was given up
  retry NOTICE                   send again what was given up

A suspension takes one accreditor; everything else takes two: the second one gives the same command. --json prints the answer as it is.
Exit code: 0, 1 failed, 2 usage, 4 not allowed.`;

const OPTIONS = {
  relais: { type: "string" },
  as: { type: "string" },
  key: { type: "string" },
  verdict: { type: "string" },
  round: { type: "string" },
  "without-conflict": { type: "boolean", default: false },
  met: { type: "string", default: "" },
  kid: { type: "string" },
  "reason-fr": { type: "string" },
  "reason-en": { type: "string" },
  "remedy-fr": { type: "string" },
  "remedy-en": { type: "string" },
  out: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

interface Call {
  client: RegisterClient;
  values: ReturnType<typeof readWords<typeof OPTIONS>>["values"];
  /** The id that the verb is about. */
  id: string;
  rest: string[];
}

type Verb = (call: Call) => Promise<string>;

const VERBS: Record<string, Verb> = {
  queue,
  show,
  evidence,
  messages,
  review,
  restrictions,
  certificates,
  certificate,
  preview,
  suspend: standing("suspend"),
  reinstate: standing("reinstate"),
  revoke: standing("revoke"),
  reopen: standing("reopen"),
  organisation,
  keys,
  "confirm-keys": confirmKeys,
  notices,
  retry,
};

export const ACCREDITATION: Command = { summary: "decide on applications and standings", help: HELP, run };

async function run(words: string[]): Promise<number> {
  const { values, positionals } = readWords(words, OPTIONS, HELP);
  const [name = "", id, ...rest] = positionals;
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (!verb) throw new UsageError(`There is no "relais accreditation ${name}".\n\n${HELP}`);
  if (id === undefined && !["queue", "restrictions", "certificates"].includes(name))
    throw new UsageError(`Say which one: relais accreditation ${name} ID`);
  const relais = needed(values, "relais").replace(/\/+$/, "");
  const clientId = `${relais}/staff/${encodeURIComponent(needed(values, "as"))}`;
  const client = await registerClient({ relais, clientId, keyFile: needed(values, "key") });
  print(await verb({ client, values, id: id ?? "", rest }));
  return EXIT.fine;
}

const asJson = (value: unknown): string => JSON.stringify(value, null, 2);

async function queue({ client, values }: Call): Promise<string> {
  const found = await client.get<{ applications: { id: string; name: string; state: string; level: number; days: number }[] }>(
    "/v1/applications",
  );
  if (values.json) return asJson(found);
  if (found.applications.length === 0) return "Nothing waits.";
  return found.applications
    .map((one) => `${one.id}  ${String(one.days).padStart(3)} d  level ${one.level}  ${one.state.padEnd(18)} ${one.name}`)
    .join("\n");
}

async function show({ client, values, id }: Call): Promise<string> {
  const found = await client.get<
    Case & {
      round: number;
      changed_answers: string[];
      answers: object;
      evidence: { id: string; kind: string; file_name: string; bytes: number }[];
    }
  >(`/v1/applications/${id}`);
  if (values.json) return asJson(found);
  return [
    describeCase(found),
    `Round ${found.round}; changed since the last submission: ${found.changed_answers.join(", ") || "nothing"}`,
    "Answers:",
    ...Object.entries(found.answers).map(([name, value]) => `  ${name}: ${JSON.stringify(value)}`),
    "Evidence:",
    ...found.evidence.map((one) => `  ${one.id}  ${one.kind}  ${one.file_name} (${one.bytes} bytes)`),
  ].join("\n");
}

async function evidence({ client, values, id }: Call): Promise<string> {
  const file = needed(values, "out");
  await writeFile(file, (await client.download(`/v1/evidence/${id}`)).bytes, { flag: "wx" });
  return `${file}: written. Open it in a viewer that runs nothing of it.`;
}

async function messages({ client, values, id, rest }: Call): Promise<string> {
  if (rest.length > 0) await client.send("POST", `/v1/applications/${id}/messages`, { text: rest.join(" ") });
  const found = await client.get<{ messages: { author: string; name: string; text: string; at: string }[] }>(
    `/v1/applications/${id}/messages`,
  );
  return values.json ? asJson(found) : found.messages.map((one) => `${one.at} ${one.name} (${one.author})\n  ${one.text}`).join("\n");
}

const reasonsOf = (values: Call["values"]) => ({ fr: needed(values, "reason-fr"), en: needed(values, "reason-en") });
const remedyOf = (values: Call["values"]) =>
  values["remedy-fr"] === undefined && values["remedy-en"] === undefined
    ? null
    : { fr: needed(values, "remedy-fr"), en: needed(values, "remedy-en") };

async function review({ client, values, id }: Call): Promise<string> {
  const found = await client.send<Outcome>("POST", `/v1/applications/${id}/reviews`, {
    round: Number(needed(values, "round")),
    verdict: needed(values, "verdict"),
    without_conflict: values["without-conflict"],
    met: values.met.split(",").filter((criterion) => criterion !== ""),
    reasons: reasonsOf(values),
    remedy: remedyOf(values),
  });
  return outcome(values, found);
}

interface Outcome {
  decision: { id: string; kind: string; log_index: number; effects: { paused: number } } | null;
}

function outcome(values: Call["values"], found: Outcome): string {
  if (values.json) return asJson(found);
  if (found.decision === null) return "Taken down. A second accreditor has to confirm it.";
  const { id, kind, log_index, effects } = found.decision;
  return `${id}: ${kind}, number ${log_index} in the public log; ${effects.paused} transfers stopped.`;
}

async function preview({ client, values, id }: Call): Promise<string> {
  const found = await client.get<{ transfers: number; permissions: number }>(`/v1/participants/${id}/standing/preview`);
  return values.json
    ? asJson(found)
    : `A suspension would stop ${found.transfers} transfers now, and rest ${found.permissions} permissions.`;
}

async function restrictions({ client, values, id }: Call): Promise<string> {
  const search = (before: number | null): string =>
    new URLSearchParams({ ...(id === "" ? {} : { platform: id }), ...(before === null ? {} : { before: String(before) }) }).toString();
  const all: Restriction[] = [];
  for (let next: number | null = null; ;) {
    const page: { restrictions: Restriction[]; next: number | null } = await client.get(`/v1/restrictions?${search(next)}`);
    all.push(...page.restrictions);
    if (page.next === null) return values.json ? asJson({ restrictions: all }) : describeRestrictions(all);
    ({ next } = page);
  }
}

async function certificates({ client, values }: Call): Promise<string> {
  const found = await client.get<{ certificates: Claim[] }>("/v1/certificates");
  return values.json ? asJson(found) : describeClaims(found.certificates);
}

async function certificate({ client, values, id }: Call): Promise<string> {
  if (values.out !== undefined) {
    await writeFile(values.out, (await client.download(`/v1/certificates/${id}/file`)).bytes, { flag: "wx" });
    return `${values.out}: written. Open it in a viewer that runs nothing of it.`;
  }
  const claim = await client.send<Claim>("POST", `/v1/certificates/${id}/readings`, {
    verdict: needed(values, "verdict"),
    without_conflict: values["without-conflict"],
    reasons: reasonsOf(values),
  });
  return values.json ? asJson(claim) : describeClaims([claim]);
}

function standing(kind: "suspend" | "reinstate" | "revoke" | "reopen"): Verb {
  return async ({ client, values, id }) => {
    return outcome(
      values,
      await client.send<Outcome>("POST", `/v1/participants/${id}/standing`, { kind, reasons: reasonsOf(values), remedy: remedyOf(values) }),
    );
  };
}

async function organisation({ client, values, id, rest: [kind] }: Call): Promise<string> {
  const found = await client.send<{ id: string; status: string; decided: boolean; cascaded: number }>(
    "POST",
    `/v1/organisations/${id}/standing`,
    { kind, reasons: reasonsOf(values), remedy: remedyOf(values) },
  );
  if (values.json) return asJson(found);
  if (!found.decided) return "Taken down. A second accreditor has to confirm it.";
  return `${found.id} is ${found.status}; ${found.cascaded} participants with it.`;
}

interface Keys {
  known: { kid: string | null; thumbprint: string }[];
  published: { kid: string | null; thumbprint: string }[] | null;
  waiting: Record<string, string> | null;
  confirmed_by: string | null;
}

async function keys({ client, values, id }: Call): Promise<string> {
  return describeKeys(values, await client.get<Keys>(`/v1/participants/${id}/keys`));
}

async function confirmKeys({ client, values, id }: Call): Promise<string> {
  const thumbprints = needed(values, "kid").split(",");
  return describeKeys(values, await client.send<Keys>("POST", `/v1/participants/${id}/keys`, { keys: thumbprints }));
}

function describeKeys(values: Call["values"], found: Keys): string {
  if (values.json) return asJson(found);
  const lines = (list: Keys["known"]) => list.map(({ kid, thumbprint }) => `  ${thumbprint}${kid === thumbprint ? "" : `  called ${kid}`}`);
  return [
    "Keys that count:",
    ...lines(found.known),
    ...(found.published ? ["Keys that it signs with now, which nobody confirmed:", ...lines(found.published)] : []),
    ...(found.waiting
      ? [
          "Where it wants to be spoken to, until a look has passed:",
          ...Object.entries(found.waiting).map(([name, url]) => `  ${name}: ${url}`),
        ]
      : []),
    ...(found.confirmed_by ? [`Confirmed by ${found.confirmed_by}. A second accreditor has to give the same command.`] : []),
  ].join("\n");
}

interface Notice {
  id: string;
  name: string;
  type: string;
  created_at: string;
  acknowledged_at: string | null;
  given_up_at: string | null;
  attempts: number;
  last_failure: string | null;
}

async function notices({ client, values, id }: Call): Promise<string> {
  const found = await client.get<{ notices: Notice[] }>(`/v1/participants/${id}/notices`);
  if (values.json) return asJson(found);
  if (found.notices.length === 0) return "Nobody was told anything about it.";
  return found.notices.map((one) => `${one.id}  ${one.created_at}  ${one.type.padEnd(24)} ${one.name}\n  ${fateOf(one)}`).join("\n");
}

function fateOf({ acknowledged_at, given_up_at, attempts, last_failure }: Notice): string {
  if (acknowledged_at !== null) return `acknowledged at ${acknowledged_at}`;
  const why = last_failure === null ? "" : `: ${last_failure}`;
  return given_up_at === null ? `on its way, ${attempts} attempts${why}` : `given up at ${given_up_at} after ${attempts} attempts${why}`;
}

async function retry({ client, values, id }: Call): Promise<string> {
  await client.send("POST", `/v1/notices/${id}/retry`);
  return values.json ? asJson({ id, due: true }) : `${id} is sent again.`;
}
