import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { parse, type HTMLElement } from "node-html-parser";
import type { Consent } from "../../src/core/consent/consent.ts";
import { grantConsent } from "../../src/core/consent/decide-consent.ts";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { PLAIN } from "../support/charter.ts";
import { inDays } from "../support/engine.ts";
import { policy } from "../support/policy.ts";
import { realClock } from "../support/real-clock.ts";
import { accreditedParticipant, dataset, linkAccount } from "../support/register-fixtures.ts";
import { startWholeApp, type WholeApp } from "../support/whole-app.ts";

/** What ended grows for years: the person reads it in pages, by plain links, with the filters that they chose. */

const MANY = 130;
let whole: WholeApp;
let holder: Participant;
let platforms: [Participant, Participant];
let camille: { cookie: string };
let stranger: { cookie: string };

before(async () => {
  whole = await startWholeApp(PLAIN);
  const { store } = whole;
  holder = await accreditedParticipant(store, { entityId: "https://parc.example", roles: ["holder"], datasets: [dataset("energy.bills")] });
  platforms = [
    await accreditedParticipant(store, { entityId: "https://ancre.example", roles: ["platform"] }),
    await accreditedParticipant(store, { entityId: "https://baie.example", roles: ["platform"] }),
  ];
  camille = await personWithPermissions("camille", MANY);
  stranger = await personWithPermissions("stranger", 3);
});
after(() => whole?.[Symbol.asyncDispose]());

/** One that waits, one that is active, and as many that ended, in every way, turn by turn to both platforms; two of them began in one moment. */
async function personWithPermissions(subject: string, ended: number): Promise<{ cookie: string }> {
  const { store } = whole;
  const { personId, cookie } = await whole.signIn(subject);
  const source = await linkAccount(store, personId, holder.id, subject);
  const asked = await Promise.all(
    platforms.map(async ({ id }) => {
      const destination = await linkAccount(store, personId, id, subject);
      return requestConsent(
        { store, clock: realClock, policy },
        {
          personId,
          sourceLinkId: source.id,
          destinationLinkId: destination.id,
          action: "copy",
          datasets: ["energy.bills"],
          purpose: "https://w3id.org/dpv#PersonalisedBenefits",
          recurrence: null,
          expires: inDays(30),
          retention: null,
          language: "fr",
          requester: null,
        },
      );
    }),
  );
  const [waits, given] = asked as [Consent, Consent];
  await grantConsent(
    { store, clock: realClock },
    { consentId: given.id, personId, datasets: ["energy.bills"], noticeHash: given.noticeHash, language: "fr" },
  );
  const ends = "source_id, destination_id, source_link_id, destination_link_id";
  const copies = (first: number, last: number, state: string, datasets: string) =>
    whole.query(`insert into consents (id, person_id, state, ${ends}, action, datasets, notice, notice_hash, language, created_at, expires_at)
      select 'cst_' || lpad('${subject.length}x' || n, 22, '0'), person_id, ${state}, ${ends}, action, '${datasets}', notice, notice_hash, language,
        date_trunc('second', now()) - interval '40 days' - (n / 2) * interval '1 day', now() - interval '1 day'
      from consents c join generate_series(${first}, ${last}) n on c.id = (array['${waits.id}', '${given.id}'])[n % 2 + 1]`);
  const states = "(array['withdrawn', 'revoked', 'refused', 'expired', 'superseded', 'active', 'requested'])[n % 7 + 1]";
  await copies(1, ended, states, "{energy.bills}");
  await copies(900, 905, "'superseded'", "{}");
  return { cookie };
}

async function page(path: string, { cookie } = camille): Promise<{ status: number; html: string; document: HTMLElement }> {
  const answer = await fetch(`${whole.origin}${path}`, { headers: { cookie } });
  const html = await answer.text();
  return { status: answer.status, html, document: parse(html) };
}

const rowsIn = (document: HTMLElement, section: string): string[] =>
  document.querySelectorAll(`section[aria-labelledby="${section}"] .rl-rows__row a`).map((link) => link.getAttribute("href") ?? "");
const linkIn = (document: HTMLElement, rel: string) =>
  document.querySelector(`section[aria-labelledby="ended"] a[rel="${rel}"]`)?.getAttribute("href")?.replaceAll("&amp;", "&") ?? null;

/** Every page from this one on, by the links alone. */
async function walk(path: string): Promise<{ html: string; document: HTMLElement; path: string }[]> {
  const pages = [];
  for (let next: string | null = path; next !== null && pages.length < 20; next = linkIn(pages.at(-1)?.document as HTMLElement, "next"))
    pages.push({ path: next, ...(await page(next)) });
  return pages;
}

test("every ended permission stands on one page, newest first, however it ended; what is active or waits stands on the first alone", async () => {
  const pages = await walk("/fr/permissions");
  const rows = pages.map(({ document }) => rowsIn(document, "ended"));
  assert.deepEqual(
    rows.map((one) => one.length),
    [25, 25, 25, 25, 25, 5],
  );
  const numbers = rows.flat().map((href) =>
    Number(
      href
        .replace("/decide", "")
        .slice(-4)
        .replace(/^.*?0(?=[1-9])/, ""),
    ),
  );
  assert.equal(new Set(rows.flat()).size, MANY);
  assert.deepEqual(
    numbers.map((n) => Math.floor(n / 2)),
    numbers.map((n) => Math.floor(n / 2)).toSorted((a, b) => a - b),
  );
  assert.deepEqual(
    pages.map(({ document }) => [rowsIn(document, "active").length, rowsIn(document, "waiting").length]),
    [[1, 1], ...Array.from({ length: 5 }, () => [0, 0])],
  );
  assert.ok(pages.every(({ html }) => html.length < 100_000));
  assert.deepEqual(
    pages.map(({ document }) => linkIn(document, "first")),
    [null, ...Array(5).fill("/fr/permissions")],
  );
});

test("filters go along from page to page, and another person's permissions never appear", async () => {
  const [, baie] = platforms;
  const pages = await walk(`/en/permissions?to=${baie.id}&state=ended`);
  assert.deepEqual(
    pages.map(({ document }) => rowsIn(document, "ended").length),
    [25, 25, 15],
  );
  for (const { path, html, document } of pages) {
    assert.match(path, new RegExp(`to=${baie.id}&state=ended`));
    assert.doesNotMatch(html.replace(/<option.*?<\/option>/gs, ""), /parc\.example → ancre|ancre\.example<\/a>/);
    assert.equal(document.querySelector(`option[value="${baie.id}"]`)?.hasAttribute("selected"), true);
  }
  const own = new Set(pages.flatMap(({ document }) => rowsIn(document, "ended")));
  const theirs = rowsIn((await page("/en/permissions", stranger)).document, "ended");
  assert.deepEqual([theirs.length, theirs.filter((href) => own.has(href))], [3, []]);
  assert.equal(linkIn((await page("/en/permissions", stranger)).document, "next"), null, "no links where all of it fits");
});

test("an address that was cut or written by hand shows nothing wrong", async () => {
  assert.equal((await page("/fr/permissions?after=x")).status, 400);
  const none = await page("/fr/permissions?from=prt_nobody");
  assert.deepEqual([none.status, rowsIn(none.document, "ended")], [200, []]);
});
