import { asRelaisError } from "../errors.ts";
import type { Participant } from "../register/participant.ts";
import { ENTITY_PROBES } from "./entity-probes.ts";
import { HOLDER_PROBES, REVERSIBILITY_PROBES } from "./export-probes.ts";
import { INBOX_PROBES } from "./inbox-probes.ts";
import type { ProbeResult } from "./probe.ts";
import { failed, type Finding, type Look, type Probe, type ProbePorts } from "./probing.ts";

/** A look at one participant. */
export interface Asked {
  participant: Participant;
  challenge: string | null;
  signal: AbortSignal;
  /** Only these; all of its roles where empty. */
  only?: readonly string[];
  onResult?: (result: ProbeResult) => void;
}

const PROBE_SECONDS = 20;

/** The probes of this participant's roles, each once. */
export function probesFor({ roles }: Pick<Participant, "roles">): Probe[] {
  const all = [
    ...ENTITY_PROBES,
    ...(roles.includes("platform") ? [...INBOX_PROBES, ...REVERSIBILITY_PROBES] : []),
    ...(roles.includes("holder") ? HOLDER_PROBES : []),
  ];
  return [...new Map(all.map((probe) => [probe.name, probe])).values()];
}

/** One after the other, each with a deadline of its own. Nothing that the participant does makes it throw. */
export async function runProbes(ports: ProbePorts, asked: Asked): Promise<ProbeResult[]> {
  const results: ProbeResult[] = [];
  for (const probe of probesFor(asked.participant)) {
    if (asked.only && asked.only.length > 0 && !asked.only.includes(probe.name)) continue;
    const result = await runOne(ports, asked, probe);
    asked.onResult?.(result);
    results.push(result);
  }
  return results;
}

async function runOne(ports: ProbePorts, { participant, challenge, signal: whole }: Asked, probe: Probe): Promise<ProbeResult> {
  const startedAt = ports.clock.now();
  const signal = AbortSignal.any([whole, AbortSignal.timeout(PROBE_SECONDS * 1000)]);
  const look: Look = { ...ports, participant, challenge, signal, fetch: ports.fetchFor(participant, signal) };
  const { outcome, detail } = await probe.run(look).catch(findingOf);
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
