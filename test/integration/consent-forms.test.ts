import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { parse, type HTMLElement } from "node-html-parser";
import { amendConsent } from "../../src/core/consent/amend-consent.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import { noticeHash } from "../../src/core/consent/notice-hash.ts";
import { SECTION_NAMES, textHash, type NoticeText } from "../../src/core/consent/notice-text.ts";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import { newId, type ConsentId, type PersonId } from "../../src/core/ids.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { PLAIN } from "../support/charter.ts";
import { inDays } from "../support/engine.ts";
import { policy } from "../support/policy.ts";
import { realClock } from "../support/real-clock.ts";
import { accreditedParticipant, dataset, linkAccount } from "../support/register-fixtures.ts";
import { startWholeApp, UPSTREAM, type WholeApp } from "../support/whole-app.ts";

/** The consent journey as forms over HTTP: each id and each hidden field dropped, doubled, edited, or taken from somebody else. */

const DATASETS = ["energy.bills", "energy.daily"];
const SECRET = "the other one’s secret meter";
let whole: WholeApp;
let holder: Participant;
let platform: Participant;
let camille: Visitor;
let other: Visitor;

interface Visitor {
  personId: PersonId;
  cookie: string;
  ask(change?: { datasets?: string[]; language?: "fr" | "en"; purpose?: string }): Promise<Consent>;
}

before(async () => {
  whole = await startWholeApp(PLAIN);
  const { store } = whole;
  holder = await accreditedParticipant(store, { entityId: "https://parc.example", roles: ["holder"], datasets: DATASETS.map(dataset) });
  platform = await accreditedParticipant(store, { entityId: "https://ancre.example", roles: ["platform"] });
  camille = await visitor("camille", "meter-1");
  other = await visitor("other", SECRET);
});
after(() => whole?.[Symbol.asyncDispose]());

async function visitor(subject: string, account: string): Promise<Visitor> {
  const { store } = whole;
  const { personId, cookie } = await whole.signIn(subject);
  const [source, destination] = [
    await linkAccount(store, personId, holder.id, account),
    await linkAccount(store, personId, platform.id, account),
  ];
  return {
    personId,
    cookie,
    ask: ({ datasets = DATASETS, language = "fr", purpose = "https://w3id.org/dpv#PersonalisedBenefits" } = {}) =>
      requestConsent(
        { store, clock: realClock, policy },
        {
          personId,
          sourceLinkId: source.id,
          destinationLinkId: destination.id,
          action: "copy",
          datasets,
          purpose,
          recurrence: "P1D",
          expires: inDays(30),
          retention: null,
          language,
          requester: null,
        },
      ),
  };
}

interface Seen {
  status: number;
  location: string;
  html: string;
  document: HTMLElement;
}

async function visit(who: Visitor | null, path: string, form?: URLSearchParams | Record<string, string | string[]>): Promise<Seen> {
  const response = await fetch(whole.origin + path, {
    redirect: "manual",
    headers: { accept: "text/html", origin: whole.origin, ...(who ? { cookie: who.cookie } : {}) },
    ...(form ? { method: "POST", body: form instanceof URLSearchParams ? form : fieldsOf(form) } : {}),
  });
  const html = await response.text();
  return { status: response.status, location: response.headers.get("location") ?? "", html, document: parse(html) };
}

function fieldsOf(form: Record<string, string | string[]>): URLSearchParams {
  return new URLSearchParams(Object.entries(form).flatMap(([name, value]) => [value].flat().map((one) => [name, one])));
}

const present = (id: ConsentId): Promise<Consent> => whole.store.read((r) => r.consents.get(id));
const yes = ({ noticeHash: notice }: Consent) => ({ notice, datasets: DATASETS, mandate: "yes", consent: "yes", answer: "accept" });

test("whatever is swapped, dropped, doubled or edited in an answer, nothing is given, and nothing of the other person is shown", async () => {
  const theirs = await other.ask({ datasets: ["energy.daily"] });
  const [mine, narrow] = [await camille.ask(), await camille.ask({ datasets: ["energy.bills"] })];
  const answer = yes(mine);
  const here = `/en/permissions/${mine.id}/decide`;
  const without = (name: keyof typeof answer) => Object.fromEntries(Object.entries(answer).filter(([key]) => key !== name));
  // oxfmt-ignore
  const TRIES: [what: string, path: string, form: Record<string, string | string[]>, status: number][] = [
    ["the other person's request",       `/en/permissions/${theirs.id}/decide`, yes(theirs),                                       404],
    ["my notice to their request",       `/en/permissions/${theirs.id}/decide`, answer,                                            404],
    ["their notice to my request",       here, { ...answer, notice: theirs.noticeHash },                                           409],
    ["a narrower notice of mine",        here, { ...answer, notice: narrow.noticeHash },                                           409],
    ["no notice",                        here, without("notice"),                                                                  409],
    ["two notices, the wrong one first", here, { ...answer, notice: [theirs.noticeHash, mine.noticeHash] },                        409],
    ["no data set",                      here, without("datasets"),                                                                422],
    ["a data set that was not offered",  here, { ...answer, datasets: [...DATASETS, "energy.secret"] },                            400],
    ["no answer",                        here, without("answer"),                                                                  400],
    ["another word for the answer",      here, { ...answer, answer: "yes" },                                                       400],
    ["two answers, and no no",           here, { ...answer, answer: ["accept", "accept"] },                                        400],
    ["no mandate",                       here, without("mandate"),                                                                 422],
    ["no consent",                       here, without("consent"),                                                                 422],
    ["another word for yes",             here, { ...answer, mandate: "on", consent: "true" },                                      422],
    ["an id of another kind",            `/en/permissions/${holder.id}/decide`, answer,                                            404],
    ["an id of nothing",                 `/en/permissions/${newId("consent")}/decide`, answer,                                     404],
    ["an id with more",                  `/en/permissions/${mine.id}%00/decide`, answer,                                           404],
  ];
  for (const [what, path, form, status] of TRIES) {
    const seen = await visit(camille, path, form);
    assert.equal(seen.status, status, what);
    assert.ok(!seen.html.includes(theirs.id) || path.includes(theirs.id), what);
    assert.ok(!seen.html.includes("secret meter"), what);
  }
  for (const one of [mine, theirs, narrow]) assert.equal((await present(one.id)).state, "requested");
  assert.equal((await visit(null, here, answer)).status, 303, "nobody is asked to sign in");
  assert.equal((await present(mine.id)).state, "requested");
});

test("an answer goes on to nowhere but the request that waits, and is given once", async () => {
  const mine = await camille.ask();
  const here = `/en/permissions/${mine.id}/decide`;
  for (const next of [
    "https://evil.example/",
    "//evil.example",
    "/interaction/x/finish/../../evil",
    "/interaction/<x>/finish",
    "javascript:x",
  ]) {
    const shown = await visit(camille, `${here}?${new URLSearchParams({ next })}`);
    assert.equal(shown.document.querySelector('input[name="next"]'), null, next);
  }
  const doubled = await visit(camille, here, { ...yes(mine), answer: ["accept", "refuse"], next: "https://evil.example/" });
  assert.equal(doubled.location, `/en/permissions/${mine.id}?news=refused`, "of two answers the no counts");
  assert.equal((await visit(camille, here, yes(mine))).status, 409, "no is no");
  assert.equal((await present(mine.id)).state, "refused");
  const again = await visit(camille, `/en/permissions/${(await camille.ask()).id}/decide`);
  assert.match(again.document.querySelector("main")?.text ?? "", /You refused the same request on/);
  const elsewhere = await camille.ask({ purpose: "https://w3id.org/dpv#ServiceProvision" });
  assert.doesNotMatch(
    (await visit(camille, `/en/permissions/${elsewhere.id}/decide`)).html,
    /You refused the same/,
    "that was another one",
  );
  assert.doesNotMatch((await visit(other, `/en/permissions/${(await other.ask()).id}/decide`)).html, /You refused the same/);
});

test("a change: only of what is one's own, with fields of the page alone, answered on the page that shows the difference", async () => {
  const [mine, theirs] = [await camille.ask(), await other.ask()];
  await visit(camille, `/en/permissions/${mine.id}/decide`, { ...yes(mine), datasets: ["energy.bills"] });
  await visit(other, `/en/permissions/${theirs.id}/decide`, yes(theirs));
  const page = await visit(camille, `/en/permissions/${mine.id}/change`);
  const ticked = page.document.querySelectorAll("input[checked]").map((field) => field.getAttribute("value"));
  assert.deepEqual(ticked, ["energy.bills", mine.notice.expires, "P1D"], "the present choice, and no other");
  const wish = { datasets: DATASETS, expires: inDays(60), recurrence: "P1D" };
  // oxfmt-ignore
  const TRIES: [what: string, path: string, form: Record<string, string | string[]>, status: number][] = [
    ["the other person's",          `/en/permissions/${theirs.id}/change`, wish,                                     404],
    ["a data set of nobody",        `/en/permissions/${mine.id}/change`,   { ...wish, datasets: ["energy.secret"] }, 422],
    ["a day that is none",          `/en/permissions/${mine.id}/change`,   { ...wish, expires: "tomorrow" },         422],
    ["ten years",                   `/en/permissions/${mine.id}/change`,   { ...wish, expires: "2036-01-01" },       422],
    ["a rhythm of one's own",       `/en/permissions/${mine.id}/change`,   { ...wish, recurrence: "P0D" },           422],
    ["nothing different",           `/en/permissions/${mine.id}/change`,   { datasets: "energy.bills", expires: mine.notice.expires, recurrence: "P1D" }, 422],
  ];
  for (const [what, path, form, status] of TRIES) assert.equal((await visit(camille, path, form)).status, status, what);
  const proposed = await visit(camille, `/en/permissions/${mine.id}/change`, wish);
  const decide = await visit(camille, proposed.location);
  assert.match(decide.document.querySelector("main table")?.text ?? "", /energy\.daily\s*Not allowed\s*Added/);
  assert.equal(decide.document.querySelectorAll('input[type="checkbox"][checked]').length, 0, "both acts are said again");
  assert.equal((await visit(other, proposed.location)).status, 404);
  const [, next = ""] = /permissions\/(cst_\w+)\/decide/.exec(proposed.location) ?? [];
  const asked = await present(next as ConsentId);
  const given = await visit(camille, proposed.location, yes(asked));
  assert.equal(given.location, `/en/permissions/${next}?news=changed`);
  assert.deepEqual([(await present(mine.id)).state, (await present(asked.id)).state], ["superseded", "active"]);
  assert.match(
    (await visit(camille, `/en/permissions/${mine.id}`)).html,
    new RegExp(`/en/permissions/${next}"`),
    "the old one leads to the new one",
  );
});

test("what a participant asks for in addition is not ticked; what is allowed already is", async () => {
  const mine = await camille.ask();
  await visit(camille, `/en/permissions/${mine.id}/decide`, { ...yes(mine), datasets: ["energy.bills"] });
  await whole.query(`update relais.consents set requester_id = '${platform.id}' where id = '${mine.id}'`);
  const notice = { ...mine.notice, requester: { entityId: platform.entityId, name: platform.name } };
  await whole.query("alter table relais.consents disable trigger consents_notice");
  await whole.query(`update relais.consents set notice = '${JSON.stringify(notice)}' where id = '${mine.id}'`);
  await whole.query("alter table relais.consents enable trigger consents_notice");
  const asked = await amendConsent(
    { store: whole.store, clock: realClock, policy },
    {
      consentId: mine.id,
      personId: camille.personId,
      datasets: DATASETS,
      recurrence: "P1D",
      expires: mine.notice.expires,
      retention: null,
      language: "en",
      requester: platform.entityId,
    },
  );
  const page = await visit(camille, `/en/permissions/${asked.id}/decide`);
  const boxes = page.document
    .querySelectorAll('input[name="datasets"]')
    .map((box) => [box.getAttribute("value"), box.hasAttribute("checked")]);
  assert.deepEqual(boxes, [
    ["energy.bills", true],
    ["energy.daily", false],
  ]);
});

test("stopping everything to one place in two screens stops one's own alone", async () => {
  const [mine, theirs] = [await camille.ask(), await other.ask()];
  await visit(camille, `/en/permissions/${mine.id}/decide`, yes(mine));
  await visit(other, `/en/permissions/${theirs.id}/decide`, yes(theirs));
  const first = await visit(camille, `/en/permissions/stop?${new URLSearchParams({ to: platform.id })}`);
  assert.ok(first.html.includes(mine.id) && !first.html.includes(theirs.id));
  for (const place of [newId("participant"), "x", ""]) {
    const seen = await visit(camille, "/en/permissions/stop", { to: place });
    assert.ok(seen.status === 404 || seen.location.endsWith("stopped=0"), place);
  }
  assert.equal((await present(mine.id)).state, "active");
  const second = await visit(camille, "/en/permissions/stop", { to: platform.id });
  assert.match((await visit(camille, second.location)).document.querySelector(".rl-news")?.text ?? "", /You have stopped \d permission/);
  assert.deepEqual([(await present(mine.id)).state, (await present(theirs.id)).state], ["withdrawn", "active"]);
});

test("a problem: kept and answered, read by the operator's office and by whom it is for, and by nobody else", async () => {
  const mine = await camille.ask();
  await visit(camille, `/en/permissions/${mine.id}/decide`, yes(mine));
  const said = { kind: "still_sent", addressee: "source", message: "It <b>still</b> comes." };
  const here = `/en/permissions/${mine.id}/problem`;
  assert.equal((await visit(other, here, said)).status, 404);
  assert.equal((await visit(camille, here, { ...said, kind: "hate" })).status, 422);
  assert.equal((await visit(camille, here, { ...said, message: "x".repeat(1001) })).status, 422);
  assert.match((await visit(camille, here)).html, /https:\/\/www\.cnil\.fr\/fr\/plaintes/);
  assert.equal((await visit(camille, here, said)).status, 303);
  const [report] = await whole.store.read((r) => r.problems.of(mine.id));
  const member = async (subject: string, id: Participant["id"]): Promise<Visitor> => {
    const signedIn = { ...camille, ...(await whole.signIn(subject)) };
    await whole.store.write((w) => w.cases.addMembership({ personId: signedIn.personId, participantId: id, addedAt: new Date() }));
    return signedIn;
  };
  const [ofHolder, ofPlatform] = [await member("holder-member", holder.id), await member("platform-member", platform.id)];
  const forHolder = await visit(ofHolder, `/en/organisation/${holder.id}/requests`);
  assert.match(forHolder.html, /It &lt;b&gt;still&lt;\/b&gt; comes/);
  assert.ok(!forHolder.html.includes(camille.personId) && !forHolder.html.includes("camille") && !forHolder.html.includes("meter-1"));
  assert.doesNotMatch((await visit(ofPlatform, `/en/organisation/${platform.id}/requests`)).html, /still/);
  const answered = (who: Visitor, id: string) =>
    visit(who, `/en/organisation/${id}/requests/problems/${report?.id}`, { answer: "Stopped on 3 May." });
  assert.equal((await answered(ofPlatform, platform.id)).status, 404, "not theirs to answer");
  assert.equal((await answered(ofHolder, holder.id)).status, 303);
  assert.match((await visit(camille, here)).html, /Stopped on 3 May\./);
  const operator = { ...camille, ...(await office("operator")) };
  const all = await visit(operator, "/en/operator/problems");
  assert.match(all.html, /Stopped on 3 May\./);
  assert.equal((await visit(operator, `/en/operator/problems/${report?.id}`, { answer: "Again." })).status, 422, "it was answered");
});

async function office(subject: string): Promise<{ personId: PersonId; cookie: string }> {
  whole.staff.set(subject, { name: "Team", office: "operator", person: { issuer: UPSTREAM, subject }, keys: [] });
  return whole.signIn(subject);
}

test("texts: the screen, the record and the published wording share their hashes; a missing language cannot be consented in; old requests keep theirs", async () => {
  const before = await camille.ask();
  assert.deepEqual(Object.keys(before.notice.texts ?? {}), ["en", "fr"]);
  assert.equal(noticeHash((await present(before.id)).notice), before.noticeHash);
  for (const text of await whole.store.read((r) => r.noticeTexts.list()))
    assert.equal(text.hash, textHash(text), `${text.version} ${text.language}`);
  const operator = { ...camille, ...(await office("operator")) };
  const editor = await visit(operator, "/en/operator/notices");
  const fields = Object.fromEntries(
    editor.document.querySelectorAll("textarea").map((area) => [area.getAttribute("name") ?? "", area.text]),
  );
  assert.equal(Object.keys(fields).length, 2 * SECTION_NAMES.length);
  const publish = (change: Record<string, string>, step = "publish") =>
    visit(operator, "/en/operator/notices", { ...fields, ...change, after: "1", step });
  assert.equal((await publish({ "en-mandate": "I agree." })).status, 422, "a mandate names its ends and its last day");
  assert.equal((await publish({ "en-rights": "{nobody}" })).status, 422);
  assert.equal((await publish({ "en-rights": "" })).status, 422);
  const english = Object.fromEntries(SECTION_NAMES.map((section) => [`en-${section}`, ""]));
  const preview = await publish({ "en-atStake": "A new word for {destination}." }, "preview");
  assert.match(preview.html, /A new word for Espace Exemple\./);
  assert.match(preview.html, /Ease of reading: \d+ of 100/);
  assert.equal(preview.document.querySelectorAll("main .rl-sheet button:not([disabled])").length, 0);
  assert.equal((await publish({ ...english, "fr-atStake": "Du neuf chez {destination}." })).status, 303);
  assert.equal((await publish({})).status, 422, "from a version that is not the newest");
  const asked = await camille.ask();
  assert.deepEqual(asked.notice.texts?.fr?.version, 2);
  const french = await visit(camille, `/fr/permissions/${asked.id}/decide`);
  assert.match(french.html, /Du neuf chez ancre\.example\./);
  assert.ok(french.html.includes(asked.notice.texts?.fr?.hash ?? "none") && french.html.includes(asked.noticeHash));
  const served = (await (await fetch(`${whole.origin}/v1/notice-texts/2/fr`)).json()) as NoticeText & { log_index: number };
  assert.deepEqual(
    [served.hash, textHash(served)],
    [asked.notice.texts?.fr?.hash, served.hash],
    "anybody can read it and compute its hash",
  );
  const [entry] = await whole.store.read(({ ledger }) => ledger.entries({ from: served.log_index, to: served.log_index + 1 }));
  assert.deepEqual([JSON.parse(String(entry)).hash, asked.notice.texts?.fr?.log], [served.hash, served.log_index]);
  for (const none of ["2/en", "3/fr", "0/fr", "2/de"])
    assert.equal((await fetch(`${whole.origin}/v1/notice-texts/${none}`)).status, 404, none);
  const blocked = await visit(camille, `/en/permissions/${asked.id}/decide`);
  assert.equal(blocked.document.querySelector('button[value="accept"]'), null);
  assert.equal(blocked.document.querySelector("main a.govuk-button")?.getAttribute("href"), `/fr/permissions/${asked.id}/decide`);
  assert.equal((await visit(camille, `/en/permissions/${asked.id}/decide`, yes(asked))).status, 400, "nor by a form of one's own");
  assert.equal((await present(asked.id)).state, "requested");
  assert.doesNotMatch((await visit(camille, `/fr/permissions/${before.id}/decide`)).html, /Du neuf/);
  await visit(camille, `/fr/permissions/${asked.id}/decide`, yes(asked));
  const kept = await visit(camille, `/fr/permissions/${asked.id}/notice`);
  assert.match(kept.html, /Du neuf chez ancre\.example\./);
  assert.equal(kept.document.querySelectorAll("input[checked]").length, 4, "two data sets, two acts");
  await assert.rejects(whole.query("update relais.notice_texts set hash = 'x'"), /never changes/);
});
