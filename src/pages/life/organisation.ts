import { readParticipation, type Participation } from "../../core/register/participation.ts";
import type { ParticipantId } from "../../core/ids.ts";
import type { Reader } from "../../core/ports.ts";
import type { Application } from "../../core/register/application.ts";
import type { Charters } from "../../core/register/charter.ts";
import type { Reminder } from "../../core/register/reminder.ts";
import { REMINDERS } from "../../core/register/reminder.ts";
import { renewsItself } from "../../core/register/requirements.ts";
import type { Tongue } from "../tongue.ts";

interface Life {
  given: Application | null;
  open: Application | null;
  reminders: Reminder[];
  participation: Participation | null;
}

/** What a participant is reminded of, and how far its organisation takes part. */
export async function readLife(r: Reader, participantId: ParticipantId, now: Date): Promise<Life> {
  const organisation = await r.accreditations.findOrganisationOf(participantId);
  return {
    given: await r.accreditations.findGiven(participantId),
    open: await r.accreditations.findOpen(participantId),
    reminders: await r.reminders.of(participantId),
    participation: organisation && (await readParticipation(r, organisation.id, now)),
  };
}

export function viewOfLife(tongue: Tongue, life: Life, charters: Charters, now: Date) {
  const { t, lang, date } = tongue;
  const titles = new Map(
    [life.given, life.open]
      .flatMap((one) => (one === null ? [] : charters.get(one.charterVersion).criteria))
      .map((one) => [one.id, one.title]),
  );
  return {
    reminders: life.reminders.map(({ kind, subject, occasionAt, createdAt }) => ({
      text: t(`reminder.${kind}`, { date: date(occasionAt), criterion: titles.get(subject)?.[lang] ?? subject }),
      more: REMINDERS[kind].event === "accreditation-ending" ? renewalOf(tongue, life, charters, now) : null,
      at: date(createdAt),
      iso: createdAt.toISOString(),
    })),
    participation: life.participation && viewOfParticipation(tongue, life.participation),
  };
}

function renewalOf({ t }: Tongue, { given, open }: Life, charters: Charters, now: Date): string | null {
  if (open !== null) return t("reminder.renewal.application");
  const isAutomatic = given !== null && renewsItself(given, charters.get(given.charterVersion), now);
  return isAutomatic ? t("reminder.renewal.automatic") : null;
}

function viewOfParticipation({ t, date }: Tongue, { level, since, history, next }: Participation) {
  const word = (one: Participation["level"]): string => t(`participation.level.${one}`);
  return {
    level: word(level),
    since: t("participation.since", { date: date(since) }),
    history: history.map((one) => ({ what: word(one.level), at: date(one.since), iso: one.since.toISOString() })),
    next: next && {
      title: t("participation.next", { level: word(next.level) }),
      needs: next.needs.map((need) => t(`participation.need.${need}`)),
    },
  };
}
