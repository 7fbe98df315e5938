import { pageOf, placeOf } from "../../core/register/search-register.ts";
import { asRelaisError, type ErrorCode } from "../../core/errors.ts";
import { asId } from "../../core/ids.ts";
import { localPath } from "../../core/person/local-path.ts";
import { linkAccountByKeys } from "../../core/person/prove-account.ts";
import type { Participant } from "../../core/register/participant.ts";
import type { Credentials } from "../../core/transfer/adapter.ts";
import type { MessageKey, Tongue } from "../tongue.ts";
import { errorsByField, pathOf, type Answer, type FieldError, type Form, type PagesPorts, type PersonVisit } from "../visit.ts";
import { nameIn } from "./offer.ts";
import { rowOfLink, viewOfProof, type Way } from "./view.ts";

/** As many as a person can look over; the others are found by their name. */
const OTHERS = 50;

export async function accounts(ports: PagesPorts, { tongue, personId, query }: PersonVisit): Promise<Answer> {
  const name = nameIn(query.one("name"));
  const cursor = query.one("cursor");
  const after = cursor === "" ? undefined : placeOf(cursor);
  const filter = { isChecked: true as const, keepsData: true as const, ...(name === "" ? {} : { name }) };
  const { links, participants, found } = await ports.store.read(async (r) => {
    const own = await r.people.listLinks(personId);
    return {
      links: own,
      participants: await r.registered.named(own.map(({ participantId }) => participantId)),
      found: await r.registered.entries({ ...filter, after, limit: OTHERS + 1 }, ports.clock.now()),
    };
  });
  const { entries, next } = pageOf(found, OTHERS);
  const byId = new Map(participants.map((participant) => [participant.id, participant]));
  const rows = links.flatMap((link) => {
    const participant = byId.get(link.participantId);
    return participant ? [rowOfLink(tongue, link, participant)] : [];
  });
  const proved = new Set(links.map((link) => link.participantId));
  const others = entries
    .filter(({ participant }) => !proved.has(participant.id))
    .map(({ participant }) => ({ name: participant.name, href: pathOfProof(tongue, participant.id) }));
  const model = {
    rows,
    others,
    name,
    isLong: next !== null || name !== "" || after !== undefined,
    nextHref: next && `/${tongue.lang}/accounts?${new URLSearchParams({ ...(name === "" ? {} : { name }), cursor: next })}`,
  };
  return { kind: "page", template: "accounts", title: tongue.t("accounts.title"), model };
}

function pathOfProof({ lang }: Tongue, id: string): string {
  return `/${lang}/accounts/${id}`;
}

export async function showProof(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  return proofPage(visit, await participantOf(ports, visit), wayOf(visit, visit.query), null, []);
}

/** Checks the keys at the account itself, then keeps them sealed. */
export async function proveAccount(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const participant = await participantOf(ports, visit);
  const way = wayOf(visit, visit.form);
  const missing = missingFields(visit.tongue, participant, visit.form);
  if (missing.length > 0) return proofPage(visit, participant, way, visit.form, missing);
  try {
    await linkAccountByKeys(ports, {
      personId: visit.personId,
      participantId: participant.id,
      account: accountOf(participant, visit.form),
      credentials: credentialsOf(participant, visit.form),
    });
    return { kind: "redirect", to: way.next };
  } catch (error) {
    return proofPage(visit, participant, way, visit.form, [refusalOf(visit.tongue, participant, error)]);
  }
}

async function participantOf(ports: PagesPorts, { params }: PersonVisit): Promise<Participant> {
  return ports.store.read((r) => r.participants.get(asId("participant", params["id"])));
}

function wayOf(visit: PersonVisit, form: Form): Way {
  return { next: localPath(form.one("next")) ?? pathOf(visit, "/accounts"), level: visit.query.one("level") };
}

function proofPage({ tongue }: PersonVisit, participant: Participant, way: Way, form: Form | null, errors: FieldError[]): Answer {
  const model = { ...viewOfProof(tongue, participant, way, form), errors, errorAt: errorsByField(tongue, errors) };
  return {
    kind: "page",
    template: "account-proof",
    title: tongue.t("proof.title", { name: participant.name }),
    model,
    status: errors.length > 0 ? 422 : 200,
  };
}

/** Fields of each kind of account, in the order of the form, with the message for an empty one. */
const FIELDS = {
  "self-data": [],
  mailbox: [],
  solid: [
    ["account", "proof.error.pod"],
    ["clientId", "proof.error.clientId"],
    ["clientSecret", "proof.error.clientSecret"],
  ],
  webdav: [
    ["user", "proof.error.user"],
    ["password", "proof.error.password"],
  ],
} as const satisfies Record<Participant["adapter"], readonly (readonly [string, MessageKey])[]>;

function missingFields({ t }: Tongue, participant: Participant, form: Form): FieldError[] {
  const empty: FieldError[] = FIELDS[participant.adapter]
    .filter(([field]) => form.one(field) === "")
    .map(([field, key]) => ({ field, text: t(key) }));
  const isForeign = participant.adapter === "solid" && form.one("account") !== "" && !isWithin(form.one("account"), participant);
  return isForeign
    ? [{ field: "account", text: t("proof.error.foreignPod", { root: participant.endpoints.root ?? participant.entityId }) }, ...empty]
    : empty;
}

/** The pod is on this participant's server: its keys are never sent to another one. */
function isWithin(address: string, participant: Participant): boolean {
  return URL.parse(address)?.origin === URL.parse(participant.endpoints.root ?? participant.entityId)?.origin;
}

/** Pod root for Solid; folder below the server's root for WebDAV, empty for the root itself. */
function accountOf(participant: Participant, form: Form): string {
  const account = form.one("account");
  if (participant.adapter === "solid") return account.endsWith("/") ? account : `${account}/`;
  const folder = account.replace(/^\/+|\/+$/g, "");
  return folder === "" ? "" : `${folder}/`;
}

function credentialsOf(participant: Participant, form: Form): Credentials {
  if (participant.adapter === "webdav") return { kind: "basic", user: form.one("user"), password: form.all("password")[0] ?? "" };
  const issuer = participant.endpoints.issuer ?? participant.endpoints.root ?? participant.entityId;
  return { kind: "dpop-client", issuer, clientId: form.one("clientId"), clientSecret: form.all("clientSecret")[0]?.trim() ?? "" };
}

const REFUSALS: Partial<Record<ErrorCode, MessageKey>> = {
  peer_refused: "proof.error.refused",
  forbidden: "proof.error.address",
  not_found: "proof.error.absent",
  invalid: "proof.error.absent",
  peer_unavailable: "proof.error.silent",
  stopped: "proof.error.silent",
};

function refusalOf({ t }: Tongue, participant: Participant, error: unknown): FieldError {
  const known = REFUSALS[asRelaisError(error).code];
  if (known === undefined) throw error;
  return { field: FIELDS[participant.adapter][0]?.[0] ?? "account", text: t(known, { name: participant.name }) };
}
