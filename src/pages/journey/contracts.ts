import type { Consent } from "../../core/consent/consent.ts";
import { answerAsParty, sharedWith, stopSharingFrom } from "../../core/consent/answer-as-party.ts";
import type { SharedConsent } from "../../core/consent/parties.ts";
import { RelaisError } from "../../core/errors.ts";
import { asId, type LinkId } from "../../core/ids.ts";
import { sayersOf } from "../../core/person/joint-contract.ts";
import type { AccountLink } from "../../core/person/person.ts";
import type { Reader } from "../../core/ports.ts";
import { requestTransfer } from "../../core/transfer/request-transfer.ts";
import { maskedAccount } from "../accounts/view.ts";
import { isActive, rowOfConsent } from "../permissions/view.ts";
import { namesOf } from "../register/view.ts";
import { pathOf, type Answer, type PagesPorts, type PersonVisit } from "../visit.ts";
import { rowOfShared, viewOfShared } from "./shared-view.ts";

interface Contracts {
  links: AccountLink[];
  shared: SharedConsent[];
  consents: Consent[];
  names: Map<string, string>;
}

async function readContracts(r: Reader, personId: PersonVisit["personId"]): Promise<Contracts> {
  const shared = await r.parties.shared(personId);
  const told = new Set(shared.map(({ linkId }) => linkId));
  const links = (await r.people.listLinks(personId)).filter(({ id, contract }) => sayersOf(contract).length > 0 || told.has(id));
  const participants = await r.registered.named(links.map(({ participantId }) => participantId));
  return { links, shared, consents: await r.consents.list(personId), names: namesOf(participants) };
}

/** Contracts that the person holds with others: what each of them lets go, and one way to stop all of it. */
export async function contracts(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { tongue, personId } = visit;
  const now = ports.clock.now();
  const found = await ports.store.read((r) => readContracts(r, personId));
  const left = found.shared.filter(({ linkId }) => linkId === null);
  const stopped = visit.query.one("news") === "stopped";
  const model = {
    rows: found.links.map((link) => contractOf(visit, found, link, now)),
    left: left.map((one) => rowOfShared(tongue, one, now)),
    news: stopped ? tongue.t("contracts.news.stopped") : null,
  };
  return { kind: "page", template: "contracts", title: tongue.t("contracts.title"), model };
}

function contractOf({ tongue }: PersonVisit, { shared, consents, names }: Contracts, link: AccountLink, now: Date) {
  const { t, lang } = tongue;
  const others = sayersOf(link.contract).length;
  const theirs = shared.filter(({ linkId }) => linkId === link.id);
  const own = consents.filter((consent) => consent.sourceLinkId === link.id && isActive(consent, now));
  const stoppable = theirs.filter(({ consent, party }) => isActive(consent, now) && party.state !== "removed");
  return {
    name: names.get(link.participantId) ?? "?",
    account: t("contracts.account", { account: maskedAccount(link) }),
    rule: others > 0 ? t(`contracts.rule.${link.contract?.rule ?? "any"}`, { count: others }) : null,
    own: own.map((consent) => rowOfConsent(tongue, consent, [], now)),
    theirs: theirs.map((one) => rowOfShared(tongue, one, now)),
    stopHref: own.length + stoppable.length > 0 ? `/${lang}/me/contracts/${link.id}/stop` : null,
  };
}

export async function showStopSharing(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const found = await ports.store.read((r) => readContracts(r, visit.personId));
  const link = found.links.find(({ id }) => id === linkIdOf(visit));
  if (!link) throw new RelaisError("not_found", "There is no link with this id.");
  const model = { ...contractOf(visit, found, link, ports.clock.now()), id: link.id };
  return { kind: "page", template: "contract-stop", title: visit.tongue.t("contracts.stop"), model };
}

export async function stopSharing(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  await stopSharingFrom(ports, { linkId: linkIdOf(visit), personId: visit.personId });
  return { kind: "redirect", to: pathOf(visit, "/me/contracts?news=stopped") };
}

function linkIdOf({ params }: PersonVisit): LinkId {
  return asId("link", params["link"]);
}

/** What another holder of the contract allowed, for whoever has a say in it. */
export async function sharedConsent(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const shared = await ports.store.read((r) => sharedWith(r, visit.personId, asId("consent", visit.params["consent"])));
  const model = viewOfShared(visit.tongue, shared, ports.clock.now());
  return { kind: "page", template: "shared-consent", title: model.title, model };
}

/** An approval that was the last one missing lets the first delivery begin, as the yes itself does where nobody is asked. */
export async function answerShared(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const [answer, ...more] = visit.form.all("answer");
  if ((answer !== "approve" && answer !== "remove") || more.length > 0)
    throw new RelaisError("invalid", "Choose one of the two answers.", { actor: "person" });
  const consentId = asId("consent", visit.params["consent"]);
  const { consent } = await answerAsParty(ports, { consentId, personId: visit.personId, answer });
  if (answer === "approve" && consent.state === "active" && consent.requesterId === null && consent.switchId === null) {
    // What stands in the way is the other person's to see and to mend: they can start it from their own page.
    await requestTransfer(ports, { consentId, personId: consent.personId, idempotencyKey: `${consentId} 0` }).catch(() => undefined);
  }
  return { kind: "redirect", to: pathOf(visit, `/me/contracts/shared/${consentId}`) };
}
