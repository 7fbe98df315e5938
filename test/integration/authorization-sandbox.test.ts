import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import { grantConsent } from "../../src/core/consent/decide-consent.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import type { PersonId } from "../../src/core/ids.ts";
import { accreditParticipant } from "../../src/core/register/accredit-participant.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { registerParticipant } from "../../src/core/register/register-participant.ts";
import { PLAIN, REASONS } from "../support/charter.ts";
import { createEntityConfigurations } from "../../src/federation/entity-configuration.ts";
import { clientKey } from "../../src/keys/client-key.ts";
import { createConsentTokens } from "../../src/keys/consent-tokens.ts";
import { signCompact } from "../../src/keys/signer.ts";
import { verifyEntityConfiguration } from "../../src/keys/verifier.ts";
import { accountsByPersona } from "../../src/sandbox/accounts/accounts.ts";
import { startHolder, type Program } from "../../src/sandbox/holder/holder.ts";
import { createSignin } from "../../src/signin/signin.ts";
import { clock, startAuthorization, type Setup } from "../support/authorization-server.ts";
import { policy } from "../support/policy.ts";
import { browser } from "../support/platform-client.ts";
import { accreditedParticipant, linkAccount } from "../support/register-fixtures.ts";
import { loopbackFetch } from "../support/web-fetch.ts";
import { realClock } from "../support/real-clock.ts";

const SEED = "1";
const person = accountsByPersona(SEED).find(({ persona }) => persona.customers.energy !== undefined) as ReturnType<
  typeof accountsByPersona
>[number];
let setup: Setup;
let program: Program;
let dir: string;
let holder: Participant;
let platform: Participant;
let personId: PersonId;

before(async () => {
  setup = await startAuthorization();
  dir = await mkdtemp(join(tmpdir(), "relais-sandbox-"));
  program = await startHolder({ holder: "energy", dataDir: dir, seed: SEED, relais: setup.issuer, host: "127.0.0.1", port: 0 });
  setup.routes.use(
    createSignin({
      issuer: setup.issuer,
      upstreams: [{ id: "default", name: null, least: null, issuer: "https://unused.example", clientId: "x" }],
      passkeys: true,
      newcomers: { mostPerHour: 1000, networkMark: () => null },
      store: setup.store,
      clock,
      records: setup.records,
      network: { fetchFor: () => loopbackFetch },
      fetchOrigin: () => loopbackFetch,
      decryptionKeys: async () => [],
      clientKey: () => clientKey(setup.web.current("signin")),
      allowLoopback: true,
    }),
  );
  const entityConfigurations = createEntityConfigurations({ clock, fetchOrigin: () => loopbackFetch, verify: verifyEntityConfiguration });
  const statements = { signDocument: async (type: string, payload: object) => signCompact(setup.web.current("federation"), type, payload) };
  const registered = await registerParticipant(
    { store: setup.store, clock: realClock, entityConfigurations },
    { entityId: program.entityId },
  );
  await accreditParticipant(
    { store: setup.store, clock, issuer: setup.issuer, statements, charters: PLAIN },
    { participantId: registered.id, level: 1, reasons: REASONS },
  );
  holder = await setup.store.read((r) => r.participants.get(registered.id));
  platform = await accreditedParticipant(setup.store, { entityId: "https://platform.example", roles: ["platform"] });
  ({ personId } = await setup.signIn("someone"));
});
after(async () => {
  await program[Symbol.asyncDispose]();
  await setup[Symbol.asyncDispose]();
  await rm(dir, { recursive: true });
});

test("a person proves an account at the reference holder by its own sign-in page", async () => {
  const visit = browser();
  const started = await visit.get(`${setup.issuer}/link/${holder.id}/start?next=/fr/copy`);
  const form = await visit.get(String(started.location));
  let page = await visit.post(String(form.location), { email: person.email, password: person.password });
  for (let hop = 0; hop < 4 && page.location !== null && page.location !== `${setup.issuer}/fr/copy`; hop++)
    page = await visit.get(page.location);
  assert.equal(page.location, `${setup.issuer}/fr/copy`, page.text);
  const [link] = await setup.store.read((r) => r.people.listLinks(personId));
  assert.deepEqual([link?.participantId, link?.account], [holder.id, person.persona.customers.energy]);
});

test("the reference holder serves the worker's consent token within the consent, and no longer after a withdrawal", async () => {
  const [source] = await setup.store.read((r) => r.people.listLinks(personId));
  const destination = await linkAccount(setup.store, personId, platform.id, "space");
  const expires = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
  const asked = await requestConsent(
    { store: setup.store, clock, policy },
    {
      personId,
      sourceLinkId: source?.id as never,
      destinationLinkId: destination.id,
      action: "copy",
      datasets: [],
      purpose: "https://w3id.org/dpv#PersonalisedBenefits",
      recurrence: null,
      expires,
      retention: null,
      language: "fr",
      requester: null,
    },
  );
  const [allowed = "", other = ""] = asked.notice.datasets.map(({ id }) => id);
  const consent = await grantConsent(
    { store: setup.store, clock },
    { consentId: asked.id, personId, datasets: [allowed], noticeHash: asked.noticeHash, language: "fr" },
  );
  const held = await createConsentTokens({ issuer: setup.issuer, key: () => setup.worker.current("worker"), fetch: loopbackFetch }).open(
    consent,
    holder,
  );
  const read = async (path: string) => {
    const url = `${holder.endpoints.export}${path}`;
    const answer = await loopbackFetch({ method: "GET", url, headers: await held.consentHeaders({ method: "GET", url }) });
    return { status: answer.status, body: await answer.text() };
  };
  const inventory = await read("/datasets");
  assert.equal(inventory.status, 200, inventory.body);
  assert.deepEqual(
    (JSON.parse(inventory.body) as { datasets: { dataset: string }[] }).datasets.map(({ dataset }) => dataset),
    [allowed],
  );
  assert.equal((await read(`/datasets/${allowed}?limit=2`)).status, 200);
  assert.equal((await read(`/datasets/${other}`)).status, 403);
  await withdrawConsent({ store: setup.store, clock }, { consentId: consent.id, personId });
  await new Promise((resolve) => void setTimeout(resolve, 600));
  assert.equal((await read(`/datasets/${allowed}`)).status, 401);
});
