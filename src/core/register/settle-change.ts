import type { ProbeResult } from "../conformance/probe.ts";
import type { Reader, Writer } from "../ports.ts";
import { logChange } from "./log-change.ts";
import type { ProbeRunRow } from "./application.ts";
import type { Participant } from "./participant.ts";
import { changesOf, digestOf } from "./participant-change.ts";

/** A look at an earlier place says nothing about the one that is spoken to now, nor about the one that waits. */
export async function isElsewhere(r: Reader, participant: Participant, { candidate }: Pick<ProbeRunRow, "candidate">): Promise<boolean> {
  const waiting = (await r.entities.find(participant.id))?.candidate;
  return candidate !== null && candidate !== digestOf(participant) && !(waiting && candidate === digestOf(waiting));
}

/** Pages, contacts and the name's own challenge have nothing to do with where it is spoken to. */
const ABOUT_ENDPOINTS = /^(entity|tls|inbox|receipt|withdrawal|roundtrip|export)\./;
/** What shows that somebody answers there as the protocol says. */
const ANSWERS = /^(inbox|export)\./;

interface Settled {
  participant: Participant;
  /** Another change waits than the one that was looked at, or it is spoken to elsewhere by now. */
  isOther: boolean;
}

/**
 * What a look says about a change that waits for it: taken over where everything that could be tried there passed, kept waiting otherwise.
 * Another candidate that came meanwhile is for the next look, which `isOther` asks for. Returns the participant as it is now.
 */
export async function settleChange(w: Writer, participant: Participant, run: ProbeRunRow, at: Date): Promise<Settled> {
  const record = await w.entities.find(participant.id);
  if (!record?.candidate) return { participant, isOther: await isElsewhere(w, participant, run) };
  if (run.candidate !== digestOf(record.candidate)) return { participant, isOther: true };
  const results = (await w.accreditations.probes(participant.id)).filter(({ runId }) => runId === run.id);
  if (!isPassed(results)) return { participant, isOther: false };
  const moved: Participant = { ...participant, ...record.candidate };
  await w.register.put(moved);
  await w.configurations.put({ ...record, candidate: null });
  await logChange(w, moved, { changed: changesOf(participant, moved), at, lookedAt: true });
  return { participant: moved, isOther: false };
}

/** What could not be tried proves nothing, so something must have passed. */
function isPassed(results: ProbeResult[]): boolean {
  const looked = results.filter(({ probe }) => ABOUT_ENDPOINTS.test(probe));
  return (
    looked.some(({ probe, outcome }) => ANSWERS.test(probe) && outcome === "passed") && !looked.some(({ outcome }) => outcome === "failed")
  );
}
