import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { after, before, beforeEach, test } from "node:test";
import { amendConsent } from "../../src/core/consent/amend-consent.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import { grantConsent } from "../../src/core/consent/decide-consent.ts";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import { revokeConsent } from "../../src/core/consent/revoke-consent.ts";
import { newId } from "../../src/core/ids.ts";
import { inDays } from "../support/engine.ts";
import { startMailWorld, type MailWorld } from "../support/mail-world.ts";
import type { ReceivedMail } from "../support/smtp.ts";

/** Letters about a permission that was changed or revoked, and about a new passkey, as a mail server receives them, in both languages. */

const [BILLS, DAILY] = ["energy.bills", "energy.daily"] as const;
const LANGUAGES = ["fr", "en"] as const;
let world: MailWorld;

before(async () => {
  world = await startMailWorld([BILLS, DAILY]);
  await world.prove("zephyrine@kanarienvogel.example");
});
after(() => world[Symbol.asyncDispose]());
beforeEach(async () => {
  await world.worker().tick();
});

const person = () => world.engine.personId;

/** The one letter that this makes, read by a mail server; kept as a file where somebody wants to look at it. */
async function letterOf(name: string, language: "fr" | "en", act: () => Promise<unknown>): Promise<ReceivedMail> {
  await world.pool.query("update relais.mail_addresses set language = $1", [language]);
  world.smtp.mails.length = 0;
  await act();
  assert.equal(await world.worker().tick(), 1, `one letter: ${world.smtp.mails.map(({ subject }) => subject).join(" | ")}`);
  const [mail] = world.smtp.mails as [ReceivedMail];
  assert.equal(mail.headers.get("content-language"), language);
  assert.doesNotMatch(mail.subject, /holder|platform|energy|Someone|zephyrine/);
  const { RELAIS_LETTERS: folder } = process.env;
  if (folder !== undefined) await writeFile(`${folder}/${name}-${language}.html`, mail.html);
  return mail;
}

function says(mail: ReceivedMail, ...words: (string | RegExp)[]): void {
  for (const word of words) assert.match(mail.text.replaceAll("\u00a0", " "), typeof word === "string" ? new RegExp(word) : word);
}

async function asked(): Promise<Consent> {
  const { ports, destination } = world.engine;
  const links = await world.engine.store.read((r) => r.people.listLinks(person()));
  const at = (id: string) => links.find(({ participantId }) => participantId === id)?.id ?? assert.fail();
  const terms = {
    action: "copy",
    datasets: [BILLS, DAILY],
    recurrence: "P1D",
    expires: inDays(60),
    retention: null,
    language: "fr",
  } as const;
  return requestConsent(ports, {
    ...terms,
    datasets: [BILLS, DAILY],
    personId: person(),
    sourceLinkId: at(world.engine.source.id),
    destinationLinkId: at(destination.id),
    purpose: "https://w3id.org/dpv#PersonalisedBenefits",
    requester: destination.entityId,
  });
}
const accept = ({ id, noticeHash }: Consent, datasets: string[]) =>
  grantConsent(world.engine.ports, { consentId: id, personId: person(), datasets, noticeHash, language: "fr" });

for (const language of LANGUAGES)
  test(`${language}: a permission that was changed is told as what holds now, once, and the one before it by no letter of its own`, async () => {
    const consent = await accept(await asked(), [BILLS]);
    await world.worker().tick();
    const change = { datasets: [BILLS, DAILY], recurrence: null, expires: inDays(20), retention: null, language, requester: null };
    const next = await amendConsent(world.engine.ports, { consentId: consent.id, personId: person(), ...change });
    const mail = await letterOf("changed", language, () => accept(next, [BILLS, DAILY]));
    says(
      mail,
      language === "fr"
        ? "vous avez changé ce qui peut aller de holder à platform. Voici ce qui vaut maintenant"
        : "you changed what may go from holder to platform. This is what holds now",
    );
    says(mail, `${BILLS}, ${DAILY}`, `/${language}/permissions/${next.id}/stop`, `/${language}/permissions/${next.id}/receipts/chg_`);
    assert.doesNotMatch(mail.raw, new RegExp(consent.id), "the one that it replaced");
    await revokeConsent(world.engine.ports, { consentId: next.id, by: world.engine.destination.id });
    await world.worker().tick();
  });

for (const language of LANGUAGES)
  test(`${language}: a permission that somebody else ended is told as such, with where the reason is and what stays at the destination`, async () => {
    const consent = await accept(await asked(), [DAILY]);
    await world.worker().tick();
    const mail = await letterOf("revoked", language, () =>
      revokeConsent(world.engine.ports, { consentId: consent.id, by: world.engine.destination.id }),
    );
    says(mail, language === "fr" ? "a pris fin, sans que vous l’ayez demandé" : "was ended, not by you");
    says(mail, language === "fr" ? "Ce que platform a déjà reçu y reste" : "What platform received before stays there", "dpo@test.example");
    says(mail, `/${language}/permissions/${consent.id}\\b`, `/${language}/permissions/${consent.id}/receipts/chg_`);
    assert.doesNotMatch(mail.text, new RegExp(`${consent.id}/stop`), "there is nothing left to stop");
  });

for (const language of LANGUAGES)
  test(`${language}: a new passkey is told, without its name, and with what to do where it was somebody else`, async () => {
    const passkey = {
      credentialId: `credential-${language}`,
      userHandle: "handle",
      name: "Clé de Zéphyrine",
      publicKey: "key",
      counter: 0,
    };
    const kept = { transports: [], backedUp: false, createdAt: new Date(), lastUsedAt: null, blockedAt: null };
    const mail = await letterOf("passkey", language, () =>
      world.engine.store.write((w) => w.belongings.addPasskey({ id: newId("passkey"), personId: person(), ...passkey, ...kept })),
    );
    says(
      mail,
      language === "fr" ? "Une nouvelle clé d’accès a été ajoutée à votre compte le" : "A new passkey was added to your account on",
    );
    says(mail, language === "fr" ? "Si ce n’était pas vous" : "If it was not you");
    assert.doesNotMatch(mail.raw, /credential-|Zéphyrine/);
    assert.equal(await world.worker().tick(), 0, "once");
  });
