import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ADAPTERS } from "../../adapters/index.ts";
import { PROBE_NAMES } from "../../src/core/conformance/probe-names.ts";
import type { ProbeResult } from "../../src/core/conformance/probe.ts";
import { RelaisError } from "../../src/core/errors.ts";
import { newId } from "../../src/core/ids.ts";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import type { Store } from "../../src/core/ports.ts";
import { answerQuestions } from "../../src/core/register/answer-questions.ts";
import type { Answer } from "../../src/core/register/application.ts";
import type { Charters } from "../../src/core/register/charter.ts";
import { concludeChecks } from "../../src/core/register/conclude-checks.ts";
import { openApplication } from "../../src/core/register/open-application.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { signCharter } from "../../src/core/register/sign-charter.ts";
import { NOBODY } from "../../src/core/register/staff.ts";
import { submitApplication } from "../../src/core/register/submit-application.ts";
import { createHttpApp, listen, type Listening } from "../../src/http/server.ts";
import { createPages } from "../../src/pages/pages.ts";
import { renderProblem } from "../../src/pages/problems.ts";
import { openCharters } from "../../src/policies/charters.ts";
import type { AttemptRecords } from "../../src/core/transfer/attempt-records.ts";
import { createAttemptRecords } from "../../src/postgres/attempt-records.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { freshDatabase } from "./database.ts";
import { documentCheck, type CheckedKeys } from "./document-check.ts";
import { policy } from "./policy.ts";
import { freePort } from "./ports.ts";
import { realClock } from "./real-clock.ts";
import { accreditedParticipant, testKey } from "./register-fixtures.ts";
import { REGISTER_PORTS } from "./charter.ts";
import { NO_STANDINGS } from "./no-standings.ts";

const PEOPLE = "https://id.example";
const CHARTERS = new URL("../../policies/charter", import.meta.url);
export const ANSWERS = JSON.parse(readFileSync(new URL("../../src/sandbox/platform/answers.json", import.meta.url), "utf8")) as Record<
  string,
  Answer
>;

export interface Portal extends AsyncDisposable {
  origin: string;
  store: Store;
  /** What a worker would write. */
  records: AttemptRecords;
  charters: Charters;
  keys: CheckedKeys;
  /** Errors that the product would write in its log. */
  logged: string[];
  query(text: string, values?: unknown[]): Promise<void>;
  /** A registered platform with an organisation; nobody looked at it yet. */
  platform(name: string, given?: Partial<Participant>): Promise<Participant>;
  /** It applies at level 1 with these answers; without a submission it stays a draft. */
  apply(participant: Participant, options?: { answers?: Record<string, Answer>; submit?: boolean }): Promise<void>;
  /** Every check of whoever waits for some, with these outcomes instead of success. */
  look(outcomes?: Record<string, ProbeResult["outcome"]>): Promise<void>;
  /** The cookie of a person who acts for this participant. */
  member(participant: Participant): Promise<string>;
  page(path: string, init?: { method?: string; body?: FormData; cookie?: string }): Promise<{ status: number; text: string }>;
}

/** The portal and the API on a real database, with the real charter. */
export async function startPortal(): Promise<Portal> {
  const owned = new AsyncDisposableStack();
  const database = owned.use(await freshDatabase());
  const pool = owned.adopt(openPool(database.url, 5), (open) => open.end());
  const store = createStore(openDatabase(pool));
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const keys = await documentCheck(store, origin);
  const charters = openCharters(fileURLToPath(CHARTERS));
  const logged: string[] = [];
  const unreachable = async () => {
    throw new RelaisError("peer_unavailable", "Nobody answers.");
  };
  const ports = {
    store,
    policy,
    clock: realClock,
    queue: { ring: async () => undefined },
    issuer: origin,
    adapters: ADAPTERS,
    operator: null,
    network: { fetchFor: () => unreachable },
    sealer: { seal: unreachable, ephemeralProofs: () => unreachable },
    charters,
    statements: { signDocument: keys.federation.sign },
    subjectFor: REGISTER_PORTS.subjectFor,
    events: { signDocument: keys.federation.sign },
    entityConfigurations: { fetch: unreachable },
    verify: keys.verify,
    staff: NOBODY,
    standings: NO_STANDINGS,
    callers: { verify: unreachable, verifyRegister: unreachable },
  };
  const app = createHttpApp(ports, {
    issuer: origin,
    mounted: [createPages(ports)],
    page: (error, { language, ...reader }) => renderProblem(error, { ...reader, lang: language === "en" ? "en" : "fr", operator: null }),
    log: (entry) => logged.push(JSON.stringify({ ...entry, message: entry.error.message, stack: entry.error.stack })),
    onAnswer: (entry) => logged.push(JSON.stringify(entry)),
  });
  owned.use<Listening>(await listen(app, { host: "127.0.0.1", port }));
  return {
    origin,
    store,
    records: createAttemptRecords(pool),
    charters,
    keys,
    logged,
    query: async (text, values = []) => void (await pool.query(text, values)),
    platform: (name, given = {}) => addPlatform(store, name, given),
    apply: async (participant, { answers = ANSWERS, submit = true } = {}) => {
      const caller = {
        kind: "participant",
        participantId: participant.id,
        entityId: participant.entityId,
        name: participant.name,
      } as const;
      const { id, charterVersion } = await openApplication(ports, caller, 1);
      await answerQuestions(ports, caller, id, answers);
      await signCharter(ports, caller, id, { digest: charters.get(charterVersion).digest, signer: "managing director" });
      if (submit) await submitApplication(ports, caller, id);
    },
    look: async (outcomes = {}) => {
      await runAll(store, outcomes);
      await concludeChecks(ports);
    },
    member: async (participant) => {
      const { token, session } = await startSession(ports, { issuer: PEOPLE, subject: newId("participant"), displayName: "Alix" });
      await store.write((w) => w.cases.addMembership({ personId: session.personId, participantId: participant.id, addedAt: new Date() }));
      return `${SESSION_COOKIE}=${token}`;
    },
    page: async (path, { cookie, ...init } = {}) => {
      const headers = { accept: "text/html", origin, ...(cookie === undefined ? {} : { cookie }) };
      const response = await fetch(`${origin}${path}`, { ...init, headers });
      return { status: response.status, text: await response.text() };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function addPlatform(store: Store, name: string, given: Partial<Participant>): Promise<Participant> {
  const { publicJwk } = await testKey();
  const participant = await accreditedParticipant(store, {
    entityId: `https://${newId("participant").slice(4).toLowerCase()}.example`,
    name,
    roles: ["platform"],
    status: "registered",
    keys: [publicJwk],
    about: { country: "FR", privacyContact: "dpo@nuage.example", incidentsUri: "https://nuage.example/incidents" },
    ...given,
  });
  const id = newId("organisation");
  await store.write(async (w) => {
    await w.register.revokeMarks(participant.id, new Date());
    await w.cases.addOrganisation({ id, name: `${name} SAS`, country: "FR", status: "active", createdAt: new Date() });
    await w.cases.attach(participant.id, id);
  });
  return participant;
}

const SEEN = { fr: "Vu.", en: "Seen." };

async function runAll(store: Store, outcomes: Record<string, ProbeResult["outcome"]>): Promise<void> {
  for (let run = await store.write((w) => w.cases.claimRun(60)); run !== null; run = await store.write((w) => w.cases.claimRun(60))) {
    const { id } = run;
    const results = PROBE_NAMES.map((probe) => ({
      probe,
      outcome: outcomes[probe] ?? "passed",
      title: SEEN,
      detail: SEEN,
      reproduce: "curl -si https://nuage.example/",
      startedAt: new Date(),
      milliseconds: 3,
    }));
    await store.write((w) => w.cases.endRun(id, new Date(), results));
  }
}
