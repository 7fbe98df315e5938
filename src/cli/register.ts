import { EXIT, print, readWords, type Command } from "./command.ts";
import { FILTERS, OPTIONS, type Call, type Listed, type ListPage } from "./register-call.ts";
import { exportRegister } from "./register-export.ts";
import { Refused, publicCall } from "./register-client.ts";
import { columns, plain } from "./register-words.ts";
import { runningHere } from "./running-here.ts";
import { trustListOf } from "./trust-list.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `relais register <verb> [--relais URL]

The public register: who takes part, and who is accredited now. Anybody may read it; no key is needed.

  list                  participants in the order of their names, a page at a time   [filters] [--limit N] [--cursor TEXT]
  show ID               one participant and the decisions about it; ID is its id (prt_…) or its entity identifier (https://…)
  export                all of them, as a table (CSV) or, with --json, one JSON object a line   [filters] [--out FILE]
  trust-list            everybody who is accredited now, in one signed list, fetched and checked   [--anchor URL] [--out FILE]

Filters, of which each participant must pass all:
  --role WORD           holder, platform or service
  --name TEXT           a part of the name; accents and capitals do not matter
  --standing WORD       registered, accredited, suspended, revoked or expired: as it is now
  --level N             0 in the sandbox, 1 automatic checks passed, 2 evidence read by two people
  --country CODE        where data is kept, such as FR
  --dataset NAME        gives this data set back, such as energy.bills
  --kind WORD           gives this kind of data back: administrative, transactional, trace or derived

  --relais URL          the Relais to ask; without it the one that runs here
  --anchor URL          whose list it must be; without it that of the Relais that is asked
  --out FILE            where it is written: the file is there once it is whole. Without it, to standard output
  --json                the answer for programs

The list as "relais verify" takes it: relais register trust-list --out list.jws
Exit code: 0, 1 the register cannot be read, 2 wrong use, 3 the list does not verify, 4 there is no such participant.`;

/** Which options each verb takes beside `--relais` and `--json`: another one is wrong use, not ignored. */
const VERBS: Record<string, { verb: (call: Call) => Promise<number>; takes: readonly string[]; words: number }> = {
  list: { verb: list, takes: [...FILTERS, "limit", "cursor"], words: 0 },
  show: { verb: show, takes: [], words: 1 },
  export: { verb: exportRegister, takes: [...FILTERS, "out"], words: 0 },
  "trust-list": { verb: trustListOf, takes: ["anchor", "out"], words: 0 },
};

export const REGISTER: Command = { summary: "read the public register: search, export, signed list", help: HELP, run };

async function run(words: string[]): Promise<number> {
  const { values, positionals } = readWords(words, OPTIONS, HELP);
  const [name = "", ...rest] = positionals;
  const found = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (!found) throw new UsageError(`There is no "relais register ${name}".\n\n${HELP}`);
  const strange = Object.keys(values).find((option) => !["relais", "json", ...found.takes].includes(option));
  if (strange !== undefined || rest.length !== found.words)
    throw new UsageError(`"relais register ${name}" is not used like this${strange ? `: --${strange}` : ""}.\n\n${HELP}`);
  const relais = (values.relais ?? (await runningHere("--relais"))).replace(/\/+$/, "");
  const query = new URLSearchParams(FILTERS.flatMap((filter) => (values[filter] === undefined ? [] : [[filter, values[filter]]])));
  return found.verb({ relais, values, rest, query }).catch(asUsage);
}

/** What the register does not take as a filter is wrong use here. */
function asUsage(error: unknown): never {
  throw error instanceof Refused && error.status === 400 ? new UsageError(error.message) : error;
}

async function list({ relais, values, query }: Call): Promise<number> {
  for (const name of ["limit", "cursor"] as const) if (values[name] !== undefined) query.set(name, values[name]);
  const page = await publicCall<ListPage>(relais, `/v1/participants?${query}`);
  if (values.json) print(JSON.stringify(page, null, 2));
  else print([...rowsOf(page.participants), "", summaryOf(page)].join("\n"));
  return EXIT.fine;
}

function rowsOf(participants: Listed[]): string[] {
  const head = ["NAME", "ROLES", "STANDING", "LEVEL", "UNTIL", "COUNTRY", "ID"];
  return columns([
    head,
    ...participants.map(({ id, name, roles, status, country, trust_mark: mark }) => [
      plain(name),
      roles.join(" "),
      status,
      mark === null ? "" : String(mark.level),
      mark === null ? "" : mark.expires_at.slice(0, 10),
      plain(country),
      id,
    ]),
  ]);
}

function summaryOf({ participants, total, next }: ListPage): string {
  const of = total === null ? `${participants.length} more` : `${participants.length} of ${total}`;
  return next === null ? `${of}.` : `${of}. The next ones: the same command with --cursor ${next}`;
}

interface Decided {
  decisions: { id: string; kind: string; level: number | null; decided_at: string; reasons: { en: string } }[];
}

async function show({ relais, values, rest }: Call): Promise<number> {
  const participant = await find(relais, rest[0] ?? "");
  const { decisions } = await publicCall<Decided>(relais, `/v1/participants/${participant.id}/decisions`);
  if (values.json) print(JSON.stringify({ ...participant, decisions }, null, 2));
  else print(describe(relais, participant, decisions).join("\n"));
  return EXIT.fine;
}

/** By its id, or by its entity identifier. */
async function find(relais: string, given: string): Promise<Listed> {
  if (!given.startsWith("http")) return publicCall<Listed>(relais, `/v1/participants/${encodeURIComponent(given)}`);
  const query = new URLSearchParams({ entity_id: given });
  const [found] = (await publicCall<ListPage>(relais, `/v1/participants?${query}`)).participants;
  if (found === undefined) throw new Refused(404, { detail: `${given} is not in the register of ${relais}.` });
  return found;
}

function describe(relais: string, participant: Listed, decisions: Decided["decisions"]): string[] {
  const { trust_mark: mark, datasets } = participant;
  return [
    plain(participant.name),
    ...columns([
      ["  id", participant.id],
      ["  entity", plain(participant.entity_id)],
      ["  roles", participant.roles.join(", ")],
      ["  standing", participant.status + (mark === null ? "" : `, level ${mark.level}, until ${mark.expires_at.slice(0, 10)}`)],
      ["  data kept in", plain(participant.country)],
      ["  gives back", datasets.length === 0 ? "nothing" : datasets.map(({ id }) => id).join(", ")],
      ["  page", `${relais}/en/register/${participant.id}`],
    ]),
    ...decisions.map(({ kind, level, decided_at: at, reasons }) => {
      const what = `${kind}${level === null ? "" : `, level ${level}`}`;
      return `  ${at.slice(0, 10)}  ${what}: ${plain(reasons.en)}`;
    }),
  ];
}
