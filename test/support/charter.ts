import { RelaisError } from "../../src/core/errors.ts";
import type { ParticipantId } from "../../src/core/ids.ts";
import type { Ports, Store } from "../../src/core/ports.ts";
import type { Decider, Decision } from "../../src/core/register/application.ts";
import { endStanding, reinstateParticipant } from "../../src/core/register/change-standing.ts";
import { NOBODY } from "../../src/core/register/staff.ts";
import type { MarkingPorts } from "../../src/core/register/trust-mark.ts";
import { realClock } from "./real-clock.ts";
import type { Charter, Charters, Criterion } from "../../src/core/register/charter.ts";

const words = (text: string) => ({ fr: text, en: text });

export function criterion(given: Partial<Criterion> & Pick<Criterion, "id" | "check">): Criterion {
  return {
    section: "service",
    title: words(given.id),
    statement: words(given.id),
    why: words("why"),
    threat: words("a threat"),
    sources: ["P1"],
    appliesTo: ["platform", "holder", "service"],
    level: 1,
    questions: [],
    evidence: null,
    recheckDays: 30,
    onFailure: { kind: "suspend" },
    cases: [],
    ...given,
  };
}

export function charter(
  version: string,
  criteria: Criterion[],
  dates: Partial<Pick<Charter, "from" | "until" | "validUntil">> = {},
): Charter {
  return {
    version,
    title: words("Charter"),
    label: words("of the tests"),
    text: words("What is signed."),
    from: "2020-01-01",
    until: null,
    validUntil: null,
    criteria,
    digest: `digest-of-${version}`,
    ...dates,
  };
}

/** In the order of their dates, oldest first. */
export function charters(...versions: Charter[]): Charters {
  const newestFirst = versions.toReversed();
  const isOpen = (one: Charter, now: Date): boolean =>
    new Date(one.from) <= now && (one.until === null || new Date(`${one.until}T23:59:59Z`) >= now);
  return {
    list: () => newestFirst,
    get: (version) => {
      const found = versions.find((one) => one.version === version);
      if (!found) throw new RelaisError("not_found", "There is no such version.");
      return found;
    },
    current: (now) => {
      const found = newestFirst.find((one) => isOpen(one, now));
      if (!found) throw new RelaisError("not_found", "No version is in force.");
      return found;
    },
  };
}

/** One version without a criterion, for tests that are about something else. */
export const PLAIN = charters(charter("2026-11", []));
export const REASONS = { fr: "Essai.", en: "A test." };
const BY_TEST: Decider[] = [{ name: "test", role: "accreditor" }];

export async function suspend(store: Store, participantId: ParticipantId): Promise<Decision> {
  return endStanding({ store, clock: realClock, charters: PLAIN }, "suspend", { participantId, deciders: BY_TEST, reasons: REASONS });
}

export async function reinstate(
  ports: Pick<Ports, "store" | "queue"> & MarkingPorts,
  participantId: ParticipantId,
): ReturnType<typeof reinstateParticipant> {
  return reinstateParticipant({ ...ports, charters: PLAIN }, { participantId, deciders: BY_TEST, reasons: REASONS });
}

/** What the register's routes need, for tests that never call them. */
export const REGISTER_PORTS = {
  charters: PLAIN,
  staff: NOBODY,
  entityConfigurations: { fetch: unused },
  statements: { signDocument: unused },
  events: { signDocument: unused },
  verify: unused,
  subjectFor: (entityId: string, personId: string) => `${entityId} knows ${personId.slice(-4)}`,
};

async function unused(): Promise<never> {
  throw new RelaisError("unsupported", "This test has no register.");
}
