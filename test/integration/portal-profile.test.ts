import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { newId } from "../../src/core/ids.ts";
import { excludePlatform } from "../../src/core/policy/exclude-platform.ts";
import type { EntityOutcome } from "../../src/core/register/entity-record.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { suspend } from "../support/charter.ts";
import { policy } from "../support/policy.ts";
import { ANSWERS, startPortal, type Portal } from "../support/portal.ts";
import { realClock } from "../support/real-clock.ts";
import { accreditedParticipant, dataset, testKey } from "../support/register-fixtures.ts";

/** What the public sees of one participant, of two, and of the charter; what a participant sees of itself. */

let portal: Portal;
let platform: Participant;

before(async () => {
  portal = await startPortal();
  platform = await portal.platform("Nuage <b>libre</b>");
  await portal.apply(platform);
  await portal.look();
});
after(() => portal[Symbol.asyncDispose]());

interface Profile {
  standing: string;
  allowed: Record<string, boolean>;
  assessment: {
    level: number;
    criteria: {
      criterion: string;
      outcome: string;
      method: string;
      looked_at: string | null;
      next_at: string | null;
      because: { en: string };
    }[];
    answers: Record<string, unknown>;
  } | null;
  restrictions: { holder: string; state: string; reason: { en: string } }[];
  indicators: {
    looks: { days: number; passed: number };
    suspensions: number;
    deliveries: { ended: number; verified: number } | null;
    events: { told: number; acknowledged: number; median_seconds: number | null };
  };
}

const profileOf = async ({ id }: Participant): Promise<Profile> =>
  (await (await fetch(`${portal.origin}/v1/participants/${id}/profile`)).json()) as Profile;
const pageOf = async ({ id }: Participant, lang = "en"): Promise<string> => (await portal.page(`/${lang}/register/${id}`)).text;

describe("the page of a participant", () => {
  test("shows each criterion of its version, how it is met, and when it is looked at again", async () => {
    const { standing, allowed, assessment } = await profileOf(platform);
    assert.equal(standing, "accredited");
    assert.deepEqual(allowed, { new_consent: true, delivery_in: true, withdrawal: true, export_out: true, proposal: true });
    const asked = portal.charters.get("2026-11").criteria.filter(({ level, appliesTo }) => level === 1 && appliesTo.includes("platform"));
    assert.deepEqual(assessment?.criteria.map(({ criterion }) => criterion).sort(), asked.map(({ id }) => id).sort());
    const methods = new Map(assessment?.criteria.map(({ criterion, method }) => [criterion, method]));
    assert.deepEqual(
      ["transport-security", "hosting-country", "hosting-kind", "charter-signature"].map((id) => methods.get(id)),
      ["probe", "published", "answer", "signature"],
    );
    for (const { criterion, outcome, looked_at: looked, next_at: next } of assessment?.criteria ?? []) {
      assert.equal(outcome, "met", criterion);
      assert.ok(looked !== null && next !== null && looked < next, criterion);
    }
    const text = await pageOf(platform);
    assert.match(text, new RegExp(`${asked.length} criteria met`));
    assert.match(text, /Seen from outside by an automatic check, last look on \d+ \w+ 20\d\d, next by/);
    assert.match(text, /Nuage &lt;b&gt;libre&lt;\/b&gt; SAS, France/);
    assert.match(text, /security\.txt/);
    assert.match(await pageOf(platform, "fr"), new RegExp(`${asked.length} critères remplis`));
  });

  test("publishes the answers that the charter marks, and no others; no evidence, no message, no signer", async () => {
    const { assessment } = await profileOf(platform);
    const marked = portal.charters
      .get("2026-11")
      .criteria.flatMap(({ questions }) => questions)
      .filter((question) => question.public)
      .map(({ answer }) => answer);
    assert.ok(marked.includes("profile.decentralised") && !marked.includes("charter.neutral"));
    assert.deepEqual(
      Object.keys(assessment?.answers ?? {}).sort(),
      Object.keys(ANSWERS)
        .filter((name) => marked.includes(name))
        .sort(),
    );
    const text = await pageOf(platform);
    assert.match(text, /The person, or a host of their choice/);
    assert.match(text, /On our own machines/);
    for (const secret of [/managing director/, /favour no holder and no service against the person’s interest\?/])
      assert.doesNotMatch(text, secret);
  });

  test("shows what fails, by which check, while the accreditation still stands", async () => {
    const other = await portal.platform("Failing");
    await portal.apply(other);
    await portal.look();
    await portal.store.write((w) =>
      w.cases.addRun({ id: newId("probeRun"), participantId: other.id, applicationId: null, round: null, askedAt: new Date() }),
    );
    await portal.look({ "tls.configuration": "failed", "pages.incidents": "failed" });
    const { standing, assessment } = await profileOf(other);
    const failed = assessment?.criteria.filter(({ outcome }) => outcome === "not_met") ?? [];
    assert.equal(standing, "accredited", "a first failure is told, not punished");
    assert.ok(failed.length > 0);
    assert.ok(failed.every(({ next_at: next, because }) => next === null && /Check failed/.test(because.en)));
    assert.match(await pageOf(other), new RegExp(`${failed.length} not met`));
  });

  test("of one without an application says so; its standing table follows its standing", async () => {
    const sandboxed = await accreditedParticipant(portal.store, { entityId: "https://plain.example", roles: ["platform"] });
    const before = await pageOf(sandboxed);
    assert.match(before, /has not been accredited by an application/);
    assert.equal((await profileOf(sandboxed)).assessment, null);
    await suspend(portal.store, sandboxed.id);
    const { standing, allowed } = await profileOf(sandboxed);
    assert.equal(standing, "suspended");
    assert.deepEqual(allowed, { new_consent: false, delivery_in: false, withdrawal: true, export_out: true, proposal: false });
    assert.match(
      await pageOf(sandboxed),
      /A person takes their data away<\/th><td class="govuk-table__cell"><strong class="govuk-tag govuk-tag--green">Yes/,
    );
    assert.match(
      await pageOf(sandboxed),
      /Receive data from organisations<\/th><td class="govuk-table__cell"><strong class="govuk-tag govuk-tag--red">No/,
    );
  });

  test("names the holders that restrict a platform, with their reason", async () => {
    assert.match(await pageOf(platform), /No organisation restricts this data space/);
    const holder = await accreditedParticipant(portal.store, {
      entityId: "https://parc.example",
      roles: ["holder"],
      datasets: [dataset("energy.bills")],
    });
    const ports = { store: portal.store, clock: realClock, policy, queue: { ring: async () => undefined }, issuer: portal.origin };
    const reason = { fr: "La commission l’a demandé.", en: "The <i>committee</i> asked." };
    await excludePlatform(ports, { caller: holder.id, holderId: holder.id }, { platformId: platform.id, dataset: "*", reason });
    const { restrictions } = await profileOf(platform);
    assert.deepEqual(restrictions, [{ holder: holder.id, dataset: "*", state: "excluded", reason }]);
    const text = await pageOf(platform);
    assert.match(text, /Organisations that restrict it[\s\S]*parc\.example[\s\S]*The &lt;i&gt;committee&lt;\/i&gt; asked\./);
    assert.doesNotMatch(await pageOf(holder), /Organisations that restrict it/);
  });
});

describe("the figures", () => {
  let measured: Participant;
  before(async () => {
    measured = await portal.platform("Measured");
    await portal.apply(measured);
    await portal.look();
    // As if it had been accredited half a year ago: decisions never change, so the trigger is asleep for this statement.
    await onTheSide(`update decisions set decided_at = decided_at - interval '180 days' where participant_id = '${measured.id}'`);
  });

  /** Rows of the past, without the rows that they hang on: only the counting is looked at here. */
  const onTheSide = (statement: string): Promise<void> =>
    portal.query(`set session_replication_role = replica; ${statement}; reset session_replication_role`);

  const addLook = async (daysAgo: number, outcome: "passed" | "failed"): Promise<void> => {
    const id = newId("probeRun");
    await onTheSide(
      `insert into probe_runs (id, participant_id, asked_at, ended_at, concluded_at) values ('${id}', '${measured.id}', now() - interval '${daysAgo} days', now() - interval '${daysAgo} days', now());
       insert into probe_results (run_id, probe, outcome, title, detail, reproduce, started_at, milliseconds) values ('${id}', 'tls.configuration', '${outcome}', '{}', '{}', '', now() - interval '${daysAgo} days', 1)`,
    );
  };

  const addDelivery = (state: string, { person, daysAgo = 5 }: { person: string; daysAgo?: number }): Promise<void> =>
    onTheSide(
      `insert into transfers (id, consent_id, person_id, source_id, destination_id, datasets, state, epoch, attempts, due_at, expires_at, created_at, ended_at)
       values ('${newId("transfer")}', 'c', '${person}', 's', '${measured.id}', '{}', '${state}', 1, 1, now(), now(), now(), now() - interval '${daysAgo} days')`,
    );

  test("count days of looking, not looks: looking often changes nothing, and neither does today or what is long past", async () => {
    assert.deepEqual((await profileOf(measured)).indicators.looks, { days: 0, passed: 0 });
    assert.match(await pageOf(measured), /No check counted since it is accredited/);
    for (const [daysAgo, outcome] of [
      [3, "passed"],
      [3, "passed"],
      [4, "failed"],
      [4, "passed"],
      [5, "passed"],
      [100, "failed"],
      [0, "failed"],
    ] as const)
      await addLook(daysAgo, outcome);
    assert.deepEqual((await profileOf(measured)).indicators.looks, { days: 3, passed: 2 });
    assert.match(await pageOf(measured), /2 of 3 \(66%\)/);
  });

  test("about deliveries are shown from ten people on; what a person stopped does not count", async () => {
    for (let person = 0; person < 9; person += 1) await addDelivery(person === 0 ? "partial" : "verified", { person: `p${person}` });
    for (let more = 0; more < 5; more += 1) await addDelivery("verified", { person: "p1" });
    assert.equal((await profileOf(measured)).indicators.deliveries, null, "nine people, fourteen deliveries");
    assert.match(await pageOf(measured), /Too few to say: fewer than 10 people/);
    await addDelivery("cancelled", { person: "p10" });
    await addDelivery("verified", { person: "p11", daysAgo: 0 });
    await addDelivery("verified", { person: "p12", daysAgo: 95 });
    assert.equal((await profileOf(measured)).indicators.deliveries, null, "stopped, today, and long past");
    await addDelivery("failed", { person: "p13" });
    assert.deepEqual((await profileOf(measured)).indicators.deliveries, { ended: 15, verified: 13 });
    assert.match(await pageOf(measured, "fr"), /13 sur 15 \(86\u00a0?\u202f? ?%\)/);
  });

  test("about events show the median, and how many were acknowledged at all", async () => {
    const told = (seconds: number | null): Promise<void> =>
      onTheSide(
        `insert into notices (id, recipient_id, about_id, type, details, created_at, due_at, acknowledged_at)
         select '${newId("event")}', '${measured.id}', '${measured.id}', 'x', '{}', at, at, at + ${seconds === null ? "null" : `interval '${seconds} seconds'`}
         from (select now() - interval '2 days' as at) t`,
      );
    assert.match(await pageOf(measured), /It was told nothing/);
    await told(null);
    assert.match(await pageOf(measured), /1 told, none acknowledged/);
    for (const seconds of [2, 4, 600]) await told(seconds);
    const { events } = (await profileOf(measured)).indicators;
    assert.deepEqual(events, { told: 4, acknowledged: 3, median_seconds: 4 });
    assert.match(await pageOf(measured), /4 seconds; 3 of 4 acknowledged/);
  });

  test("count suspensions of a year", async () => {
    assert.equal((await profileOf(measured)).indicators.suspensions, 0);
    await suspend(portal.store, measured.id);
    assert.equal((await profileOf(measured)).indicators.suspensions, 1);
    await onTheSide(
      `update decisions set decided_at = decided_at - interval '367 days' where participant_id = '${measured.id}' and kind = 'suspend'`,
    );
    assert.equal((await profileOf(measured)).indicators.suspensions, 0);
  });
});

describe("two platforms", () => {
  test("stand side by side, the criteria that differ first", async () => {
    const other = await portal.platform("Serveur d’en face", { about: { country: "DE", privacyContact: "x@example.org" } });
    await portal.apply(other, { answers: { ...ANSWERS, "profile.own_space": "shared" } });
    await portal.look();
    await portal.store.write((w) =>
      w.cases.addRun({ id: newId("probeRun"), participantId: other.id, applicationId: null, round: null, askedAt: new Date() }),
    );
    await portal.look({ "pages.incidents": "failed" });
    const { status, text } = await portal.page(`/en/register/compare?a=${platform.id}&b=${other.id}`);
    assert.equal(status, 200);
    assert.match(text, /Criteria that differ \(1\)/);
    assert.match(text, /France[\s\S]*Germany/);
    assert.match(text, /A store of its own for each person, on a shared system[\s\S]*A shared store, kept apart by access rights/);
    assert.ok(text.indexOf("Criteria that differ") < text.indexOf("Criteria with the same outcome"));
    assert.match(text, /data-label="Nuage &lt;b&gt;libre&lt;\/b&gt;"/);
  });

  test("are chosen without JavaScript; what cannot be compared says so", async () => {
    const chooser = await portal.page("/fr/register/compare");
    assert.equal(chooser.status, 200);
    assert.match(chooser.text, new RegExp(`<option value="${platform.id}">`));
    const half = await portal.page(`/fr/register/compare?a=${platform.id}`);
    assert.match(half.text, new RegExp(`<option value="${platform.id}" selected>`));
    const same = await portal.page(`/fr/register/compare?a=${platform.id}&b=${platform.id}`);
    assert.equal(same.status, 422);
    assert.match(same.text, /Choisissez deux espaces différents/);
    assert.equal((await portal.page(`/fr/register/compare?a=${newId("participant")}`)).status, 404);
    assert.equal((await portal.page("/fr/register/compare?a=<script>")).status, 404);
  });
});

describe("a criterion", () => {
  test("has a page with its threat, its cases in words, and who meets it now", async () => {
    const { status, text } = await portal.page("/fr/charter/2026-11/hosting-kind");
    assert.equal(status, 200);
    assert.match(text, /des lieux de stockage cachés/);
    assert.match(text, /la réponse est Sur nos propres machines[\s\S]*Rempli/);
    assert.match(text, /la réponse est «\u00a0?\u202f? ?elsewhere[\s\S]*Non rempli/);
    assert.match(text, /Rien n’est connu[\s\S]*Pas encore montré/);
    assert.match(text, /La réponse est publiée/);
    assert.equal((await portal.page("/fr/charter/2026-11/no-such")).status, 404);
    const answer = await fetch(`${portal.origin}/v1/charters/2026-11/criteria/incident-page`);
    const { met_by: counts } = (await answer.json()) as { met_by: { asked: number; met: number } };
    assert.ok(counts.asked > 1 && counts.met === counts.asked - 2, JSON.stringify(counts));
    const page = await portal.page("/en/charter/2026-11/incident-page");
    assert.ok(page.text.includes(`${counts.met} of ${counts.asked} participants`));
  });

  test("of every kind has one, in both languages", async () => {
    for (const { id } of portal.charters.get("2026-11").criteria)
      for (const lang of ["fr", "en"]) {
        const { status, text } = await portal.page(`/${lang}/charter/2026-11/${id}`);
        assert.equal(status, 200, id);
        assert.doesNotMatch(text, /undefined|\[object/, id);
      }
  });
});

describe("a participant sees of itself", () => {
  test("its page as it would be, marked as a preview; nobody else does", async () => {
    const draft = await portal.platform("Brouillon");
    await portal.apply(draft, { submit: false });
    const cookie = await portal.member(draft);
    const path = `/en/organisation/${draft.id}/preview`;
    const { status, text } = await portal.page(path, { cookie });
    assert.equal(status, 200);
    assert.match(text, /This is a preview\. The public does not see it like this\./);
    assert.match(text, /\d+ criteria met[\s\S]*not shown yet/);
    assert.match(text, /The person, or a host of their choice/);
    assert.match(await pageOf(draft), /has not been accredited by an application/, "the public sees nothing of a draft");
    assert.equal((await profileOf(draft)).assessment, null);
    const stranger = await portal.member(platform);
    assert.equal((await portal.page(path, { cookie: stranger })).status, 404);
    assert.equal((await portal.page(path.replace("preview", "keys"), { cookie: stranger })).status, 404);
    assert.match((await portal.page(path)).text, /Sign in/);
  });

  test("its keys, how reading its configuration went, and what to do", async () => {
    const { publicJwk, kid } = await testKey();
    const keyed = await portal.platform("Clés", { federationKeys: [publicJwk] });
    const cookie = await portal.member(keyed);
    const page = async (): Promise<string> => (await portal.page(`/en/organisation/${keyed.id}/keys`, { cookie })).text;
    assert.match(await page(), new RegExp(kid));
    const put = (outcome: EntityOutcome, says: string | null): Promise<void> =>
      portal.store.write((w) =>
        w.configurations.put({
          participantId: keyed.id,
          jwt: null,
          issuedAt: null,
          candidate: null,
          strangeKeys: null,
          expiresAt: null,
          checkedAt: new Date(),
          nextAt: new Date(),
          failures: says === null ? 0 : 3,
          outcome,
          says,
        }),
      );
    for (const [outcome, says, todo] of [
      ["waiting", null, /It is read within minutes/],
      ["accepted", null, /publish the new one beside the old one first/],
      [
        "unreachable",
        "Nobody answers.",
        /3 failures in a row[\s\S]*Nobody answers\.[\s\S]*Make sure that your configuration answers at https/,
      ],
      ["refused", "In the entity configuration, keys <x>", /keys &lt;x&gt;[\s\S]*Correct what is said above/],
      ["keys_unconfirmed", "Unknown key.", /one of them confirms the new keys/],
    ] as const) {
      await put(outcome, says);
      assert.match(await page(), todo, outcome);
    }
  });
});
