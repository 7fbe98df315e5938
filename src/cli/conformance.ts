import { writeFile } from "node:fs/promises";
import { PROBE_NAMES } from "../core/conformance/probe-names.ts";
import { nameCriteria, type NamedResult } from "../core/conformance/name-criteria.ts";
import { probesFor, runProbes } from "../core/conformance/run-probes.ts";
import { participantFrom } from "../core/register/participant-metadata.ts";
import type { Participant } from "../core/register/participant.ts";
import { charterInForce } from "./charter-in-force.ts";
import { EXIT, print, readWords, type Command } from "./command.ts";
import { asHtml, asJson, asJunit, criteriaLines, type Report } from "./conformance-reports.ts";
import { signForCurl } from "./conformance-sign.ts";
import { startTrialBroker, type TrialBroker } from "./trial-broker.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `relais conformance run --target ENTITY [options]
relais conformance list
relais conformance sign --target ENTITY --url URL [--method M] [--body FILE] [--dataset ID]

Looks at a participant as the register does, with the same code, before it applies. It acts as a broker of its own on this machine:
the participant has to trust the issuer that is printed for the time of the trial, and to publish a test account.

  --target URL         entity identifier of the participant
  --role ROLE          platform or holder; what it publishes where this is left out
  --only NAME          only this check; may be given several times
  --challenge VALUE    the value that shows control of the name
  --issuer-port N      port of the trial's broker on 127.0.0.1 (default: any free one)
  --issuer-wait        print the issuer, and wait for Enter before the checks begin
  --deadline SECONDS   for one check (default 20; once it was used up, 4 for those that follow)
  --json FILE  --junit FILE  --html FILE     reports
  --allow-loopback     the participant runs on this machine

"sign" prints one request as a curl command, signed by a broker of its own, or with --dataset under a token for the test account. The command is
good once, while this one waits for Enter, and the participant has to trust the issuer that is printed.

  --url URL            where the request goes         --method M   (default GET)
  --body FILE          what it carries, --type its media type (default application/json), --key its Idempotency-Key
  --dataset ID         under a token for this data set, as a source is asked

Exit code: 0 every check passed or did not have to run, 3 one failed, 2 usage.`;

const OPTIONS = {
  target: { type: "string" },
  role: { type: "string" },
  only: { type: "string", multiple: true },
  challenge: { type: "string" },
  deadline: { type: "string" },
  url: { type: "string" },
  method: { type: "string", default: "GET" },
  body: { type: "string" },
  type: { type: "string" },
  key: { type: "string" },
  dataset: { type: "string" },
  "issuer-port": { type: "string", default: "0" },
  "issuer-wait": { type: "boolean", default: false },
  json: { type: "string" },
  junit: { type: "string" },
  html: { type: "string" },
  "allow-loopback": { type: "boolean", default: false },
} as const;

type Values = ReturnType<typeof readWords<typeof OPTIONS>>["values"];

export const CONFORMANCE: Command = { summary: "look at a participant as the register does", help: HELP, run };

async function run(words: string[]): Promise<number> {
  const { values, positionals } = readWords(words, OPTIONS, HELP);
  if (positionals[0] === "list") return list();
  if (positionals[0] !== "run" && positionals[0] !== "sign") throw new UsageError(`Say what to do: run, sign or list.\n\n${HELP}`);
  const unknown = (values.only ?? []).filter((name) => !(PROBE_NAMES as readonly string[]).includes(name));
  if (unknown.length > 0) throw new UsageError(`There is no check called ${unknown.join(", ")}. "relais conformance list" names them.`);
  const target = addressed(values.target, "target");
  await using broker = await startTrialBroker({ port: Number(values["issuer-port"]), allowLoopback: values["allow-loopback"] });
  return await (positionals[0] === "sign" ? sign(broker, target, values) : look(broker, target, values));
}

function addressed(value: string | undefined, option: string): string {
  if (value === undefined) throw new UsageError(`--${option} is missing.\n\n${HELP}`);
  if (!URL.canParse(value)) throw new UsageError(`--${option}: "${value}" is not an address.`);
  return value.replace(/\/+$/, "");
}

async function sign(broker: TrialBroker, target: string, values: Values): Promise<number> {
  const { method, body, type, key, dataset } = values;
  process.stderr.write(`The trial's broker is ${broker.issuer}: the participant has to trust it.\n`);
  return signForCurl(broker, { target, url: addressed(values.url, "url"), method, body, type, key, dataset }, () =>
    enter("Press Enter when done."),
  );
}

function list(): number {
  const { criteria } = charterInForce();
  for (const role of ["platform", "holder"] as const)
    for (const { name, title } of probesFor({ roles: [role] })) {
      const shown = criteria.filter(
        ({ check, appliesTo }) => check.kind === "probe" && check.probes.includes(name) && appliesTo.includes(role),
      );
      print(`${role.padEnd(9)} ${name.padEnd(32)} ${title.en} [${shown.map(({ id }) => id).join(", ")}]`);
    }
  return EXIT.fine;
}

async function look(broker: TrialBroker, target: string, values: Values): Promise<number> {
  const { participant, isDescribed } = await readParticipant(broker, target, values);
  process.stderr.write(`The trial's broker is ${broker.issuer}: ${participant.name} has to trust it.\n`);
  if (values["issuer-wait"]) await enter("Press Enter once it does.");
  const startedAt = new Date();
  const charter = charterInForce();
  const results: NamedResult[] = [];
  await runProbes(broker.ports, {
    participant,
    isDescribed,
    challenge: values.challenge ?? null,
    signal: new AbortController().signal,
    only: values.only ?? [],
    ...(values.deadline === undefined ? {} : { deadlineSeconds: Number(values.deadline) }),
    onResult: (result) => {
      const named = nameCriteria(charter, participant.roles, result);
      results.push(named);
      tell(named);
    },
  });
  const { entityId, name, roles } = participant;
  await keep(values, { target: entityId, name, roles, charter: charter.version, startedAt, results });
  const count = (outcome: NamedResult["outcome"]): number => results.filter((result) => result.outcome === outcome).length;
  print(`\n${count("passed")} passed, ${count("failed")} failed, ${count("not_run")} not run`);
  return count("failed") > 0 ? EXIT.checkFailed : EXIT.fine;
}

/** A description that cannot be read is the first thing found, and no end of the look. */
async function readParticipant(
  { entityConfigurations }: TrialBroker,
  target: string,
  { role }: Values,
): Promise<{ participant: Participant; isDescribed: boolean }> {
  const described = await entityConfigurations
    .fetch(target)
    .then(participantFrom)
    .catch(() => null);
  if (described === null) return { participant: unread(target, role), isDescribed: false };
  const roles = described.roles.filter((one) => role === undefined || one === role);
  if (roles.length === 0) throw new UsageError(`--role: ${described.name} publishes ${described.roles.join(", ")}, and not ${role}.`);
  return { participant: { ...described, roles, id: "prt_trial", status: "registered" }, isDescribed: true };
}

function unread(entityId: string, role: string | undefined): Participant {
  return {
    id: "prt_trial",
    entityId,
    name: new URL(entityId).host,
    roles: [role === "holder" ? "holder" : "platform"],
    adapter: "self-data",
    endpoints: {},
    keys: [],
    datasets: [],
    about: { country: "", privacyContact: "" },
    status: "registered",
    client: null,
  };
}

const SIGNS = { passed: "ok    ", failed: "FAILED", not_run: "-     " } as const;

/** What failed is told with the criterion that it concerns, and how to see it by hand. */
function tell(result: NamedResult): void {
  const { probe, outcome, detail, milliseconds, reproduce } = result;
  print(`${SIGNS[outcome]} ${probe.padEnd(32)} ${String(milliseconds).padStart(6)} ms  ${detail.en}`);
  if (outcome !== "failed") return;
  for (const line of criteriaLines(result, "en")) print(`         criterion ${line}`);
  for (const line of reproduce.split("\n")) print(`         ${line}`);
}

async function keep(values: Values, report: Report): Promise<void> {
  if (values.json) await writeFile(values.json, asJson(report));
  if (values.junit) await writeFile(values.junit, asJunit(report));
  if (values.html) await writeFile(values.html, asHtml(report));
}

async function enter(asked: string): Promise<void> {
  process.stderr.write(`${asked}\n`);
  const { promise, resolve } = Promise.withResolvers<void>();
  process.stdin.once("data", () => resolve());
  await promise;
  process.stdin.pause();
}
