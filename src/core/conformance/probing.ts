import type { ProbeResult } from "./probe.ts";
import type { Participant } from "../register/participant.ts";

/** Looks at a participant from outside. It never throws for what the participant does: a refusal to answer is a result. */
export interface Prober {
  probe(look: { participant: Participant; runId: string; challenge: string | null; signal: AbortSignal }): Promise<ProbeResult[]>;
}
