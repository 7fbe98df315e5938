import { asId, type ParticipantId, type PersonId } from "../../core/ids.ts";
import { localPath } from "../../core/person/local-path.ts";
import type { AnnouncementKind, PersonNotice } from "../../core/person/person-notice.ts";
import { readNotice } from "../../core/person/tell-people.ts";
import type { Reader } from "../../core/ports.ts";
import type { Participant } from "../../core/register/participant.ts";
import type { Tongue } from "../tongue.ts";
import { pathOf, type Answer, type PagesPorts, type PersonVisit } from "../visit.ts";

/** What each announcement means for people: the same words for every end that may pass. */
// oxfmt-ignore
const MEANINGS = {
  suspended: "paused",
  expired:   "paused",
  left:      "paused",
  revoked:   "revoked",
  returned:  "returned",
} as const satisfies Record<AnnouncementKind, "paused" | "revoked" | "returned">;

/** What this person was told and has not read; about these participants only, where some are named. */
export async function readTold(r: Reader, personId: PersonId, about?: readonly ParticipantId[]) {
  const unread = (await r.personNotices.unread(personId)).filter(({ participantId }) => about?.includes(participantId) ?? true);
  return Promise.all(unread.map(async (notice) => ({ notice, participant: await r.participants.get(notice.participantId) })));
}

export function viewOfTold({ t, lang, date }: Tongue, told: { notice: PersonNotice; participant: Participant }[]) {
  return told.map(({ notice: { decisionId, kind, at }, participant: { name, roles } }) => {
    const role = roles.includes("holder") && !roles.includes("platform") ? "holder" : "platform";
    const meaning = MEANINGS[kind];
    const parts = ["stops", "goesOn", "youCan"] as const;
    return {
      id: decisionId,
      name,
      title: t(`told.${kind}`, { name, date: date(at) }),
      lines: parts.map((part) => ({ key: t(`told.${part}`), text: t(`told.${meaning}.${role}.${part}`, { name }) })),
      switchHref: role === "platform" && meaning !== "returned" ? `/${lang}/me/switch` : null,
      decisionHref: `/${lang}/decisions/${decisionId}`,
      readHref: `/${lang}/me/notices/${decisionId}/read`,
    };
  });
}

/** Read: it is not shown any more. No right changes by it. */
export async function markTold(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  await readNotice(ports, { personId: visit.personId, decisionId: asId("decision", visit.params["id"]) });
  return { kind: "redirect", to: localPath(visit.form.one("back")) ?? pathOf(visit, "/me") };
}
