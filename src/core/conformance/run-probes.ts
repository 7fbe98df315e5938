import { asRelaisError } from "../errors.ts";
import type { Participant } from "../register/participant.ts";
import { CHANGES_PROBE } from "./changes-probe.ts";
import { ENTITY_PROBES } from "./entity-probes.ts";
import { HOLDER_PROBES, REVERSIBILITY_PROBES } from "./export-probes.ts";
import { INBOX_PROBES } from "./inbox-probes.ts";
import { PROPOSAL_PROBES } from "./proposal-probes.ts";
import type { ProbeResult } from "./probe.ts";
import { failed, notRun, type Finding, type Look, type Probe, type ProbePorts } from "./probing.ts";

/** A look at one participant. */
export interface Asked {
  participant: Participant;
  challenge: string | null;
  signal: AbortSignal;
  /** Only these; all of its roles where empty. */
  only?: readonly string[];
  onResult?: (result: ProbeResult) => void;
  /** False where its description could not be read: what it says of itself is all that can be looked at then. */
  isDescribed?: boolean;
  /** For one check. */
  deadlineSeconds?: number;
}

const DEADLINE_SECONDS = 20;
/** Who left one check without an answer gets less time for the others: a look at somebody silent ends too. */
const IMPATIENT_SECONDS = 4;

/** The probes of this participant's roles, each once. */
export function probesFor({ roles }: Pick<Participant, "roles">): Probe[] {
  const all = [
    ...ENTITY_PROBES,
    ...(roles.includes("platform") ? [...INBOX_PROBES, ...REVERSIBILITY_PROBES] : []),
    ...(roles.includes("holder") ? [...HOLDER_PROBES, CHANGES_PROBE, ...PROPOSAL_PROBES] : []),
  ];
  return [...new Map(all.map((probe) => [probe.name, probe])).values()];
}

/** One after the other, each with a deadline of its own. Nothing that the participant does makes it throw. */
export async function runProbes(ports: ProbePorts, asked: Asked): Promise<ProbeResult[]> {
  const results: ProbeResult[] = [];
  let seconds = asked.deadlineSeconds ?? DEADLINE_SECONDS;
  for (const probe of probesFor(asked.participant)) {
    if (asked.only && asked.only.length > 0 && !asked.only.includes(probe.name)) continue;
    const result = await runOne(ports, asked, probe, seconds);
    if (result.milliseconds >= seconds * 1000) seconds = Math.min(seconds, IMPATIENT_SECONDS);
    asked.onResult?.(result);
    results.push(result);
  }
  return results;
}

const UNDESCRIBED: Finding = notRun(
  "Sa description ne peut pas être lue : elle dirait où regarder.",
  "Its description cannot be read, which would say where to look.",
);

async function runOne(ports: ProbePorts, asked: Asked, probe: Probe, seconds: number): Promise<ProbeResult> {
  const { participant, challenge, signal: whole, isDescribed = true } = asked;
  const startedAt = ports.clock.now();
  const deadline = AbortSignal.timeout(seconds * 1000);
  const signal = AbortSignal.any([whole, deadline]);
  const look: Look = { ...ports, participant, challenge, signal, fetch: ports.fetchFor(participant, signal) };
  const isBlind = !isDescribed && !ENTITY_PROBES.includes(probe);
  const { outcome, detail } = isBlind ? UNDESCRIBED : await inTime(probe.run(look), deadline).catch(findingOf);
  return {
    probe: probe.name,
    outcome,
    title: probe.title,
    detail: { fr: redacted(detail.fr, participant), en: redacted(detail.en, participant) },
    reproduce: redacted(probe.reproduce(look), participant),
    startedAt,
    milliseconds: ports.clock.now().getTime() - startedAt.getTime(),
  };
}

/** The deadline holds whatever a probe waits for. */
async function inTime(work: Promise<Finding>, deadline: AbortSignal): Promise<Finding> {
  const { promise: late, resolve } = Promise.withResolvers<Finding>();
  deadline.addEventListener("abort", () => resolve(SILENT), { once: true });
  return Promise.race([work, late]);
}

const SILENT: Finding = failed("Pas de réponse dans le délai, ou connexion coupée.", "No answer in time, or the connection was cut.");

/** A refusal to answer is a result. */
function findingOf(thrown: unknown): Finding {
  const { code, message } = asRelaisError(thrown);
  if (code === "peer_unavailable" || code === "stopped") return SILENT;
  if (code === "internal") return failed("La réponse n’est pas celle du protocole.", "The answer is not the protocol's.");
  return failed(`Réponse inutilisable : ${message}`, `Unusable answer: ${message}`);
}

const SECRETS = [/eyJ[\w-]{10,}\.[\w-]+\.[\w-]*/g, /\b(DPoP|Bearer) [\w~+/.-]{16,}=*/gi, /:[A-Za-z0-9+/]{40,}={0,2}:/g];

/** Results are kept, shown and published: no token, no signature, no account name. */
export function redacted(text: string, { about: { testAccount } }: Pick<Participant, "about">): string {
  const safe = SECRETS.reduce((found, secret) => found.replaceAll(secret, "[…]"), text);
  return (testAccount ? safe.replaceAll(testAccount, "[…]") : safe).slice(0, 1000);
}
