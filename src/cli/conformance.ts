import { writeFile } from "node:fs/promises";
import { PROBE_NAMES } from "../core/conformance/probe-names.ts";
import type { ProbeResult } from "../core/conformance/probe.ts";
import { probesFor, runProbes } from "../core/conformance/run-probes.ts";
import { participantFrom } from "../core/register/participant-metadata.ts";
import type { Participant } from "../core/register/participant.ts";
import { EXIT, print, readWords, type Command } from "./command.ts";
import { asHtml, asJson, asJunit, type Report } from "./conformance-reports.ts";
import { startTrialBroker, type TrialBroker } from "./trial-broker.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `relais conformance run --target ENTITY [options]
relais conformance list

Looks at a participant as the register does, with the same code, before it applies. It acts as a broker of its own on this machine:
the participant has to trust the issuer that is printed for the time of the trial, and to publish a test account.

  --target URL         entity identifier of the participant
  --role ROLE          platform or holder; what it publishes where this is left out
  --only NAME          only this check; may be given several times
  --challenge VALUE    the value that shows control of the name
  --issuer-port N      port of the trial's broker on 127.0.0.1 (default: any free one)
  --issuer-wait        print the issuer, and wait for Enter before the checks begin
  --json FILE  --junit FILE  --html FILE     reports
  --allow-loopback     the participant runs on this machine

Exit code: 0 every check passed or did not have to run, 3 one failed, 2 usage, 1 the participant could not be read.`;

const OPTIONS = {
  target: { type: "string" },
  role: { type: "string" },
  only: { type: "string", multiple: true },
  challenge: { type: "string" },
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
  if (positionals[0] !== "run") throw new UsageError(`Say what to do: run or list.\n\n${HELP}`);
  const unknown = (values.only ?? []).filter((name) => !(PROBE_NAMES as readonly string[]).includes(name));
  if (unknown.length > 0) throw new UsageError(`There is no check called ${unknown.join(", ")}. "relais conformance list" names them.`);
  await using broker = await startTrialBroker({ port: Number(values["issuer-port"]), allowLoopback: values["allow-loopback"] });
  return await look(broker, values);
}

function list(): number {
  for (const role of ["platform", "holder"] as const)
    for (const { name, title } of probesFor({ roles: [role] })) print(`${role.padEnd(9)} ${name.padEnd(32)} ${title.en}`);
  return EXIT.fine;
}

async function look(broker: TrialBroker, values: Values): Promise<number> {
  const participant = await readParticipant(broker, values);
  process.stderr.write(`The trial's broker is ${broker.issuer}: ${participant.name} has to trust it.\n`);
  if (values["issuer-wait"]) await enter();
  const startedAt = new Date();
  const results = await runProbes(broker.ports, {
    participant,
    challenge: values.challenge ?? null,
    signal: new AbortController().signal,
    only: values.only ?? [],
    onResult: tell,
  });
  const report: Report = { target: participant.entityId, name: participant.name, roles: participant.roles, startedAt, results };
  await keep(values, report);
  const count = (outcome: ProbeResult["outcome"]): number => results.filter((result) => result.outcome === outcome).length;
  print(`\n${count("passed")} passed, ${count("failed")} failed, ${count("not_run")} not run`);
  return count("failed") > 0 ? EXIT.checkFailed : EXIT.fine;
}

async function readParticipant({ entityConfigurations }: TrialBroker, values: Values): Promise<Participant> {
  if (values.target === undefined) throw new UsageError(`--target is missing.\n\n${HELP}`);
  const described = participantFrom(await entityConfigurations.fetch(values.target.replace(/\/+$/, "")));
  const roles = described.roles.filter((role) => values.role === undefined || role === values.role);
  if (roles.length === 0)
    throw new UsageError(`--role: ${described.name} publishes ${described.roles.join(", ")}, and not ${values.role}.`);
  return { ...described, roles, id: "prt_trial", status: "registered" };
}

const SIGNS = { passed: "ok    ", failed: "FAILED", not_run: "-     " } as const;

function tell({ probe, outcome, detail, milliseconds }: ProbeResult): void {
  print(`${SIGNS[outcome]} ${probe.padEnd(32)} ${String(milliseconds).padStart(6)} ms  ${detail.en}`);
}

async function keep(values: Values, report: Report): Promise<void> {
  if (values.json) await writeFile(values.json, asJson(report));
  if (values.junit) await writeFile(values.junit, asJunit(report));
  if (values.html) await writeFile(values.html, asHtml(report));
}

async function enter(): Promise<void> {
  process.stderr.write("Press Enter once it does.\n");
  const { promise, resolve } = Promise.withResolvers<void>();
  process.stdin.once("data", () => resolve());
  await promise;
  process.stdin.pause();
}
