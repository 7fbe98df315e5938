import type { EntityOutcome, EntityRecord } from "../../core/register/entity-record.ts";
import type { PublicJwk } from "../../core/register/participant.ts";
import type { Tongue } from "../tongue.ts";
import type { Answer, PagesPorts, PersonVisit } from "../visit.ts";
import { memberOf } from "./caller.ts";

/** Colour and words always come together. */
const TAGS = {
  waiting: "govuk-tag--blue",
  accepted: "govuk-tag--green",
  unreachable: "govuk-tag--orange",
  refused: "govuk-tag--red",
  keys_unconfirmed: "govuk-tag--red",
} as const satisfies Record<EntityOutcome, string>;

/** The keys that the register knows of one's own participant, how reading its configuration went, and what to do. */
export async function keys(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { tongue } = visit;
  const { participantId } = await memberOf(ports, visit);
  const { participant, record } = await ports.store.read(async (r) => ({
    participant: await r.participants.get(participantId),
    record: await r.entities.find(participantId),
  }));
  const statements = participant.federationKeys ?? [];
  const model = {
    id: participantId,
    groups: [
      { id: "statements", title: tongue.t("keys.statements"), text: tongue.t("keys.statementsText"), rows: statements.map(rowOfKey) },
      { id: "documents", title: tongue.t("keys.documents"), text: tongue.t("keys.documentsText"), rows: participant.keys.map(rowOfKey) },
    ],
    reading: record && viewOfReading(tongue, record, `${participant.entityId}/.well-known/openid-federation`),
    isWaiting: statements.length > 0 && record === null ? tongue.t("keys.todo.waiting") : null,
    isDescribed: statements.length === 0 && record === null,
  };
  return { kind: "page", template: "organisation-keys", title: tongue.t("keys.title"), model };
}

/** What tells one key from another; the numbers themselves help nobody. */
function rowOfKey({ kid, kty, crv, alg }: PublicJwk) {
  return { kid: kid ?? "–", type: [kty, crv, alg].filter((one) => typeof one === "string").join(", ") };
}

function viewOfReading(tongue: Tongue, { outcome, checkedAt, nextAt, expiresAt, failures, says }: EntityRecord, address: string) {
  const { t, moment } = tongue;
  return {
    tag: { text: t(`keys.outcome.${outcome}`), classes: TAGS[outcome] },
    rows: [
      { label: t("keys.readAt"), text: checkedAt === null ? t("keys.readNever") : moment(checkedAt) },
      { label: t("keys.nextAt"), text: moment(nextAt) },
      ...(expiresAt === null ? [] : [{ label: t("keys.expiresAt"), text: moment(expiresAt) }]),
      ...(failures === 0 ? [] : [{ label: t("keys.outcome"), text: t("keys.failures", { count: failures }) }]),
      ...(says === null ? [] : [{ label: t("keys.says"), text: says, lang: "en" }]),
    ],
    todo: t(`keys.todo.${outcome}`, { address }),
  };
}
