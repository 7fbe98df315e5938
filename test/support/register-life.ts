import type { ProbeResult } from "../../src/core/conformance/probe.ts";
import { newId, type ParticipantId } from "../../src/core/ids.ts";
import type { Ports, Store } from "../../src/core/ports.ts";
import type { Ring } from "../../src/core/transfer/transfer-records.ts";
import { addEvidence } from "../../src/core/register/add-evidence.ts";
import { answerQuestions } from "../../src/core/register/answer-questions.ts";
import type { Application, DecisionKind, OrganisationId } from "../../src/core/register/application.ts";
import { askForLook, concludeChecks } from "../../src/core/register/conclude-checks.ts";
import type { Charters, Criterion, Question } from "../../src/core/register/charter.ts";
import { openApplication } from "../../src/core/register/open-application.ts";
import type { RegisterCaller } from "../../src/core/register/register-caller.ts";
import { reviewApplication, type Verdict } from "../../src/core/register/review-application.ts";
import { signCharter } from "../../src/core/register/sign-charter.ts";
import { submitApplication } from "../../src/core/register/submit-application.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { charter, charters, criterion } from "./charter.ts";
import { freshDatabase } from "./database.ts";
import { TestOffices } from "./offices.ts";
import { accreditedParticipant, testKey } from "./register-fixtures.ts";

const words = (text: string) => ({ fr: text, en: text });
export const question = (answer: string, type: Question["type"]): Question => ({
  answer,
  type,
  label: words(answer),
  hint: null,
  options: [],
});

export const HOSTING = criterion({
  id: "hosting-country",
  check: { kind: "one_of", fact: "answers.hosting.country", values: ["FR", "DE"] },
  questions: [question("hosting.country", "country")],
});
export const SIGNED = criterion({ id: "charter-signed", check: { kind: "equals", fact: "answers.charter.signed", value: true } });
export const INBOX = criterion({ id: "inbox", check: { kind: "probe", probes: ["inbox.accepts"] }, recheckDays: null });
export const SECURITY_PAGE = criterion({
  id: "security-page",
  check: { kind: "probe", probes: ["security.txt"] },
  recheckDays: null,
  onFailure: { kind: "due", days: 20 },
});
export const AUDITED = criterion({
  id: "audit",
  level: 2,
  check: { kind: "attested_by", evidence: "audit-report", issuers: null },
  evidence: { kind: "audit-report", title: words("Audit"), maxAgeDays: 400, issuer: null },
});
export const CRITERIA: Criterion[] = [HOSTING, SIGNED, INBOX, SECURITY_PAGE, AUDITED];

export type Member = Extract<RegisterCaller, { kind: "participant" }> & { organisationId: OrganisationId };
export const ACCREDITORS = ["A", "B", "C"].map((name): RegisterCaller => ({ kind: "accreditor", name: `accreditor ${name}` }));
export const ACCEPT: Verdict = { verdict: "accredit", withoutConflict: true, met: ["audit"], reasons: words("Read and found right.") };

/** A register on a real database, with a clock that tests move and probes that they answer. */
export class RegisterLife implements AsyncDisposable {
  now = new Date();
  rings: Ring[] = [];
  charters: Charters = charters(charter("2026-11", CRITERIA));
  readonly offices = new TestOffices();
  readonly store: Store;
  readonly pool: ReturnType<typeof openPool>;
  readonly clock = { now: () => this.now, sleep: async () => undefined };
  readonly #owned: AsyncDisposableStack;
  readonly #sign: (type: string, payload: object) => Promise<string>;
  #names = 0;

  private constructor(pool: ReturnType<typeof openPool>, owned: AsyncDisposableStack, sign: RegisterLife["sign"]) {
    this.pool = pool;
    this.store = createStore(openDatabase(pool));
    this.#owned = owned;
    this.#sign = sign;
  }

  static async start(): Promise<RegisterLife> {
    const owned = new AsyncDisposableStack();
    const database = owned.use(await freshDatabase());
    const pool = owned.adopt(openPool(database.url, 12), (open) => open.end());
    return new RegisterLife(pool, owned, (await testKey()).sign);
  }

  get sign() {
    return this.#sign;
  }

  get ports(): Pick<Ports, "store" | "clock" | "queue" | "issuer"> & {
    statements: { signDocument: RegisterLife["sign"] };
    charters: Charters;
    staff: TestOffices;
  } {
    const { store, clock, charters: versions, offices: staff } = this;
    const queue = { ring: async (more: Ring[]) => void this.rings.push(...more) };
    return { store, clock, issuer: "https://relais.example", queue, statements: { signDocument: this.#sign }, charters: versions, staff };
  }

  later(days: number): void {
    this.now = new Date(this.now.getTime() + days * 86_400_000);
  }

  /** A platform that is registered and not accredited, with its organisation. */
  async newcomer(): Promise<Member> {
    const entityId = `https://p${(this.#names += 1)}.example`;
    const participant = await accreditedParticipant(this.store, { entityId, roles: ["platform"], status: "registered" });
    const organisation = { id: newId("organisation"), name: entityId, country: "FR", status: "active", createdAt: this.now } as const;
    await this.store.write(async (w) => {
      await w.register.revokeMarks(participant.id, this.now);
      await w.cases.addOrganisation(organisation);
      await w.cases.attach(participant.id, organisation.id);
    });
    return { kind: "participant", participantId: participant.id, entityId, name: entityId, organisationId: organisation.id };
  }

  audit(ageDays = 0) {
    const date = new Date(this.now.getTime() - ageDays * 86_400_000).toISOString().slice(0, 10);
    const content = Buffer.from("%PDF-1.7 an audit");
    return { kind: "audit-report", fileName: "audit.pdf", date, issuer: "Auditors", sha256: null, content };
  }

  /** Everything that an application needs, handed in. */
  async submitted(caller: Member, level: 1 | 2): Promise<Application> {
    const { id, charterVersion } = await openApplication(this.ports, caller, level);
    await answerQuestions(this.ports, caller, id, { "hosting.country": "FR" });
    await signCharter(this.ports, caller, id, { digest: this.charters.get(charterVersion).digest, signer: "director" });
    if (level === 2) await addEvidence(this.ports, caller, id, this.audit());
    return submitApplication(this.ports, caller, id);
  }

  async accredited(level: 1 | 2 = 1): Promise<{ caller: Member; application: Application }> {
    const caller = await this.newcomer();
    const { id } = await this.submitted(caller, level);
    await this.lookAndConclude();
    if (level === 2) for (const reviewer of ACCREDITORS.slice(0, 2)) await this.review(reviewer, await this.application(id));
    return { caller, application: await this.application(id) };
  }

  review(reviewer: RegisterCaller, { id, round }: Application, changed: Partial<Verdict> = {}) {
    return reviewApplication(this.ports, reviewer, { applicationId: id, round, ...ACCEPT, ...changed });
  }

  /** The looks that wait, as the worker would end them: each probe passed, but for these. */
  async look(failing: string[] = []): Promise<void> {
    for (let run = await this.claim(); run !== null; run = await this.claim()) {
      const { id } = run;
      await this.store.write((w) =>
        w.cases.endRun(
          id,
          this.now,
          ["inbox.accepts", "security.txt"].map((probe) => this.#seen(probe, failing)),
        ),
      );
    }
  }

  claim() {
    return this.store.write((w) => w.cases.claimRun(60));
  }

  #seen(probe: string, failing: string[]): ProbeResult {
    const outcome = failing.includes(probe) ? "failed" : "passed";
    return { probe, outcome, title: words(probe), detail: words("seen"), reproduce: "curl", startedAt: this.now, milliseconds: 1 };
  }

  async lookAndConclude(failing: string[] = []): Promise<void> {
    do await this.look(failing);
    while ((await concludeChecks(this.ports)) > 0);
  }

  async askAgain(participantId: ParticipantId): Promise<void> {
    await this.store.write(async (w) =>
      askForLook(w, { participantId, application: await w.accreditations.findGiven(participantId), at: this.now }),
    );
  }

  application(id: Application["id"]): Promise<Application> {
    return this.store.read((r) => r.accreditations.getApplication(id));
  }

  participant(id: ParticipantId) {
    return this.store.read((r) => r.participants.get(id));
  }

  async decisions(participantId: ParticipantId): Promise<DecisionKind[]> {
    const found = await this.store.read((r) => r.accreditations.decisions({ participantId, limit: 100 }));
    return found.map(({ kind }) => kind).toReversed();
  }

  async count(sql: string, values: unknown[] = []): Promise<number> {
    const { rows } = await this.pool.query<{ count: string }>(`select count(*) as count from ${sql}`, values);
    return Number(rows[0]?.count);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync().then(() => undefined);
  }
}
