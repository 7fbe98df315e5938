import type { Words } from "../catalogue/data-set.ts";
import type { Clock, EntityConfigurations, Signer, Verifier } from "../ports.ts";
import type { Participant } from "../register/participant.ts";
import type { Fetch, OutboundResponse } from "../transfer/adapter.ts";
import type { PROBE_NAMES } from "./probe-names.ts";
import type { ProbeResult } from "./probe.ts";

export type ProbeName = (typeof PROBE_NAMES)[number];

/** What a participant's address says of its encryption; null for plain http on this machine. */
export interface TlsState {
  protocol: string;
  validTo: Date;
}

/** A token for the test account, bound to a key of its own. */
export interface TestToken {
  headers(request: { method: string; url: string }): Promise<Record<string, string>>;
  /** From now on it is not active. */
  end(): Promise<void>;
}

/** What probes need. All of it is handed in, so that the worker and an applicant's own machine run the same code. */
export interface ProbePorts {
  /** Who signs and whose keys the participant trusts. */
  issuer: string;
  clock: Pick<Clock, "now" | "sleep">;
  /** The way to the participant's registered origins. */
  fetchFor(participant: Participant, signal: AbortSignal): Fetch;
  /** The way to one origin, answers up to 64 KiB. */
  fetchOrigin(origin: string, signal: AbortSignal): Fetch;
  entityConfigurations: EntityConfigurations;
  signer: Signer;
  /** Signs as of an hour ago: its requests are over. */
  pastSigner: Signer;
  verifier: Verifier;
  /** TXT records of a name; none where there are none. */
  txt(name: string): Promise<string[]>;
  /** @throws RelaisError where no encrypted connection can be made. */
  tls(origin: string): Promise<TlsState | null>;
  testToken(asked: { participant: Participant; datasets: string[]; actions: string[] }): Promise<TestToken>;
}

/** One look at one participant. */
export interface Look extends ProbePorts {
  participant: Participant;
  /** What the participant was asked to publish; null where it was not asked. */
  challenge: string | null;
  signal: AbortSignal;
  fetch: Fetch;
}

/** What was seen: in order, or not, or not to be seen. */
export interface Finding {
  outcome: ProbeResult["outcome"];
  detail: Words;
}

export interface Probe {
  name: ProbeName;
  title: Words;
  /** A command that shows the same by hand. */
  reproduce(look: Look): string;
  run(look: Look): Promise<Finding>;
}

export function passed(fr: string, en: string): Finding {
  return { outcome: "passed", detail: { fr, en } };
}

export function failed(fr: string, en: string): Finding {
  return { outcome: "failed", detail: { fr, en } };
}

export function unexpected(step: string, { status }: OutboundResponse, wanted: string): Finding {
  return failed(`${step} : réponse ${status}, attendu ${wanted}.`, `${step}: answered ${status}, expected ${wanted}.`);
}

export function notRun(fr: string, en: string): Finding {
  return { outcome: "not_run", detail: { fr, en } };
}

/** Looks at a participant from outside. It never throws for what the participant does: a refusal to answer is a result. */
export interface Prober {
  probe(look: { participant: Participant; runId: string; challenge: string | null; signal: AbortSignal }): Promise<ProbeResult[]>;
}
