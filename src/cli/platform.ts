import { EXIT, needed, print, readWords, type Command } from "./command.ts";
import { apply, evidence, messages, status, step } from "./platform-application.ts";
import { OPTIONS, type Call, type Values, type Verb, type Words } from "./platform-call.ts";
import { events } from "./platform-events.ts";
import { HOLDER_VERBS } from "./platform-holders.ts";
import { challenge, checks, invite, leave } from "./platform-standing.ts";
import { publicCall, registerClient } from "./register-client.ts";
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
