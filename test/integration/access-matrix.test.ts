import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { CertificateClaim } from "../../src/core/certificates/claim.ts";
import { newId } from "../../src/core/ids.ts";
import type { StaffMember } from "../../src/core/register/staff.ts";
import { charter, charters, criterion, suspend } from "../support/charter.ts";
import { seedPerson } from "../support/fault-relais.ts";
import { accreditedParticipant, dataset, markFor } from "../support/register-fixtures.ts";
import { startWholeApp, UPSTREAM, type WholeApp } from "../support/whole-app.ts";

/**
 * Who may see and change what, as one table over HTTP: every route of the product and every kind of visitor. What is not theirs does not exist
 * for them (404), who has not signed in is asked to (303), and a form that is empty is answered (422) only where it may be sent at all.
 * What a participant's own program may do, by a token of its key, stands in register-rights.test.ts; here it is shown that without one nobody may.
 */
// oxfmt-ignore
const WHO = [
  "nobody",
  /** Whose permission, transfer and switch these are. */
  "person",
  "stranger",
  /** Acts for the participant whose application this is. */
  "member",
  /** Acts for another participant. */
  "otherMember",
  /** Acts for a third one, which is suspended. */
  "suspendedMember",
  /** Acts for the holder whose conditions, matrix and committee these are. */
  "holder",
  /** Acts for another holder. */
  "otherHolder",
  "accreditor",
  /** An accreditor who acts for the applicant. */
  "partial",
  "authority",
] as const;
type Who = (typeof WHO)[number];
type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

const each = (...statuses: number[]): number[] => WHO.map((_, index) => statuses[index] ?? (statuses.at(-1) as number));
const OPEN = each(200);
/** Whoever has signed in, about themselves. */
const SIGNED_IN = each(303, 200);
const only = (who: readonly Who[], yes: number, no = 404): number[] =>
  WHO.map((one) => (one === "nobody" ? 303 : who.includes(one) ? yes : no));
const PERSONS = (status: number): number[] => only(["person"], status);
const MEMBERS = (status: number): number[] => only(["member", "partial"], status);
const HOLDERS = (status: number): number[] => only(["holder"], status);
const OFFICES = (status: number): number[] => only(["accreditor", "partial", "authority"], status);
/** A session is no way into the API: it takes tokens. */
const TOKEN = each(401);

// In this order: what changes something stands behind what only looks at it.
// oxfmt-ignore
const MATRIX: [method: Method, path: string, statuses: number[]][] = [
  // Pages for everybody.
  ["GET",  "/en/",                                            OPEN],
  ["GET",  "/en/register",                                    OPEN],
  ["GET",  "/en/register/compare",                            OPEN],
  ["GET",  "/en/register.atom",                               OPEN],
  ["GET",  "/en/register/:participant",                       OPEN],
  ["GET",  "/en/decisions/:decision",                         OPEN],
  ["GET",  "/en/events/:type",                                OPEN],
  ["GET",  "/en/charter",                                     OPEN],
  ["GET",  "/en/charter/diff",                                OPEN],
  ["GET",  "/en/charter/:version",                            OPEN],
  ["GET",  "/en/charter/:version/:criterion",                 OPEN],
  ["GET",  "/en/verify",                                      OPEN],
  ["POST", "/en/verify",                                      each(422)],
  ["GET",  "/en/sign-in",                                     each(200, 303)],
  ["GET",  "/en/sign-in/again",                               each(303)],
  ["GET",  "/en/sign-in/recovery",                            OPEN],
  ["POST", "/sign-in/recovery",                               each(400)],
  ["GET",  "/sign-out/done",                                  each(303)],
  ["GET",  "/en/deleted",                                     OPEN],
  ["GET",  "/en/problems",                                    OPEN],
  ["GET",  "/en/problems/:code",                              OPEN],
  ["GET",  "/en/accessibility",                               OPEN],
  ["GET",  "/en/legal",                                       OPEN],
  ["GET",  "/en/understand",                                  OPEN],
  ["GET",  "/en/privacy",                                     OPEN],
  ["GET",  "/",                                               each(302)],
  ["GET",  "/register/:participant",                          each(302)],
  ["GET",  "/events/:type",                                   each(302)],
  ["GET",  "/charter/:version",                               each(302)],
  ["GET",  "/assets/:tag/:name",                              each(404)],
  // Links in mails: the word in them is all that counts, whoever comes with it.
  ["GET",  "/en/mail/prove/:token",                           each(404)],
  ["POST", "/en/mail/prove/:token",                           each(404)],
  ["GET",  "/en/mail/permission/:token",                      each(404)],
  ["GET",  "/en/mail/permission/:token/stop",                 each(404)],
  ["POST", "/en/mail/permission/:token/stop",                 each(404)],
  ["GET",  "/en/mail/unsubscribe/:token",                     each(404)],
  ["POST", "/en/mail/unsubscribe/:token",                     each(404)],
  // A person's own.
  ["GET",  "/en/me/mail",                                     SIGNED_IN],
  ["POST", "/en/me/mail",                                     each(303, 503)],
  ["POST", "/en/me/mail/test",                                each(303, 404)],
  ["POST", "/en/me/mail/reminders",                           each(303)],
  ["POST", "/en/me/mail/remove",                              each(303)],
  ["GET",  "/en/me",                                          SIGNED_IN],
  ["POST", "/en/me/notices/:decision/read",                   PERSONS(303)],
  ["GET",  "/en/me/account",                                  SIGNED_IN],
  ["GET",  "/en/me/account/codes",                            SIGNED_IN],
  ["POST", "/en/me/account/codes",                            SIGNED_IN],
  ["POST", "/en/me/account/passkeys/:passkey/name",           each(303, 422)],
  ["POST", "/en/me/account/passkeys/:passkey/remove",         each(303, 404)],
  ["POST", "/en/me/account/sessions/:session/end",            each(303, 404)],
  ["POST", "/en/me/account/sessions/end",                     each(303)],
  ["GET",  "/en/me/account/export",                           SIGNED_IN],
  ["GET",  "/en/me/account/delete",                           SIGNED_IN],
  ["POST", "/en/me/account/delete",                           each(303, 422)],
  ["GET",  "/en/me/account/links/:link/remove",               PERSONS(200)],
  ["GET",  "/en/me/copy",                                     SIGNED_IN],
  ["POST", "/en/me/copy",                                     each(303, 422)],
  ["GET",  "/en/accounts",                                    SIGNED_IN],
  ["GET",  "/en/accounts/:participant",                       SIGNED_IN],
  ["POST", "/en/accounts/:participant",                       each(303, 415)],
  ["GET",  "/en/permissions",                                 SIGNED_IN],
  ["GET",  "/en/permissions/:consent",                        PERSONS(200)],
  ["GET",  "/en/permissions/:consent/decide",                 PERSONS(303)],
  ["POST", "/en/permissions/:consent/decide",                 PERSONS(303)],
  ["GET",  "/en/permissions/:consent/stop",                   PERSONS(200)],
  ["GET",  "/en/permissions/:consent/mandate",                PERSONS(200)],
  ["POST", "/en/permissions/:consent/end/read",               each(303, 404)],
  ["GET",  "/en/permissions/:consent/mandate.txt",            PERSONS(200)],
  ["GET",  "/en/me/journeys/:journey",                        PERSONS(200)],
  ["GET",  "/en/me/propose",                                  SIGNED_IN],
  ["POST", "/en/me/propose",                                  each(303, 422)],
  ["GET",  "/en/me/contracts",                                SIGNED_IN],
  ["GET",  "/en/me/contracts/shared/:consent",                each(303, 404)],
  ["POST", "/en/me/contracts/shared/:consent",                each(303, 400)],
  ["GET",  "/en/me/contracts/:link/stop",                     each(303, 404)],
  ["GET",  "/en/permissions/:consent/notice",                 PERSONS(200)],
  ["GET",  "/en/permissions/:consent/change",                 PERSONS(200)],
  ["POST", "/en/permissions/:consent/change",                 PERSONS(422)],
  ["GET",  "/en/permissions/:consent/renew",                  PERSONS(200)],
  ["GET",  "/en/permissions/:consent/problem",                PERSONS(200)],
  ["POST", "/en/permissions/:consent/problem",                PERSONS(422)],
  // Everything from or to one place, which the form has to name.
  ["GET",  "/en/permissions/stop",                            each(303, 404)],
  ["POST", "/en/permissions/stop",                            each(303, 404)],
  ["GET",  "/en/permissions/:consent/receipts/:change",       PERSONS(200)],
  ["GET",  "/en/permissions/:consent/receipts/:change/file",  PERSONS(503)],
  ["GET",  "/en/me/transfers",                                SIGNED_IN],
  ["GET",  "/en/me/transfers/:transfer",                      PERSONS(200)],
  ["GET",  "/en/me/transfers/:transfer/events",               PERSONS(200)],
  ["GET",  "/en/me/transfers/:transfer/manifest",             PERSONS(404)],
  ["GET",  "/en/me/transfers/:transfer/receipt",              PERSONS(404)],
  ["GET",  "/en/me/transfers/:transfer/cancel",               PERSONS(200)],
  ["GET",  "/en/me/switch",                                   SIGNED_IN],
  ["POST", "/en/me/switch",                                   each(303, 422)],
  ["GET",  "/en/me/switch/plan",                              each(303)],
  ["POST", "/en/me/switch/plan",                              each(303, 404)],
  ["GET",  "/en/me/switch/:switch",                           PERSONS(200)],
  ["GET",  "/en/me/switch/:switch/close",                     PERSONS(409)],
  ["POST", "/en/me/switch/:switch/close",                     PERSONS(409)],
  ["POST", "/en/me/switch/:switch/retry",                     PERSONS(403)],
  ["POST", "/en/permissions/:consent/start",                  PERSONS(303)],
  ["POST", "/en/me/transfers/:transfer/cancel",               PERSONS(303)],
  ["POST", "/en/permissions/:consent/stop",                   PERSONS(303)],
  ["POST", "/en/me/contracts/:link/stop",                     PERSONS(303)],
  ["POST", "/en/me/account/links/:link/remove",               PERSONS(303)],
  // A participant's own.
  ["GET",  "/en/organisation",                                SIGNED_IN],
  ["GET",  "/en/invitation",                                  SIGNED_IN],
  ["POST", "/en/invitation",                                  each(303, 404)],
  ["GET",  "/en/organisation/:participant",                   MEMBERS(200)],
  ["GET",  "/en/organisation/:participant/section/hosting",   MEMBERS(200)],
  ["POST", "/en/organisation/:participant/section/hosting",   MEMBERS(303)],
  ["GET",  "/en/organisation/:participant/evidence",          MEMBERS(200)],
  ["POST", "/en/organisation/:participant/evidence",          MEMBERS(422)],
  ["GET",  "/en/organisation/:participant/evidence/:evidence", MEMBERS(200)],
  ["GET",  "/en/organisation/:participant/requests",          MEMBERS(200)],
  ["POST", "/en/organisation/:participant/requests/problems/:problem", MEMBERS(422)],
  ["GET",  "/en/organisation/:participant/checks",            MEMBERS(200)],
  ["POST", "/en/organisation/:participant/checks",            MEMBERS(303)],
  ["POST", "/en/organisation/:participant/messages",          MEMBERS(422)],
  ["POST", "/en/organisation/:participant/begin",             MEMBERS(303)],
  ["POST", "/en/organisation/:participant/submit",            MEMBERS(422)],
  ["POST", "/en/organisation/:participant/reopen",            MEMBERS(422)],
  ["GET",  "/en/organisation/:participant/preview",           MEMBERS(200)],
  ["GET",  "/en/organisation/:participant/keys",              MEMBERS(200)],
  ["GET",  "/en/organisation/:participant/holders",           MEMBERS(200)],
  ["POST", "/en/organisation/:participant/holders",           MEMBERS(422)],
  ["GET",  "/en/organisation/:participant/certificates",      MEMBERS(200)],
  ["POST", "/en/organisation/:participant/certificates",      MEMBERS(422)],
  ["GET",  "/en/organisation/:participant/certificates/:certificate", MEMBERS(200)],
  // A holder's own: nobody else reads or changes what it says of platforms, the platform itself least of all.
  ["GET",  "/en/organisation/:holder",                        HOLDERS(200)],
  ["GET",  "/en/organisation/:holder/keys",                   HOLDERS(200)],
  ["GET",  "/en/organisation/:holder/conditions",             HOLDERS(200)],
  ["POST", "/en/organisation/:holder/conditions",             HOLDERS(422)],
  ["GET",  "/en/organisation/:holder/platforms",              HOLDERS(200)],
  ["GET",  "/en/organisation/:holder/platforms/:participant", HOLDERS(200)],
  ["POST", "/en/organisation/:holder/platforms/:participant", HOLDERS(422)],
  ["POST", "/en/organisation/:holder/platforms/:participant/reviews", HOLDERS(422)],
  // What only the other kind of participant has does not exist for its own people either.
  ["GET",  "/en/organisation/:participant/conditions",        MEMBERS(404)],
  ["GET",  "/en/organisation/:participant/platforms",         MEMBERS(404)],
  ["GET",  "/en/organisation/:holder/holders",                HOLDERS(404)],
  // Offices: what the applicant may not see, and what an accreditor who acts for it may not decide.
  ["GET",  "/en/accreditation",                               OFFICES(200)],
  ["GET",  "/en/accreditation/applications/:application",     OFFICES(200)],
  ["GET",  "/en/accreditation/evidence/:evidence",            OFFICES(200)],
  ["GET",  "/en/accreditation/participants/:participant",     OFFICES(200)],
  ["POST", "/en/accreditation/applications/:application/messages", OFFICES(422)],
  ["POST", "/en/accreditation/applications/:application/review",   OFFICES(422)],
  ["POST", "/en/accreditation/participants/:participant",     OFFICES(422)],
  ["POST", "/en/accreditation/participants/:participant/keys", OFFICES(422)],
  ["POST", "/en/accreditation/participants/:participant/notices/:notice", OFFICES(303).map((status, index) => (WHO[index] === "authority" ? 403 : status))],
  ["GET",  "/en/accreditation/organisations/:organisation",   OFFICES(200)],
  ["POST", "/en/accreditation/organisations/:organisation",   OFFICES(422)],
  ["GET",  "/en/accreditation/certificates/:certificate",     OFFICES(200)],
  ["GET",  "/en/accreditation/certificates/:certificate/file", OFFICES(200)],
  ["POST", "/en/accreditation/certificates/:certificate",     OFFICES(422)],
  ["GET",  "/en/authority",                                   only(["authority"], 200)],
  // The operator's office: none of these has it.
  ["GET",  "/en/operator/notices",                            each(303, 404)],
  ["POST", "/en/operator/notices",                            each(303, 404)],
  ["GET",  "/en/operator/problems",                           each(303, 404)],
  ["POST", "/en/operator/problems/:problem",                  each(303, 404)],
  ["GET",  "/en/operator/queue",                              each(303, 404)],
  ["GET",  "/en/operator/transfers",                          each(303, 404)],
  ["GET",  "/en/operator/transfers/:transfer",                each(303, 404)],
  ["GET",  "/en/operator/dead-letters",                       each(303, 404)],
  ["POST", "/en/operator/dead-letters",                       each(303, 404)],
  ["POST", "/en/organisation/:participant/evidence/:evidence/remove", only(["member"], 303)],
  // Both act for it: the first one did it, and nothing is left for the second.
  ["POST", "/en/organisation/:participant/certificates/:certificate/remove", only(["member"], 303).map((status, index) => (WHO[index] === "partial" ? 422 : status))],
  ["POST", "/en/organisation/:participant/withdraw",          only(["member"], 303).map((status, index) => (WHO[index] === "partial" ? 422 : status))],
  // Signing in and out.
  ["GET",  "/sign-in/start",                                  each(503)],
  ["GET",  "/sign-in/callback",                               each(401)],
  ["GET",  "/link/:participant/start",                        each(303, 415)],
  ["GET",  "/link/callback",                                  each(401)],
  // OAuth: what comes without a client, or without a running request.
  ["GET",  "/.well-known/jwks.json",                          OPEN],
  ["GET",  "/.well-known/oauth-authorization-server",         OPEN],
  ["GET",  "/interaction/:uid",                               each(404)],
  ["GET",  "/interaction/:uid/finish",                        each(404)],
  // Federation and log: for everybody, with the question that they need.
  ["GET",  "/.well-known/openid-federation",                  OPEN],
  ["GET",  "/federation/fetch",                               each(400)],
  ["GET",  "/federation/list",                                OPEN],
  ["GET",  "/federation/resolve",                             each(400)],
  ["GET",  "/federation/trust-mark",                          each(400)],
  ["POST", "/federation/trust-mark-status",                   each(400)],
  ["GET",  "/federation/trust-mark-list",                     each(400)],
  ["GET",  "/federation/historical-keys",                     OPEN],
  ["GET",  "/status-lists/trust-marks",                       OPEN],
  ["GET",  "/status-lists/consents/:list",                    OPEN],
  ["GET",  "/log/key",                                        OPEN],
  ["GET",  "/log/checkpoint",                                 OPEN],
  ["GET",  "/log/tile/*path",                                 each(400)],
  ["GET",  "/log/entry/:index",                               OPEN],
  ["GET",  "/log/proof/:index",                               OPEN],
  // The API: open, or by token.
  ["GET",  "/v1/openapi.json",                                OPEN],
  ["GET",  "/v1/participants",                                OPEN],
  ["GET",  "/v1/participants.csv",                            OPEN],
  ["GET",  "/v1/trust-list",                                  OPEN],
  ["GET",  "/v1/participants/:participant",                   OPEN],
  ["GET",  "/v1/participants/:participant/profile",           OPEN],
  ["GET",  "/v1/participants/:holder/conditions",             OPEN],
  ["GET",  "/v1/participants/:participant/decisions",         OPEN],
  ["POST", "/v1/participants",                                each(400)],
  ["POST", "/v1/verifications",                               each(415)],
  ["GET",  "/v1/charters",                                    OPEN],
  ["GET",  "/v1/charters/:version",                           OPEN],
  ["GET",  "/v1/charters/:version/criteria/:criterion",       OPEN],
  ["GET",  "/v1/charters/:version/changes/:version",          OPEN],
  ["GET",  "/v1/notice-texts/1/fr",                           OPEN],
  ["GET",  "/v1/decisions",                                   OPEN],
  ["GET",  "/v1/decisions/:decision",                         OPEN],
  ["GET",  "/health/live",                                    OPEN],
  ["GET",  "/health/ready",                                   OPEN],
  ["GET",  "/v1/consents",                                    TOKEN],
  ["GET",  "/v1/consents/:consent",                           TOKEN],
  ["POST", "/v1/transfers",                                   TOKEN],
  ["GET",  "/v1/transfers/:transfer",                         TOKEN],
  ["POST", "/v1/campaigns",                                   TOKEN],
  ["GET",  "/v1/campaigns",                                   TOKEN],
  ["GET",  "/v1/campaigns/:campaign",                         TOKEN],
  ["DELETE", "/v1/campaigns/:campaign",                       TOKEN],
  ["GET",  "/v1/mailbox",                                     TOKEN],
  ["GET",  "/v1/mailbox/:transfer",                           TOKEN],
  ["GET",  "/v1/mailbox/:transfer/packages",                  TOKEN],
  ["GET",  "/v1/mailbox/:transfer/packages/:package",         TOKEN],
  ["GET",  "/v1/mailbox/:transfer/manifest",                  TOKEN],
  ["PUT",  "/v1/mailbox/:transfer/receipt",                   TOKEN],
  ["GET",  "/v1/me",                                          TOKEN],
  ["PUT",  "/v1/participants/:holder/conditions/:dataset",    TOKEN],
  ["DELETE", "/v1/participants/:holder/conditions/:dataset",  TOKEN],
  ["PUT",  "/v1/participants/:holder/exclusions/:participant/:dataset",    TOKEN],
  ["DELETE", "/v1/participants/:holder/exclusions/:participant/:dataset",  TOKEN],
  ["PUT",  "/v1/participants/:holder/access/:participant",    TOKEN],
  ["GET",  "/v1/participants/:holder/matrix",                 TOKEN],
  ["GET",  "/v1/participants/:holder/matrix/:participant",    TOKEN],
  ["GET",  "/v1/participants/:holder/reviews",                TOKEN],
  ["POST", "/v1/participants/:holder/reviews",                TOKEN],
  ["GET",  "/v1/participants/:holder/capacity",               TOKEN],
  ["PUT",  "/v1/participants/:holder/capacity",               TOKEN],
  ["PUT",  "/v1/participants/:holder/pauses/:dataset",        TOKEN],
  ["DELETE", "/v1/participants/:holder/pauses/:dataset",      TOKEN],
  ["GET",  "/v1/restrictions",                                TOKEN],
  ["GET",  "/v1/meetings",                                    TOKEN],
  ["POST", "/v1/meetings",                                    TOKEN],
  ["POST", "/v1/meetings/:meeting/answer",                    TOKEN],
  ["GET",  "/v1/certificates",                                TOKEN],
  ["POST", "/v1/certificates",                                TOKEN],
  ["GET",  "/v1/certificates/:certificate",                   TOKEN],
  ["GET",  "/v1/certificates/:certificate/file",              TOKEN],
  ["POST", "/v1/certificates/:certificate/readings",          TOKEN],
  ["DELETE", "/v1/certificates/:certificate",                 TOKEN],
  ["GET",  "/v1/participants/:participant/keys",              TOKEN],
  ["POST", "/v1/participants/:participant/keys",              TOKEN],
  ["GET",  "/v1/participants/:participant/checks",            TOKEN],
  ["POST", "/v1/participants/:participant/checks",            TOKEN],
  ["GET",  "/v1/participants/:participant/challenge",         TOKEN],
  ["POST", "/v1/participants/:participant/invitations",       TOKEN],
  ["GET",  "/v1/participants/:participant/standing/preview",  TOKEN],
  ["POST", "/v1/participants/:participant/standing",          TOKEN],
  ["POST", "/v1/participants/:participant/departure",         TOKEN],
  ["GET",  "/v1/participants/:participant/notices",           TOKEN],
  ["POST", "/v1/organisations/:organisation/standing",        TOKEN],
  ["GET",  "/v1/applications",                                TOKEN],
  ["POST", "/v1/applications",                                TOKEN],
  ["GET",  "/v1/applications/:application",                   TOKEN],
  ["PATCH", "/v1/applications/:application/answers",          TOKEN],
  ["POST", "/v1/applications/:application/signature",         TOKEN],
  ["POST", "/v1/applications/:application/evidence",          TOKEN],
  ["GET",  "/v1/applications/:application/messages",          TOKEN],
  ["POST", "/v1/applications/:application/messages",          TOKEN],
  ["POST", "/v1/applications/:application/reviews",           TOKEN],
  ["POST", "/v1/applications/:application/steps/submit",      TOKEN],
  ["POST", "/v1/events/poll",                                 TOKEN],
  ["POST", "/v1/notices/:notice/retry",                       TOKEN],
  ["GET",  "/v1/evidence/:evidence",                          TOKEN],
  ["DELETE", "/v1/evidence/:evidence",                        TOKEN],
  // Last: it ends the session.
  ["POST", "/sign-out",                                       each(303)],
];

/** Answered by oidc-provider for every method; test/integration/authorization-flow.test.ts is about them. */
const OAUTH = [
  "/.well-known/openid-configuration",
  "/auth",
  "/auth/:",
  "/request",
  "/token",
  "/token/introspection",
  "/token/revocation",
  "/grants/:",
  "/reg",
];

const words = { fr: "Réponse", en: "Answer" };
const VERSIONS = charters(
  charter("2026-11", [
    criterion({
      id: "hosting-country",
      section: "hosting",
      check: { kind: "one_of", fact: "answers.hosting.country", values: ["FR"] },
      questions: [{ answer: "hosting.country", type: "text", label: words, hint: null, options: [] }],
    }),
    criterion({
      id: "audit",
      level: 2,
      check: { kind: "attested_by", evidence: "audit-report", issuers: null },
      evidence: { kind: "audit-report", title: words, maxAgeDays: null, issuer: null },
    }),
  ]),
);

let whole: WholeApp;
let cookies: Record<Who, string>;
let ids: Record<string, string>;

before(async () => {
  whole = await startWholeApp(VERSIONS);
  const { store } = whole;
  const holder = await accreditedParticipant(store, {
    entityId: "https://holder.example",
    roles: ["holder"],
    datasets: [dataset("bills")],
    about: { country: "FR", privacyContact: "x", synthetic: true },
  });
  const [own, other, third] = await Promise.all(
    ["own", "other", "third"].map((name) => accreditedParticipant(store, { entityId: `https://${name}.example`, roles: ["platform"] })),
  );
  assert.ok(own && other && third);
  const otherHolder = await accreditedParticipant(store, {
    entityId: "https://bank.example",
    roles: ["holder"],
    datasets: [dataset("bills")],
  });
  const decision = await suspend(store, third.id);
  const visitors = await Promise.all(WHO.map(async (who) => [who, await whole.signIn(who)] as const));
  const found = Object.fromEntries(visitors) as Record<Who, Awaited<ReturnType<WholeApp["signIn"]>>>;
  cookies = { ...(Object.fromEntries(visitors.map(([who, { cookie }]) => [who, cookie])) as Record<Who, string>), nobody: "" };
  for (const [name, office] of [
    ["accreditor", "accreditor"],
    ["partial", "accreditor"],
    ["authority", "authority"],
  ] as [Who, StaffMember["office"]][])
    whole.staff.set(name, { name, office, person: { issuer: UPSTREAM, subject: name }, keys: [] });
  const acts = [
    ["member", own],
    ["partial", own],
    ["otherMember", other],
    ["suspendedMember", third],
    ["holder", holder],
    ["otherHolder", otherHolder],
  ] as const;
  const [organisation, application, evidence, swt] = [newId("organisation"), newId("application"), newId("evidence"), newId("switch")];
  const at = new Date();
  const seeded = await seedPerson(store, { source: holder, destination: own, sourceAccount: "c-1", destinationAccount: "s-1" });
  const journey = newId("journey");
  const consent = await seeded.consent(["bills"]);
  const transfer = await seeded.transfer(consent);
  // In one statement: a permission and its accounts are of one person at any moment.
  await whole.query(`with consent as (update relais.consents set person_id = '${found.person.personId}'),
    transfer as (update relais.transfers set person_id = '${found.person.personId}')
    update relais.account_links set person_id = '${found.person.personId}'`);
  const certificate = newId("certificate");
  await store.write(async (w) => {
    await w.claims.add(certificateOf(certificate, own.id, at), Buffer.from("%PDF-1.7"));
    await w.notices.tell({ type: "accreditation-suspended", about: third.id, at, details: {} }, [other.id]);
    for (const [who, { id }] of acts) await w.cases.addMembership({ personId: found[who].personId, participantId: id, addedAt: at });
    await w.cases.addOrganisation({ id: organisation, name: "Own", country: "FR", status: "active", createdAt: at });
    await w.cases.attach(own.id, organisation);
    await w.cases.addApplication({
      id: application,
      participantId: own.id,
      organisationId: organisation,
      charterVersion: "2026-11",
      level: 2,
      state: "draft",
      answers: {},
      submittedAnswers: null,
      round: 0,
      createdAt: at,
      submittedAt: null,
      changedAt: at,
      until: null,
    });
    await w.cases.addEvidence(
      {
        id: evidence,
        applicationId: application,
        kind: "audit-report",
        fileName: "a.pdf",
        mediaType: "application/pdf",
        bytes: 8,
        sha256: "x",
        date: "2026-01-01",
        issuer: "A",
        certificate: null,
        validUntil: null,
        addedAt: at,
      },
      Buffer.from("%PDF-1.7"),
    );
    await w.moves.add({
      id: swt,
      personId: found.person.personId,
      sourceId: holder.id,
      destinationId: own.id,
      sourceLinkId: consent.sourceLinkId,
      destinationLinkId: consent.destinationLinkId,
      state: "planned",
      consentId: consent.id,
      transferId: transfer.id,
      epoch: 0,
      createdAt: at,
      verifiedAt: null,
      closedAt: null,
    });
    await w.routes.add({
      id: journey,
      personId: found.person.personId,
      destinationLinkId: consent.destinationLinkId,
      createdAt: at,
      expiresAt: at,
    });
    await w.register.addMark(markFor(other.id));
  });
  await whole.query(`insert into relais.person_notices (person_id, decision_id, participant_id, kind, at)
    values ('${found.person.personId}', '${decision.id}', '${third.id}', 'suspended', now())`);
  await whole.query("update relais.notices set given_up_at = now()");
  const [givenUp] = await store.read((r) => r.outbox.about(third.id, 1));
  ids = {
    holder: holder.id,
    participant: own.id,
    organisation,
    application,
    evidence,
    switch: swt,
    journey,
    consent: consent.id,
    list: "0",
    change: String((await store.read((r) => r.changes.of(consent.id))).at(-1)?.id),
    link: consent.sourceLinkId,
    passkey: newId("passkey"),
    session: newId("session"),
    transfer: transfer.id,
    decision: decision.id,
    notice: String(givenUp?.id),
    certificate,
    campaign: newId("campaign"),
    meeting: newId("meeting"),
    problem: newId("problem"),
    dataset: "bills",
    criterion: "audit",
    type: "accreditation-suspended",
    version: "2026-11",
    code: "not_found",
    tag: "none",
    name: "x.css",
    uid: "nobody",
    index: "0",
  };
});
after(() => whole?.[Symbol.asyncDispose]());

function certificateOf(id: CertificateClaim["id"], platformId: CertificateClaim["platformId"], at: Date): CertificateClaim {
  return {
    id,
    platformId,
    certificate: "iso-27001",
    issuer: "Certifier",
    date: "2026-01-01",
    validUntil: "2999-01-01",
    fileName: "iso.pdf",
    mediaType: "application/pdf",
    bytes: 8,
    sha256: "x",
    state: "handed_in",
    handedInAt: at,
    decidedAt: null,
  };
}

/** Where a form without an answer is refused to everybody alike: what it takes to get as far as the right. */
const FORMS: Record<string, Record<string, string>> = {
  "/en/permissions/:consent/decide": { answer: "accept" },
  "/en/me/mail/reminders": { want: "yes" },
};

const addressed = (path: string): string => path.replace(/:(\w+)/g, (_, name: string) => String(ids[name])).replace("*path", "x");

async function statusOf(method: Method, path: string, who: Who): Promise<number> {
  const left = new AbortController();
  const response = await fetch(`${whole.origin}${addressed(path)}`, {
    method,
    redirect: "manual",
    signal: left.signal,
    headers: { accept: "text/html", origin: whole.origin, ...(cookies[who] === "" ? {} : { cookie: cookies[who] }) },
    ...(method === "GET" || method === "DELETE" ? {} : { body: new URLSearchParams(FORMS[path]) }),
  });
  // Nobody reads to the end of an event stream.
  left.abort();
  return response.status;
}

/** Of the two who act for the participant the first one does it. */
const rank = ({ who, wanted }: { who: Who; wanted: number }): number => (who === "member" || who === "partial" ? 0 : wanted);

for (const [method, path, statuses] of MATRIX)
  test(`${method} ${path}`, async () => {
    const found: Record<string, number> = {};
    // Those who may not come first: their try must leave everything as it is for the one who may.
    const order = WHO.map((who, index) => ({ who, wanted: statuses[index] as number })).toSorted((a, b) => rank(b) - rank(a));
    for (const { who } of order) found[who] = await statusOf(method, path, who);
    assert.deepEqual(found, Object.fromEntries(order.map(({ who, wanted }) => [who, wanted])));
  });

test("a whole form decides for an accreditor alone, and never for one who acts for the participant", async () => {
  const form = new URLSearchParams({ kind: "suspend", reasonFr: "Essai.", reasonEn: "A test." });
  const decide = async (who: Who): Promise<{ status: number; standing: string }> => {
    const headers = { origin: whole.origin, cookie: (await whole.signIn(who)).cookie };
    const url = `${whole.origin}/en/accreditation/participants/${ids["participant"]}`;
    const { status } = await fetch(url, { method: "POST", redirect: "manual", headers, body: form });
    const { status: standing } = await whole.store.read((r) => r.participants.get(ids["participant"] as `prt_${string}`));
    return { status, standing };
  };
  assert.deepEqual(await decide("partial"), { status: 403, standing: "accredited" });
  assert.deepEqual(await decide("authority"), { status: 403, standing: "accredited" });
  assert.deepEqual(await decide("member"), { status: 404, standing: "accredited" });
  assert.deepEqual(await decide("accreditor"), { status: 303, standing: "suspended" });
});

interface Layer {
  route?: { path: string | string[]; stack: { method?: string }[] };
  handle?: { stack?: Layer[] };
}

/** Every route that the running application has, however it was mounted. */
function routesOf(stack: Layer[]): string[] {
  return stack.flatMap(({ route, handle }) => {
    if (route === undefined) return routesOf(handle?.stack ?? []);
    const known = route.stack.map(({ method }) => method);
    // What answers to every method there is, to those too that nobody serves, refuses them all.
    if (known.includes("trace")) return [route.path].flat().map((path) => `ALL ${plain(path)}`);
    const methods = new Set(known.filter((method) => SERVED.includes(method ?? "")));
    return [route.path].flat().flatMap((path) => [...methods].map((method) => `${method?.toUpperCase()} ${plain(path)}`));
  });
}
const SERVED = ["get", "post", "patch", "put", "delete"];
const plain = (path: string): string =>
  path
    .replace(/^\/en(?=\/)/, "")
    .replace(/\*\w+/, "*")
    .replace(/:\w+/g, ":");

test("every route of the running product stands in the table", () => {
  const literal = (path: string): string =>
    plain(path)
      .replace("/section/hosting", "/section/:")
      .replace("/steps/submit", "/steps/:")
      .replace("/notice-texts/1/fr", "/notice-texts/:/:");
  const listed = new Set(MATRIX.map(([method, path]) => `${method} ${literal(path)}`));
  const found = routesOf((whole.app as unknown as { router: { stack: Layer[] } }).router.stack);
  assert.ok(found.length > 150, `${found.length} routes were found`);
  const isOauth = (name: string): boolean => OAUTH.some((path) => name.endsWith(` ${path}`));
  const missing = [...new Set(found)].filter((name) => !listed.has(name) && !name.startsWith("ALL ") && !isOauth(name));
  assert.deepEqual(missing, []);
  assert.deepEqual(
    [...listed].filter((name) => !found.includes(name) && !name.includes("oauth-authorization-server")),
    [],
  );
});
