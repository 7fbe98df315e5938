import assert from "node:assert/strict";
import { test } from "node:test";
import type { Consent } from "../../src/core/consent/consent.ts";
import { SECTION_NAMES, type Sections } from "../../src/core/consent/notice-text.ts";
import { CONSENT_STATES, stateAt } from "../../src/core/consent/consent.ts";
import { newId } from "../../src/core/ids.ts";
import type { AccountLink } from "../../src/core/person/person.ts";
import type { Participant, TrustMark } from "../../src/core/register/participant.ts";
import { SWITCH_STATES } from "../../src/core/switch/switch.ts";
import { STATES, type Progress, type Transfer, type TransferState } from "../../src/core/transfer/transfer.ts";
import { choicesOf, chosenOf, maskedAccount } from "../../src/pages/accounts/view.ts";
import { viewOfDecision } from "../../src/pages/permissions/decision-view.ts";
import { viewOfPermission } from "../../src/pages/permissions/view.ts";
import { renderProblem } from "../../src/pages/problems.ts";
import { RelaisError } from "../../src/core/errors.ts";
import { badgeOf } from "../../src/pages/register/view.ts";
import { viewOfSwitch } from "../../src/pages/switches/view.ts";
import { renderPage } from "../../src/pages/templates.ts";
import { liveEvents } from "../../src/pages/transfers/live.ts";
import { viewOfTransfer, type Story } from "../../src/pages/transfers/view.ts";
import { languageOf, languageOfPath, TONGUES } from "../../src/pages/tongue.ts";
import { localPath } from "../../src/core/person/local-path.ts";
import { formOf } from "../../src/pages/visit.ts";

const { en, fr } = TONGUES;
const NOW = new Date("2026-11-23T12:00:00Z");
const LATER = new Date("2027-05-31T23:59:59Z");

function participantOf(name: string, role: "holder" | "platform"): Participant {
  return {
    id: newId("participant"),
    entityId: `https://${name}.example`,
    name,
    roles: [role],
    adapter: "self-data",
    endpoints: {},
    keys: [],
    datasets: [],
    about: { country: "FR", privacyContact: "dpo@example.org" },
    status: "accredited",
    client: null,
  };
}

function markOf(participant: Participant, change: Partial<TrustMark> = {}): TrustMark {
  return {
    id: newId("trustMark"),
    participantId: participant.id,
    type: "t",
    level: 2,
    jwt: "j",
    issuedAt: new Date("2026-02-03"),
    expiresAt: LATER,
    revokedAt: null,
    statusIndex: null,
    ...change,
  };
}

const holder = participantOf("Parc", "holder");
const platform = participantOf("Ancre", "platform");
const words = (text: string) => ({ fr: text, en: text });

function consentOf(change: Partial<Consent> = {}): Consent {
  const party = ({ entityId, name, about }: Participant) => ({
    entityId,
    name,
    country: about.country,
    privacyContact: about.privacyContact,
  });
  return {
    id: newId("consent"),
    personId: newId("person"),
    state: "active",
    sourceId: holder.id,
    destinationId: platform.id,
    sourceLinkId: newId("link"),
    destinationLinkId: newId("link"),
    switchId: null,
    journeyId: null,
    acts: null,
    action: "copy",
    datasets: ["bills"],
    forms: [],
    noticeHash: "hash",
    language: "en",
    requesterId: null,
    supersedes: null,
    grantDigest: null,
    createdAt: NOW,
    decidedAt: NOW,
    endedAt: null,
    endedBy: null,
    endedBecause: null,
    expiresAt: LATER,
    statusIndex: 0,
    notice: {
      version: "2026-11",
      requester: null,
      source: party(holder),
      destination: party(platform),
      action: "copy",
      recurrence: null,
      expires: "2027-05-31",
      retention: null,
      datasets: [
        { id: "bills", title: words("<Bills>"), description: words("Each bill"), example: words("March"), kind: "transactional" },
        { id: "trace", title: words("Use"), description: words("Each day"), example: words("9 kWh"), kind: "trace" },
      ],
      purpose: { iri: "https://w3id.org/dpv#PersonalisedBenefits", words: words("Keep") },
    },
    ...change,
  };
}

const counted = (change: Partial<Progress> = {}): Progress => ({
  dataset: "bills",
  expected: 3,
  sent: 3,
  stored: 3,
  verified: 3,
  omitted: 0,
  bytes: 3000,
  ...change,
});

function storyOf(state: TransferState, change: Partial<Story> = {}): Story {
  const consent = consentOf();
  const transfer: Transfer = {
    id: newId("transfer"),
    consentId: consent.id,
    personId: consent.personId,
    sourceId: holder.id,
    destinationId: platform.id,
    switchId: null,
    datasets: ["bills"],
    state,
    reason: null,
    actor: null,
    epoch: 1,
    attempts: 1,
    leaseUntil: null,
    dueAt: NOW,
    expiresAt: LATER,
    createdAt: NOW,
    endedAt: null,
  };
  return {
    transfer,
    consent,
    events: [],
    progress: [counted()],
    source: holder,
    destination: platform,
    omissions: [],
    omittedCount: 0,
    missing: 0,
    documents: [],
    ...change,
  };
}

test("who is responsible, in each state: the holder until the destination has confirmed", () => {
  const table: Record<TransferState, string> = {
    scheduled: "Parc",
    queued: "Parc",
    paused: "Parc",
    failed: "Parc",
    cancelled: "Parc",
    expired: "Parc",
    fetching: "Parc, Relais",
    delivering: "Parc, Relais",
    delivered: "Parc, Relais",
    received: "Ancre",
    verified: "Ancre",
    partial: "Parc, Ancre",
  };
  for (const state of STATES) {
    const here = viewOfTransfer(en, { ...storyOf(state), progress: [] })
      .custody.stations.filter((station) => station.isHere)
      .map((station) => station.name);
    assert.equal(here.join(", "), table[state], state);
  }
});

test("what a destination got before the end is said, with who can delete it", () => {
  for (const state of ["cancelled", "failed", "expired"] as const) {
    const { sentence, stations } = viewOfTransfer(en, {
      ...storyOf(state),
      progress: [counted({ sent: 59, stored: 0, verified: 0 })],
    }).custody;
    assert.match(sentence, /^Ancre had received 59 items when the transfer ended/, state);
    assert.deepEqual(
      stations.map(({ isHere }) => isHere),
      [true, false, true],
    );
  }
});

test("a transfer can be stopped until the destination has confirmed, and not after", () => {
  for (const state of STATES) {
    const mayStop = ["scheduled", "queued", "fetching", "delivering", "delivered", "paused"].includes(state);
    assert.equal(viewOfTransfer(en, storyOf(state)).canCancel, mayStop, state);
  }
});

test("progress keeps its denominator, says when nothing is counted yet, and names what cannot move", () => {
  const partial = viewOfTransfer(en, storyOf("partial", { progress: [counted({ stored: 2, omitted: 1 })] }));
  assert.equal(partial.progress.text, "Items stored: 2 of 3. 1 item cannot move.");
  assert.equal(partial.progress.rows[0]?.text, "Items stored: 2 of 3 (3\u202fkB)");
  const early = viewOfTransfer(en, storyOf("queued", { progress: [] }));
  assert.equal(early.progress.text, "Not counted yet");
});

test("each item that did not move has its reason and who can mend it; the rest is counted, the unnamed too", () => {
  const item = {
    dataset: "bills",
    key: "a.pdf",
    mediaType: "application/pdf",
    bytes: 1,
    sha256: null,
    state: "omitted" as const,
    reason: "too_large" as const,
    madeFrom: null,
  };
  const { omissions } = viewOfTransfer(en, storyOf("partial", { omissions: [item], omittedCount: 5, missing: 2 }));
  assert.deepEqual(omissions.rows, [
    { item: "a.pdf", dataset: "<Bills>", reason: "It is larger than the destination takes.", who: "The personal data space" },
  ]);
  assert.equal(omissions.rest, "And 4 more items. They are in the receipt.");
  assert.match(omissions.missing ?? "", /^2 items were counted by Parc/);
});

test("bars: all of a data set against what was allowed; a count above zero stays visible", () => {
  const { chart } = viewOfTransfer(en, storyOf("partial", { progress: [counted({ expected: 1000, sent: 500, stored: 1, verified: 0 })] }));
  const widths = chart.groups[0]?.bars.map((bar) => bar.width);
  assert.deepEqual(widths, [chart.track, chart.track / 2, 2, 0]);
});

test("a switch says that the person has switched only behind the gate", () => {
  const row = {
    id: newId("switch"),
    personId: newId("person"),
    sourceId: holder.id,
    destinationId: platform.id,
    sourceLinkId: newId("link"),
    destinationLinkId: newId("link"),
    consentId: null,
    transferId: null,
    epoch: 0,
    createdAt: NOW,
    verifiedAt: null,
    closedAt: null,
  };
  for (const tongue of [en, fr]) {
    for (const state of SWITCH_STATES) {
      const view = viewOfSwitch(tongue, {
        row: { ...row, state },
        source: holder,
        destination: platform,
        consent: null,
        transfer: null,
        progress: [counted({ verified: 2 })],
      });
      const says = /^You have switched|^Vous avez changé/.test(view.sentence);
      assert.equal(says, ["verified", "closing", "closed"].includes(state), state);
      assert.equal(view.mayClose, state === "verified", state);
      assert.equal(view.counts[0]?.missing, "1");
    }
  }
});

test("a permission past its last day has expired on the page before any sweep, and cannot be stopped", () => {
  const past = consentOf({ expiresAt: new Date(NOW.getTime() - 1) });
  assert.equal(stateAt(past, NOW), "expired");
  for (const state of CONSENT_STATES) {
    const view = viewOfPermission(en, consentOf({ state }), { transfers: [], participants: [], now: NOW });
    assert.equal(view.canStop, state === "active" || state === "suspended", state);
  }
});

function decisionPage(lang: "fr" | "en"): string {
  const ends = {
    requester: null,
    source: { participant: holder, mark: markOf(holder) },
    destination: { participant: platform, mark: markOf(platform) },
    account: null,
    sections: Object.fromEntries(SECTION_NAMES.map((name) => [name, `${name} <of> {source}`])) as Sections,
    refusedAt: null,
    ticked: { datasets: [], forms: [], acts: [] },
    now: NOW,
  };
  const model = viewOfDecision(TONGUES[lang], consentOf({ state: "requested", datasets: [] }), ends);
  return renderPage(
    "decide",
    { lang, title: model.title, path: "/x", search: "", displayName: "N", withoutNavigation: true, operator: null },
    { ...model, errors: [], wrong: {}, next: "" },
  );
}

test("a single delivery that was made is said to be over; a recurring one, and one that failed, are not", () => {
  const consent = consentOf();
  const under = (state: TransferState) => ({ ...storyOf(state).transfer, consentId: consent.id });
  const sentenceOf = (change: Partial<Consent>, state: TransferState) =>
    viewOfPermission(en, { ...consent, ...change }, { transfers: [under(state)], participants: [], now: NOW }).sentence;
  assert.match(sentenceOf({}, "verified"), /^The one delivery that you allowed was made/);
  assert.equal(sentenceOf({}, "partial"), "The data below may be copied.");
  assert.equal(sentenceOf({ notice: { ...consent.notice, recurrence: "P1D" } }, "verified"), "The data below may be copied.");
});

test("the consent screen: one unticked box per data set, the notice's hash, Refuse and Accept the same element", () => {
  for (const lang of ["fr", "en"] as const) {
    const html = decisionPage(lang);
    assert.equal(html.match(/type="checkbox" name="datasets"/g)?.length, 2);
    assert.equal(html.match(/type="checkbox" name="(mandate|consent)"/g)?.length, 2);
    assert.doesNotMatch(html, /\bchecked\b/);
    assert.match(html, /name="notice" value="hash"/);
    const buttons = [...html.matchAll(/<button class="([^"]+)" name="answer" value="(\w+)">/g)];
    assert.deepEqual(
      buttons.map((button) => button[2]),
      ["refuse", "accept"],
    );
    assert.equal(buttons[0]?.[1], buttons[1]?.[1]);
  }
});

test("texts of participants are escaped", () => {
  assert.match(decisionPage("en"), /&lt;Bills&gt;/);
});

test("accreditation in words: a mark that ran out is not in force whatever the status says", () => {
  const badge = (mark: TrustMark | null) => badgeOf(en, { participant: holder, mark }, NOW).text;
  assert.equal(badge(markOf(holder)), "Accredited, level 2");
  assert.equal(badge(markOf(holder, { expiresAt: NOW })), "Accreditation expired");
  assert.equal(badge(markOf(holder, { revokedAt: NOW })), "Accreditation expired");
  assert.equal(badge(null), "Accreditation expired");
});

test("places to choose from: proved accounts one by one, nothing chosen beforehand, none without accreditation", () => {
  const link: AccountLink = {
    id: newId("link"),
    personId: newId("person"),
    participantId: holder.id,
    account: "customer-4821",
    method: "signed_in",
    provedAt: NOW,
    sealedCredentials: null,
    inventory: null,
  };
  const other = { ...link, id: newId("link"), account: "customer-9999" };
  const entries = [
    { participant: holder, mark: markOf(holder) },
    { participant: participantOf("Late", "holder"), mark: null },
  ];
  const offer = { entries, links: [link, other], role: "holder" as const, now: NOW };
  assert.deepEqual(
    choicesOf(en, { ...offer, chosen: "" }).map(({ value, checked }) => [value, checked]),
    [
      [link.id, false],
      [other.id, false],
    ],
  );
  assert.deepEqual(
    choicesOf(en, { ...offer, chosen: holder.id }).map(({ checked }) => checked),
    [true, false],
  );
  assert.equal(chosenOf(other.id, [link, other], [holder])?.link, other);
  assert.equal(chosenOf(platform.id, [link], [holder]), null);
  assert.equal(maskedAccount(link), "…4821");
});

test("only paths of this site are gone on to", () => {
  for (const bad of [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/a\tb",
    "javascript:alert(1)",
    "",
    `/${"a".repeat(700)}`,
  ])
    assert.equal(localPath(bad), null, bad);
  assert.equal(localPath("/fr/me/copy?source=a&destination=b"), "/fr/me/copy?source=a&destination=b");
});

test("forms give texts, whatever was sent", () => {
  const form = formOf({ a: " x ", b: ["1", "2"], c: { d: 1 } });
  assert.deepEqual([form.one("a"), form.all("b"), form.one("c"), form.one("__proto__")], ["x", ["1", "2"], "", ""]);
});

test("the language of a visitor", () => {
  const table: [string | undefined, string][] = [
    [undefined, "fr"],
    ["de", "fr"],
    ["en-GB,en;q=0.9", "en"],
    ["fr;q=0.4, en;q=0.8", "en"],
    ["en;q=0, fr", "fr"],
  ];
  for (const [header, lang] of table) assert.equal(languageOf(header), lang, header);
  assert.equal(languageOfPath("/en/me", "fr"), "en");
});

test("the page of a failure names the remedy and the support id, marks English as English, and hides what is internal", () => {
  const html = renderProblem(new RelaisError("conflict", "This request <was> answered before."), {
    lang: "fr",
    supportId: "req_1",
    displayName: "Camille",
    operator: null,
  });
  assert.match(html, /<html lang="fr"/);
  assert.match(html, /Camille/, "whoever is signed in stays so on a page of failure");
  assert.match(html, /req_1/);
  assert.match(html, /<span lang="en">This request &lt;was&gt; answered before\.<\/span>/);
  assert.doesNotMatch(
    renderProblem(new RelaisError("internal", "secret"), { lang: "en", supportId: "req_1", displayName: null, operator: null }),
    /secret/,
  );
});

test("live news come when something changes, and end with the transfer", async () => {
  const stories = [
    storyOf("delivering", { progress: [counted({ stored: 1 })] }),
    storyOf("delivering", { progress: [counted({ stored: 1 })] }),
    storyOf("verified"),
  ];
  let reads = 0;
  const said: string[] = [];
  for await (const event of liveEvents(en, async () => stories[Math.min(reads++, 2)] as Story, new AbortController().signal))
    said.push(event.split("\n")[0] ?? "");
  assert.deepEqual(said, ["retry: 2000", "event: progress", "event: progress", "event: ended"]);
});
