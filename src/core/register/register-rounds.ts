import { tellPeople } from "../person/tell-people.ts";
import { resumeAllowed } from "../policy/resume-allowed.ts";
import { refreshParticipants } from "./refresh-participants.ts";
import { remind } from "./remind.ts";
import { settleStandings } from "./settle-standing.ts";
import { sweepAccreditations } from "./sweep-accreditations.ts";
import { sweepParticipation } from "./sweep-participation.ts";

/** Something that is looked at again and again; any number of processes may. */
interface Round<Ports> {
  what: string;
  seconds: number;
  work(ports: Ports, terms: RoundTerms): Promise<unknown>;
}

export interface RoundTerms {
  recheckHours: number;
  reviewDays: number;
  shutdown: AbortSignal;
}

type RoundPorts = Parameters<typeof sweepAccreditations>[0] &
  Parameters<typeof refreshParticipants>[0] &
  Parameters<typeof resumeAllowed>[0];

/** What time alone changes in the register. People are told right after a decision, as participants are. */
// oxfmt-ignore
export const REGISTER_ROUNDS: Round<RoundPorts>[] = [
  { what: "sweeping the register",                      seconds: 60,   work: (ports, terms) => sweepAccreditations(ports, terms) },
  { what: "reminding participants",                     seconds: 60,   work: (ports, terms) => remind(ports, terms) },
  { what: "telling people",                             seconds: 0.25, work: (ports) => tellPeople(ports) },
  { what: "stopping what waits, or letting it go on",   seconds: 0.25, work: (ports) => settleStandings(ports) },
  { what: "looking at participation",                   seconds: 3600, work: (ports) => sweepParticipation(ports) },
  // A change of a condition resumes what it allows at once; this is for marks and certificates that changed, and for what crossed a change.
  { what: "looking at holders' conditions again",       seconds: 15,   work: (ports) => resumeAllowed(ports) },
  { what: "reading participants' configurations again", seconds: 60,   work: (ports, { shutdown }) => refreshParticipants(ports, shutdown) },
];
