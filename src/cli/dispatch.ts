import { EXIT, needed, print, readWords, type Command } from "./command.ts";
import { registerClient } from "./register-client.ts";
import { columns, plain } from "./register-words.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `relais dispatch <verb> PARTICIPANT --relais URL --as NAME --key FILE

How many transfers a participant takes, when, and what is paused for a while: said by itself (NAME is its address) or by an operator (NAME is
the office that the settings give, RELAIS_STAFF_FILE). PARTICIPANT is its id in the register. DATASET is a data set, or '*' for all.

  show PARTICIPANT               what counts now, who said it and when, and what is paused
  limit PARTICIPANT              [--per-second N] [--per-hour N] [--concurrent N] [--hours 22:00-06:00 --zone Europe/Paris [--days 1,2,3,4,5]]
                                 what is not named stays as it was; none instead of a value: no limit of its own
  pause PARTICIPANT [DATASET]    --reason T; what runs breaks off within a second, and goes on from there afterwards
  resume PARTICIPANT [DATASET]   each lifts its own pauses: a participant none of the operator's, nor the other way round

Days are those on which a span begins: 1 is Monday. A reason is read by the participant and the operator: no names of people in it.
--json prints the answer as it is. Exit code: 0, 1 failed, 2 usage, 4 not allowed.`;

const OPTIONS = {
  relais: { type: "string" },
  as: { type: "string" },
  key: { type: "string" },
  "per-second": { type: "string" },
  "per-hour": { type: "string" },
  concurrent: { type: "string" },
  hours: { type: "string" },
  zone: { type: "string" },
  days: { type: "string", default: "1,2,3,4,5,6,7" },
  reason: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

/** Of `GET /v1/participants/{id}/capacity`. */
interface Terms {
  per_second: number | null;
  per_hour: number | null;
  concurrent: number | null;
  hours: { time_zone: string; from: string; to: string; days: number[] } | null;
}

interface Stated extends Terms {
  set_by: string | null;
  changed_at: string | null;
  pauses: { dataset: string; by: string; reason: string; since: string }[];
}

type Values = ReturnType<typeof readWords<typeof OPTIONS>>["values"];

interface Call {
  client: Awaited<ReturnType<typeof registerClient>>;
  values: Values;
  /** Of the participant, in the API. */
  path: string;
  dataset: string;
}

const VERBS: Record<string, (call: Call) => Promise<Stated>> = {
  show: ({ client, path }) => client.get(`${path}/capacity`),
  limit,
  pause: ({ client, values, path, dataset }) =>
    client.send("PUT", `${path}/pauses/${encodeURIComponent(dataset)}`, { reason: needed(values, "reason") }),
  resume: ({ client, path, dataset }) => client.send("DELETE", `${path}/pauses/${encodeURIComponent(dataset)}`),
};

export const DISPATCH: Command = { summary: "how many transfers a participant takes and when, and what is paused", help: HELP, run };

async function run(words: string[]): Promise<number> {
  const { values, positionals } = readWords(words, OPTIONS, HELP);
  const [name = "", participant, dataset = "*"] = positionals;
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (!verb) throw new UsageError(`There is no "relais dispatch ${name}".\n\n${HELP}`);
  if (participant === undefined) throw new UsageError(`Name the participant by its id in the register.\n\n${HELP}`);
  const relais = needed(values, "relais").replace(/\/+$/, "");
  const client = await registerClient({ relais, clientId: clientOf(relais, needed(values, "as")), keyFile: needed(values, "key") });
  const stated = await verb({ client, values, path: `/v1/participants/${encodeURIComponent(participant)}`, dataset });
  print(values.json ? JSON.stringify(stated, null, 2) : describe(stated));
  return EXIT.fine;
}

/** A participant is named by its address, an office by its name. */
function clientOf(relais: string, as: string): string {
  return URL.canParse(as) ? as : `${relais}/staff/${encodeURIComponent(as)}`;
}

async function limit({ client, values, path }: Call): Promise<Stated> {
  const { per_second, per_hour, concurrent, hours } = await client.get<Stated>(`${path}/capacity`);
  const wanted: Terms = {
    per_second: countOf(values, "per-second", per_second),
    per_hour: countOf(values, "per-hour", per_hour),
    concurrent: countOf(values, "concurrent", concurrent),
    hours: hoursOf(values, hours),
  };
  return client.send("PUT", `${path}/capacity`, wanted);
}

function countOf(values: Values, name: "per-second" | "per-hour" | "concurrent", before: number | null): number | null {
  const given = values[name];
  if (given === undefined) return before;
  if (given === "none") return null;
  if (!/^[1-9]\d*$/.test(given)) throw new UsageError(`--${name} is a whole number, or none.`);
  return Number(given);
}

function hoursOf(values: Values, before: Terms["hours"]): Terms["hours"] {
  const { hours } = values;
  if (hours === undefined) return before;
  if (hours === "none") return null;
  const [from, to, ...more] = hours.split("-");
  if (!from || !to || more.length > 0) throw new UsageError("--hours is from-to, such as 22:00-06:00, or none.");
  return { time_zone: needed(values, "zone"), from, to, days: values.days.split(",").map(Number) };
}

function describe({ pauses, set_by: setBy, changed_at: changedAt, ...terms }: Stated): string {
  const limits: [string, string | number | null][] = [
    ["per second", terms.per_second],
    ["per hour", terms.per_hour],
    ["at the same time", terms.concurrent],
    ["hours", terms.hours && `${terms.hours.from} to ${terms.hours.to}, ${terms.hours.time_zone}, days ${terms.hours.days.join(", ")}`],
    ["said by", setBy === null ? "nobody" : `the ${setBy}, ${changedAt}`],
  ];
  const paused = pauses.map(({ dataset, by, since, reason }) => [plain(dataset), `by the ${by}`, `since ${since}`, plain(reason)]);
  return [
    ...columns(limits.map(([name, value]) => [name, String(value ?? "no limit of its own")])),
    ...(paused.length === 0 ? ["nothing is paused"] : ["", "paused", ...columns(paused).map((line) => `  ${line}`)]),
  ].join("\n");
}
