import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { EXIT, needed, print } from "./command.ts";
import type { Call, Values, Verb, Words } from "./platform-call.ts";
import type { RegisterClient } from "./register-client.ts";
import { UsageError } from "./usage-error.ts";

interface Requirement {
  criterion: string;
  title: Words;
  outcome: string;
  because: Words;
  waits_for: string;
  due_at: string | null;
}

/** An application as the register tells it, from its answers to its decision. */
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

/** Between two looks at what the register does meanwhile. */
export const POLL_MILLISECONDS = 1000;
const PATIENCE_MILLISECONDS = 15 * 60_000;
const UNDER_WAY = ["submitted", "checking"];

export async function apply(call: Call): Promise<number> {
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

export async function status(call: Call): Promise<number> {
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

async function openCase(client: RegisterClient): Promise<string> {
  return (await client.send<Case>("POST", "/v1/applications", { level: 1 })).id;
}

export async function evidence(call: Call): Promise<number> {
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

export async function messages(call: Call): Promise<number> {
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

export function step(name: "withdraw" | "reopen"): Verb {
  return async (call) => {
    const client = await call.client();
    const { applications } = await client.get<{ applications: { id: string }[] }>("/v1/applications");
    return show(call.values, await client.send<Case>("POST", `/v1/applications/${applications[0]?.id}/steps/${name}`));
  };
}

/** Progress goes to standard error: standard output holds the result alone. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
