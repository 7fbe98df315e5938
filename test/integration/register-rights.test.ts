import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Refused, registerClient, type RegisterClient } from "../../src/cli/register-client.ts";
import { newId, type ParticipantId } from "../../src/core/ids.ts";
import { ROUTES } from "../../src/http/routes.ts";
import { charter, charters, criterion, REASONS } from "../support/charter.ts";
import { startRegisterApi, type RegisterApi } from "../support/register-api.ts";

/**
 * Who may do what in the register, as a table over HTTP: every route that needs a token, and every role. `yes` answers 2xx, `no` answers as
 * listed; what is not theirs does not exist for them.
 */
const WHO = ["own", "other", "accreditor", "authority", "operator"] as const;
type Who = (typeof WHO)[number];

const words = { fr: "Réponse", en: "Answer" };
const VERSIONS = charters(
  charter("2026-11", [
    criterion({
      id: "hosting-country",
      check: { kind: "one_of", fact: "answers.hosting.country", values: ["FR"] },
      questions: [{ answer: "hosting.country", type: "country", label: words, hint: null, options: [] }],
    }),
    criterion({
      id: "audit",
      level: 2,
      check: { kind: "attested_by", evidence: "audit-report", issuers: null },
      evidence: { kind: "audit-report", title: words, maxAgeDays: null, issuer: null },
    }),
  ]),
);

let api: RegisterApi;
let clients: Record<Who, RegisterClient>;
let ids: {
  notice: string;
  consent: string;
  campaign: string;
  transfer: string;
  package: string;
  participant: string;
  application: string;
  evidence: string;
  organisation: string;
};

const evidenceFile = () => ({
  bytes: Buffer.from("%PDF-1.7 an audit"),
  query: { kind: "audit-report", name: "audit.pdf", date: "2026-01-01", issuer: "A" },
});
const review = { round: 1, verdict: "accredit", without_conflict: true, met: ["audit"], reasons: REASONS };

/** Platforms alone have one, and this Relais was given no folder for it. */
const MAILBOX = { own: 503, other: 503, accreditor: 403, authority: 403, operator: 403 };

// In this order: later rows stand on what earlier ones changed. A refusal names its status.
// oxfmt-ignore
const MATRIX: [method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "UPLOAD", path: string, body: () => object | undefined, answers: Record<Who, number>][] = [
  ["GET",    "/v1/applications",                                () => undefined,                       { own: 200, other: 200, accreditor: 200, authority: 200, operator: 403 }],
  ["POST",   "/v1/applications",                                () => ({ level: 2 }),                  { own: 201, other: 201, accreditor: 403, authority: 403, operator: 403 }],
  ["GET",    "/v1/applications/:application",                   () => undefined,                       { own: 200, other: 404, accreditor: 200, authority: 200, operator: 404 }],
  ["PATCH",  "/v1/applications/:application/answers",           () => ({ answers: { "hosting.country": "FR" } }), { own: 200, other: 404, accreditor: 404, authority: 404, operator: 404 }],
  ["POST",   "/v1/applications/:application/signature",         () => ({ digest: "digest-of-2026-11", signer: "director" }), { own: 200, other: 404, accreditor: 404, authority: 404, operator: 404 }],
  ["UPLOAD", "/v1/applications/:application/evidence",          () => undefined,                       { own: 201, other: 404, accreditor: 404, authority: 404, operator: 404 }],
  ["GET",    "/v1/evidence/:evidence",                          () => undefined,                       { own: 200, other: 404, accreditor: 200, authority: 200, operator: 404 }],
  ["GET",    "/v1/applications/:application/messages",          () => undefined,                       { own: 200, other: 404, accreditor: 200, authority: 200, operator: 404 }],
  ["POST",   "/v1/applications/:application/messages",          () => ({ text: "hello" }),             { own: 201, other: 404, accreditor: 201, authority: 404, operator: 404 }],
  ["POST",   "/v1/applications/:application/reviews",           () => review,                          { own: 403, other: 403, accreditor: 409, authority: 403, operator: 403 }],
  ["DELETE", "/v1/evidence/:evidence",                          () => undefined,                       { own: 204, other: 404, accreditor: 404, authority: 404, operator: 404 }],
  ["GET",    "/v1/participants/:participant/checks",            () => undefined,                       { own: 200, other: 404, accreditor: 200, authority: 200, operator: 404 }],
  ["POST",   "/v1/participants/:participant/checks",            () => undefined,                       { own: 202, other: 404, accreditor: 202, authority: 404, operator: 404 }],
  ["GET",    "/v1/participants/:participant/challenge",         () => undefined,                       { own: 200, other: 404, accreditor: 404, authority: 404, operator: 404 }],
  ["POST",   "/v1/participants/:participant/invitations",       () => undefined,                       { own: 201, other: 404, accreditor: 404, authority: 404, operator: 404 }],
  ["GET",    "/v1/participants/:participant/standing/preview",  () => undefined,                       { own: 403, other: 403, accreditor: 200, authority: 200, operator: 403 }],
  ["GET",    "/v1/participants/:participant/keys",              () => undefined,                       { own: 200, other: 404, accreditor: 200, authority: 200, operator: 404 }],
  ["POST",   "/v1/participants/:participant/keys",              () => ({ keys: ["A".repeat(43)] }),    { own: 403, other: 403, accreditor: 503, authority: 403, operator: 403 }],
  ["GET",    "/v1/participants/:participant/notices",           () => undefined,                       { own: 200, other: 404, accreditor: 200, authority: 200, operator: 404 }],
  ["POST",   "/v1/events/poll",                                 () => ({ ack: [] }),                   { own: 200, other: 200, accreditor: 403, authority: 403, operator: 403 }],
  ["GET",    "/v1/consents",                                    () => undefined,                       { own: 200, other: 200, accreditor: 403, authority: 403, operator: 403 }],
  ["GET",    "/v1/consents/:consent",                           () => undefined,                       { own: 404, other: 404, accreditor: 403, authority: 403, operator: 403 }],
  ["GET",    "/v1/mailbox",                                     () => undefined,                       MAILBOX],
  ["GET",    "/v1/mailbox/:transfer",                           () => undefined,                       MAILBOX],
  ["GET",    "/v1/mailbox/:transfer/packages",                  () => undefined,                       MAILBOX],
  ["GET",    "/v1/mailbox/:transfer/packages/:package",         () => undefined,                       MAILBOX],
  ["GET",    "/v1/mailbox/:transfer/manifest",                  () => undefined,                       MAILBOX],
  ["PUT",    "/v1/mailbox/:transfer/receipt",                   () => undefined,                       MAILBOX],
  ["POST",   "/v1/campaigns",                                   () => ({ source: ids.participant }),   { own: 403, other: 403, accreditor: 403, authority: 403, operator: 202 }],
  ["GET",    "/v1/campaigns",                                   () => undefined,                       { own: 200, other: 200, accreditor: 403, authority: 200, operator: 200 }],
  ["GET",    "/v1/campaigns/:campaign",                         () => undefined,                       { own: 200, other: 404, accreditor: 404, authority: 200, operator: 200 }],
  ["DELETE", "/v1/campaigns/:campaign",                         () => undefined,                       { own: 200, other: 404, accreditor: 404, authority: 403, operator: 200 }],
  ["POST",   "/v1/notices/:notice/retry",                       () => undefined,                       { own: 403, other: 403, accreditor: 409, authority: 403, operator: 409 }],
  ["POST",   "/v1/applications/:application/steps/withdraw",    () => undefined,                       { own: 200, other: 404, accreditor: 404, authority: 404, operator: 404 }],
  ["POST",   "/v1/participants/:participant/departure",         () => ({ reasons: REASONS }),          { own: 409, other: 404, accreditor: 404, authority: 404, operator: 404 }],
  ["POST",   "/v1/participants/:participant/standing",          () => ({ kind: "suspend", reasons: REASONS }), { own: 403, other: 403, accreditor: 200, authority: 403, operator: 403 }],
  ["POST",   "/v1/organisations/:organisation/standing",        () => ({ kind: "suspend", reasons: REASONS }), { own: 403, other: 403, accreditor: 200, authority: 403, operator: 403 }],
];

before(async () => {
  api = await startRegisterApi(VERSIONS);
  const own = await api.platform("own");
  const other = await api.platform("other");
  clients = {
    own: own.client,
    other: other.client,
    accreditor: await api.staff("accreditor", "accreditor A"),
    authority: await api.staff("authority", "authority"),
    operator: await api.staff("operator", "operator"),
  };
  const { id } = await own.client.send<{ id: string }>("POST", "/v1/applications", { level: 2 });
  const { evidence } = await own.client.upload<{ evidence: { id: string }[] }>(`/v1/applications/${id}/evidence`, evidenceFile());
  ids = {
    notice: newId("event"),
    consent: newId("consent"),
    campaign: await campaignOf(own.participant.id),
    transfer: newId("transfer"),
    package: newId("package"),
    participant: own.participant.id,
    application: id,
    evidence: String(evidence[0]?.id),
    organisation: own.organisation,
  };
  await startHolders();
  await startSuspended();
});
after(() => api[Symbol.asyncDispose]());

/** As it was asked for when the participant was accredited. */
async function campaignOf(participantId: ParticipantId): Promise<string> {
  const id = newId("campaign");
  const asked = { selection: {}, state: "asked", createdAt: new Date(), total: null, accepted: 0, refused: {}, endedAt: null } as const;
  await api.store.write((w) => w.campaigns.add({ id, participantId, ...asked }));
  return id;
}

const addressed = (path: string): string => path.replace(/:(\w+)/g, (_, name: string) => ids[name as keyof typeof ids]);

async function statusOf(who: Who, [method, path, body]: (typeof MATRIX)[number]): Promise<number> {
  const client = clients[who];
  try {
    if (method === "UPLOAD") await client.upload(addressed(path), evidenceFile());
    else if (method === "GET" && path.startsWith("/v1/evidence/")) await client.download(addressed(path));
    else if (method === "GET") await client.get(addressed(path));
    else await client.send(method, addressed(path), body());
    return 200;
  } catch (error) {
    assert.ok(error instanceof Refused, String(error));
    return error.status;
  }
}

for (const row of MATRIX) {
  // Those who may not come first: their try must leave everything as it is for the one who may.
  const order = WHO.toSorted((a, b) => Number(row[3][a] < 300) - Number(row[3][b] < 300));
  for (const who of order) {
    const wanted = row[3][who];
    test(`${who} ${row[0]} ${row[1]}: ${wanted}`, async () => {
      assert.equal(await statusOf(who, row), wanted < 300 ? 200 : wanted);
    });
  }
}

const VERBS: Record<string, string> = { UPLOAD: "POST", DOWNLOAD: "GET" };
/** What ids are called differs between the table and the routes. */
const nameless = (path: string): string => path.replace(/:\w+|\*/g, ":id");

test("every route of the register stands in the table", () => {
  const listed = new Set([...MATRIX, ...HOLDER_MATRIX].map(([method, path]) => `${VERBS[method] ?? method} ${nameless(path)}`));
  const missing = ROUTES.filter((route) => route.may === "register token")
    .map((route) => `${route.method.toUpperCase()} ${nameless(route.path.replace(":step", "withdraw"))}`)
    .filter((name) => !listed.has(name));
  assert.deepEqual(missing, []);
});

/** The holder's side, by the holder itself, another one, and a platform that it speaks of; `own` is the platform. */
const HOLDER_WHO = ["holder", "otherHolder", "platform", "stranger", "accreditor", "authority", "operator"] as const;
type HolderWho = (typeof HOLDER_WHO)[number];
const holderOnly = (status: number) => ({
  holder: status,
  otherHolder: 403,
  platform: 403,
  stranger: 403,
  accreditor: 403,
  authority: 403,
  operator: 403,
});
const readable = { holder: 200, otherHolder: 404, platform: 404, stranger: 404, accreditor: 200, authority: 200, operator: 404 };
const itselfOrOperator = { ...readable, accreditor: 404, authority: 404, operator: 200 };
const committee = { date: "2026-03-12", questions: ["Where?"], decision: "accepted", conditions: [], by: "Security committee" };
const reading = { verdict: "accept", without_conflict: true, reasons: REASONS };
const scan = () => ({
  bytes: Buffer.from("%PDF-1.7 a certificate"),
  query: { certificate: "iso-27001", name: "iso.pdf", issuer: "Certifier", date: "2026-01-01", valid_until: "2999-01-01" },
});

type HolderRow = [
  method: "GET" | "POST" | "PUT" | "DELETE" | "UPLOAD" | "DOWNLOAD",
  path: string,
  body: () => object | undefined,
  answers: Record<HolderWho, number>,
];

// oxfmt-ignore
const HOLDER_MATRIX: HolderRow[] = [
  ["PUT",      "/v1/participants/:holder/conditions/*",             () => ({ minimum_level: 2, reason: REASONS }),  holderOnly(200)],
  ["DELETE",   "/v1/participants/:holder/conditions/*",             () => undefined,                                holderOnly(200)],
  ["PUT",      "/v1/participants/:holder/exclusions/:platform/*",   () => ({ reason: REASONS }),                    holderOnly(200)],
  ["DELETE",   "/v1/participants/:holder/exclusions/:platform/*",   () => undefined,                                holderOnly(200)],
  ["PUT",      "/v1/participants/:holder/access/:platform",         () => ({ state: "closed", reason: REASONS }),   holderOnly(200)],
  ["POST",     "/v1/participants/:holder/reviews",                  () => ({ ...committee, platform: held.platform }), holderOnly(201)],
  ["GET",      "/v1/participants/:holder/matrix",                   () => undefined,                                readable],
  ["GET",      "/v1/participants/:holder/matrix/:platform",         () => undefined,                                readable],
  ["GET",      "/v1/participants/:holder/reviews",                  () => undefined,                                readable],
  ["PUT",      "/v1/participants/:holder/capacity",                 () => ({ per_second: 5, hours: { time_zone: "Europe/Paris", from: "22:00", to: "06:00" } }), itselfOrOperator],
  ["PUT",      "/v1/participants/:holder/pauses/*",                 () => ({ reason: "Wrong amounts." }),           itselfOrOperator],
  ["GET",      "/v1/participants/:holder/capacity",                 () => undefined,                                { ...readable, operator: 200 }],
  ["DELETE",   "/v1/participants/:holder/pauses/*",                 () => undefined,                                itselfOrOperator],
  ["GET",      "/v1/restrictions",                                  () => undefined,                                { holder: 403, otherHolder: 403, platform: 403, stranger: 403, accreditor: 200, authority: 200, operator: 403 }],
  ["POST",     "/v1/meetings",                                      () => ({ holder: held.holder, message: "Please open." }), { holder: 403, otherHolder: 403, platform: 201, stranger: 409, accreditor: 403, authority: 403, operator: 403 }],
  ["GET",      "/v1/meetings",                                      () => undefined,                                { holder: 200, otherHolder: 200, platform: 200, stranger: 200, accreditor: 403, authority: 403, operator: 403 }],
  ["POST",     "/v1/meetings/:meeting/answer",                      () => ({ state: "open" }),                      { holder: 200, otherHolder: 404, platform: 404, stranger: 404, accreditor: 403, authority: 403, operator: 403 }],
  ["UPLOAD",   "/v1/certificates",                                  () => undefined,                                { holder: 403, otherHolder: 403, platform: 201, stranger: 201, accreditor: 403, authority: 403, operator: 403 }],
  ["GET",      "/v1/certificates",                                  () => undefined,                                { holder: 200, otherHolder: 200, platform: 200, stranger: 200, accreditor: 200, authority: 200, operator: 403 }],
  ["GET",      "/v1/certificates/:certificate",                     () => undefined,                                { holder: 404, otherHolder: 404, platform: 200, stranger: 404, accreditor: 200, authority: 200, operator: 404 }],
  ["DOWNLOAD", "/v1/certificates/:certificate/file",                () => undefined,                                { holder: 404, otherHolder: 404, platform: 200, stranger: 404, accreditor: 200, authority: 200, operator: 404 }],
  ["POST",     "/v1/certificates/:certificate/readings",            () => reading,                                  { holder: 403, otherHolder: 403, platform: 403, stranger: 403, accreditor: 200, authority: 403, operator: 403 }],
  ["DELETE",   "/v1/certificates/:certificate",                     () => undefined,                                { holder: 404, otherHolder: 404, platform: 204, stranger: 404, accreditor: 404, authority: 404, operator: 404 }],
  ["GET",      "/v1/me",                                            () => undefined,                                { holder: 200, otherHolder: 200, platform: 200, stranger: 200, accreditor: 200, authority: 200, operator: 200 }],
];

let holderClients: Record<HolderWho, RegisterClient>;
const held: Record<string, string> = {};

async function startHolders(): Promise<void> {
  const [holder, otherHolder] = [await api.holder("energy", ["energy.bills"]), await api.holder("bank", ["bank.accounts"])];
  const [platform, stranger] = [await api.platform("nuage"), await api.platform("stranger")];
  await api.query(
    "update relais.participants set status = 'accredited' where entity_id in ('https://nuage.example', 'https://stranger.example')",
  );
  await api.query("update relais.trust_marks set revoked_at = null");
  const { accreditor, authority, operator } = clients;
  holderClients = {
    holder: holder.client,
    otherHolder: otherHolder.client,
    platform: platform.client,
    stranger: stranger.client,
    accreditor,
    authority,
    operator,
  };
  Object.assign(held, { holder: holder.participant.id, platform: platform.participant.id });
}

let suspendedClients: Record<"platform" | "holder", RegisterClient>;
let suspendedKeyFile: string;

/** Their tokens are from before the decision. */
async function startSuspended(): Promise<void> {
  const [platform, holder] = [await api.platform("digue"), await api.holder("water", ["water.readings"])];
  const { id } = await platform.client.send<{ id: string }>("POST", "/v1/applications", { level: 2 });
  for (const { participant } of [platform, holder])
    await clients.accreditor.send("POST", `/v1/participants/${participant.id}/standing`, { kind: "suspend", reasons: REASONS });
  const standings = await api.store.read(async (r) => [
    (await r.participants.get(platform.participant.id)).status,
    (await r.participants.get(holder.participant.id)).status,
  ]);
  assert.deepEqual(standings, ["suspended", "suspended"]);
  suspendedClients = { platform: platform.client, holder: holder.client };
  suspendedKeyFile = platform.keyFile;
  Object.assign(held, { case: id, suspendedPlatform: platform.participant.id, suspendedHolder: holder.participant.id });
}

function holderStatusOf(who: HolderWho, row: HolderRow): Promise<number> {
  return statusOfCall(holderClients[who], row, (id) => (who === "platform" ? (held["certificate"] = id) : undefined));
}

async function statusOfCall(
  client: RegisterClient,
  [method, path, body]: HolderRow,
  handedIn: (id: string) => void = () => undefined,
): Promise<number> {
  const at = path.replace(/:(\w+)/g, (_, name: string) => String(held[name]));
  try {
    if (method === "UPLOAD") {
      const { id } = await client.upload<{ id: string }>(at, scan());
      handedIn(id);
    } else if (method === "DOWNLOAD") await client.download(at);
    else if (method === "GET") await client.get(at);
    else {
      const answer = await client.send<{ id?: string } | undefined>(method, at, body());
      if (path === "/v1/meetings") held["meeting"] = String(answer?.id);
    }
    return 200;
  } catch (error) {
    assert.ok(error instanceof Refused, String(error));
    return error.status;
  }
}

for (const row of HOLDER_MATRIX)
  for (const who of HOLDER_WHO.toSorted((a, b) => Number(row[3][a] < 300) - Number(row[3][b] < 300))) {
    const wanted = row[3][who];
    test(`${who} ${row[0]} ${row[1]}: ${wanted}`, async () => {
      assert.equal(await holderStatusOf(who, row), wanted < 300 ? 200 : wanted);
    });
  }

/**
 * A suspended participant keeps its own token and its own case: it must be able to read why, to mend it and to contest it. It starts nothing new
 * with others, and nothing becomes its that was not. What a holder says of platforms stays its own: it counts when deliveries go on.
 */
// oxfmt-ignore
const SUSPENDED_MATRIX: [who: "platform" | "holder", method: HolderRow[0], path: string, body: HolderRow[2], status: number][] = [
  ["platform", "GET",    "/v1/me",                                         () => undefined,                             200],
  ["platform", "GET",    "/v1/applications/:case",                         () => undefined,                             200],
  ["platform", "POST",   "/v1/applications/:case/messages",                () => ({ text: "We contest it." }),          201],
  ["platform", "GET",    "/v1/participants/:suspendedPlatform/notices",    () => undefined,                             200],
  ["platform", "GET",    "/v1/participants/:suspendedPlatform/keys",       () => undefined,                             200],
  ["platform", "POST",   "/v1/participants/:suspendedPlatform/checks",     () => undefined,                             202],
  ["platform", "POST",   "/v1/events/poll",                                () => ({ ack: [] }),                         200],
  ["platform", "GET",    "/v1/certificates",                               () => undefined,                             200],
  ["platform", "UPLOAD", "/v1/certificates",                               () => undefined,                             403],
  ["platform", "POST",   "/v1/meetings",                                   () => ({ holder: held.holder, message: "Please open." }), 403],
  ["platform", "POST",   "/v1/participants/:suspendedPlatform/standing",   () => ({ kind: "reinstate", reasons: REASONS }), 403],
  ["platform", "GET",    "/v1/participants/:platform/notices",             () => undefined,                             404],
  ["holder",   "GET",    "/v1/me",                                         () => undefined,                             200],
  ["holder",   "GET",    "/v1/participants/:suspendedHolder/matrix",       () => undefined,                             200],
  ["holder",   "GET",    "/v1/participants/:suspendedHolder/reviews",      () => undefined,                             200],
  ["holder",   "PUT",    "/v1/participants/:suspendedHolder/conditions/*", () => ({ minimum_level: 2, reason: REASONS }), 200],
  ["holder",   "PUT",    "/v1/participants/:suspendedHolder/exclusions/:platform/*", () => ({ reason: REASONS }),       200],
  ["holder",   "GET",    "/v1/meetings",                                   () => undefined,                             200],
  ["holder",   "GET",    "/v1/restrictions",                               () => undefined,                             403],
  ["holder",   "GET",    "/v1/participants/:holder/matrix",                () => undefined,                             404],
  ["holder",   "PUT",    "/v1/participants/:holder/conditions/*",          () => ({ minimum_level: 2, reason: REASONS }), 403],
];

for (const [who, method, path, body, wanted] of SUSPENDED_MATRIX)
  test(`suspended ${who} ${method} ${path}: ${wanted}`, async () => {
    const row: HolderRow = [method, path, body, holderOnly(wanted)];
    assert.equal(await statusOfCall(suspendedClients[who], row), wanted < 300 ? 200 : wanted);
  });

test("a participant that is suspended gets a new token: it stays a client", async () => {
  const renewed = await registerClient({ relais: api.origin, clientId: "https://digue.example", keyFile: suspendedKeyFile });
  assert.deepEqual((await renewed.get<{ participant: string }>("/v1/me")).participant, held.suspendedPlatform);
});

test("what a participant states, and what is paused, is read as it was said; a time zone that is none is refused with its pointer", async () => {
  const { holder, operator } = holderClients;
  const at = `/v1/participants/${held["holder"]}`;
  const hours = { time_zone: "Europe/Paris", from: "22:00", to: "06:00", days: [1, 5] };
  await holder.send("PUT", `${at}/capacity`, { per_hour: 300, concurrent: 4, hours });
  await operator.send("PUT", `${at}/pauses/*`, { reason: "Their certificate runs out." });
  const { pauses, changed_at, ...stated } = await holder.get<{
    pauses: { by: string; dataset: string; reason: string }[];
    changed_at: string;
  }>(`${at}/capacity`);
  assert.deepEqual(stated, { participant: held["holder"], per_second: null, per_hour: 300, concurrent: 4, hours, set_by: "participant" });
  assert.ok(Date.parse(changed_at) > 0);
  assert.deepEqual(
    pauses.map(({ by, dataset, reason }) => [by, dataset, reason]),
    [["operator", "*", "Their certificate runs out."]],
  );
  const wrong = holder.send("PUT", `${at}/capacity`, { hours: { ...hours, time_zone: "Europe/Nowhere" } });
  await assert.rejects(wrong, (error: unknown) => error instanceof Refused && error.status === 400 && /time zone/.test(error.message));
  await assert.rejects(holder.send("DELETE", `${at}/pauses/*`, undefined), { status: 404 });
  await operator.send("DELETE", `${at}/pauses/*`, undefined);
});

test("what the holder's side holds is no public page: committee, matrix and files answer nobody without a token", async () => {
  for (const path of [`/v1/participants/${held["holder"]}/matrix`, `/v1/participants/${held["holder"]}/reviews`, "/v1/restrictions"])
    assert.equal((await fetch(`${api.origin}${path}`)).status, 401, path);
});

test("without a token, with a token of another kind, and after an office ended: 401", async () => {
  for (const { method, path } of ROUTES.filter((route) => route.may === "register token")) {
    const answer = await fetch(
      `${api.origin}${addressed(path.replace("/applications/:id", "/applications/:application").replaceAll(":id", ":participant").replace(":step", "submit").replace(":platform", ":participant").replace(":dataset", "*"))}`,
      {
        method: method.toUpperCase(),
        headers: { "content-type": "application/json" },
        ...(["get", "delete"].includes(method) ? {} : { body: "{}" }),
      },
    );
    assert.equal(answer.status, 401, `${method} ${path}`);
  }
  const dismissed = await api.staff("accreditor", "for a day");
  await dismissed.get("/v1/applications");
  api.dismiss("for a day");
  await assert.rejects(dismissed.get("/v1/applications"), { status: 401 });
});

test("what the authority looked at is written down", async () => {
  const views = await api.store.read((r) => r.accreditations.authorityViews(100));
  assert.ok(
    views.some(({ viewer, what }) => viewer === "authority" && what === `GET /v1/applications/${ids.application}`),
    JSON.stringify(views),
  );
});

test("evidence is a download of no type that a browser runs", async () => {
  const { client } = await api.platform("hostile");
  const { id } = await client.send<{ id: string }>("POST", "/v1/applications", { level: 2 });
  const file = { ...evidenceFile(), query: { ...evidenceFile().query, name: '"><script>alert(1)</script>.html' } };
  const { evidence } = await client.upload<{ evidence: { id: string; file_name: string }[] }>(`/v1/applications/${id}/evidence`, file);
  const { bytes, headers } = await client.download(`/v1/evidence/${evidence[0]?.id}`);
  assert.deepEqual(Buffer.from(bytes), file.bytes);
  assert.equal(headers.get("content-type"), "application/octet-stream");
  assert.match(String(headers.get("content-disposition")), /^attachment; filename="evd_\w+\.pdf"$/);
  assert.match(String(headers.get("content-security-policy")), /sandbox/);
});
