import type { Actor, ErrorCode } from "./errors.ts";
import type { ConsentId, DocumentId, LinkId, ParticipantId, PersonId, SwitchId, TransferId } from "./ids.ts";
import type { LedgerReader, LedgerWriter } from "./ledger/ledger.ts";
import type { OutboxReader, OutboxWriter } from "./events/outbox.ts";
import type { ChangesReader, ChangesWriter } from "./consent/record-change.ts";
import type { DispatchReader, DispatchWriter } from "./dispatch/dispatch-port.ts";
import type { CertificatesReader, CertificatesWriter } from "./certificates/claim.ts";
import type { ConditionsReader, ConditionsWriter } from "./policy/conditions.ts";
import type { MeetingsReader, MeetingsWriter } from "./policy/meetings.ts";
import type { MailboxReader, MailboxWriter } from "./mailbox/mailbox.ts";
import type { MailReader, MailWriter } from "./person/mail.ts";
import type { OfficeMailWriter } from "./person/office-mail.ts";
import type { AccountReader, AccountWriter } from "./person/account.ts";
import type { PersonNoticesReader, PersonNoticesWriter } from "./person/person-notice.ts";
import type { Policy } from "./policy/policy.ts";
import type { Consent, ConsentEnds, ConsentPlace, ConsentState, EndedConsents, EndReason, NewConsent } from "./consent/consent.ts";
import type { JourneysReader, JourneysWriter } from "./consent/journey.ts";
import type { PartiesReader, PartiesWriter } from "./consent/parties.ts";
import type { Terms } from "./consent/terms.ts";
import type { ProblemsReader, ProblemsWriter } from "./consent/problem-report.ts";
import type { NoticeTextsReader, NoticeTextsWriter } from "./consent/notice-text.ts";
import type { AccountLink, Person, Session } from "./person/person.ts";
import type { AccreditationsReader, AccreditationsWriter } from "./register/accreditations.ts";
import type { SubordinatesReader } from "./federation/subordinates.ts";
import type { IndicatorsReader } from "./register/indicators.ts";
import type { EntitiesReader, EntitiesWriter } from "./register/entity-record.ts";
import type { LogbookWriter } from "./register/logbook.ts";
import type { ParticipationsReader, ParticipationsWriter } from "./register/participation.ts";
import type { RetentionRound, RetentionWriter } from "./operation/retention.ts";
import type { OperationReader } from "./operation/operation-reader.ts";
import type { RegisterCaller } from "./register/register-caller.ts";
import type { RegisterReader } from "./register/register-reader.ts";
import type { Participant, PublicJwk, Status, TrustMark } from "./register/participant.ts";
import type { RemindersReader, RemindersWriter } from "./register/reminder.ts";
import type { Switch, SwitchState } from "./switch/switch.ts";
import type { Adapter, Credentials, Fetch, Mailbox, Opening } from "./transfer/adapter.ts";
import type { CampaignsReader, CampaignsWriter } from "./transfer/campaign.ts";
import type { AnswersWriter } from "./transfer/given-answer.ts";
import type { IncrementsReader, IncrementsWriter } from "./transfer/increment-records.ts";
import type { OmissionReason, Receipt } from "./transfer/manifest.ts";
import type { RhythmsReader, RhythmsWriter } from "./transfer/rhythm.ts";
import type { Overdue, Progress, Transfer, TransferEvent, TransferItem, TransferState } from "./transfer/transfer.ts";

/** A signed document that the person can download: manifest, receipt, consent receipt. Never changed once written. */
export interface StoredDocument {
  id: DocumentId;
  transferId: TransferId;
  kind: "manifest" | "receipt";
  jws: string;
  createdAt: Date;
}

/** What a change of a transfer is allowed to touch. */
export interface TransferChange {
  state?: TransferState;
  reason?: ErrorCode | null;
  actor?: Actor | null;
  dueAt?: Date;
  /** Due so long from now, by the clock that `due` and leases go by: that of whoever asks may be wrong. */
  dueInSeconds?: number;
  expiresAt?: Date;
  /** True gives the lease back. */
  release?: boolean;
}

export interface NewEvent {
  kind: TransferEvent["kind"];
  actor: Actor;
  details?: TransferEvent["details"];
}

/**
 * Reads one consistent snapshot.
 * `findX` may be null; `getX` throws `not_found`.
 */
export interface Reader {
  participants: {
    get(id: ParticipantId): Promise<Participant>;
    findByEntityId(entityId: string): Promise<Participant | null>;
    /** What the status list says of each mark that is not valid (Token Status List: 1 invalid, 2 suspended). */
    markStatuses(now: Date): Promise<{ index: number; status: number }[]>;
    /** Who is told of changes in the register: everybody who is accredited above the sandbox's level and has keys of its own. */
    recipients(): Promise<ParticipantId[]>;
    names(ids: readonly ParticipantId[]): Promise<Map<ParticipantId, string>>;
    entityIds(ids: readonly ParticipantId[]): Promise<Map<ParticipantId, string>>;
    /** The newest mark of this participant, in force or not. */
    findMark(id: ParticipantId): Promise<TrustMark | null>;
  };
  people: {
    find(id: PersonId): Promise<Person | null>;
    findSession(tokenHash: string, now: Date): Promise<Session | null>;
    /** What the person removed does not exist. */
    getLink(id: LinkId): Promise<AccountLink>;
    listLinks(personId: PersonId): Promise<AccountLink[]>;
    /** When they came the time before this one; null where this is the first. */
    findPreviousVisit(personId: PersonId): Promise<Date | null>;
  };
  account: AccountReader;
  consents: {
    get(id: ConsentId): Promise<Consent>;
    find(id: ConsentId): Promise<Consent | null>;
    list(personId: PersonId): Promise<Consent[]>;
    /** What the person is asked for and what they allow at this moment (`stateAt`), newest first. */
    open(personId: PersonId, now: Date): Promise<Consent[]>;
    /** The rest, newest first, without changes that another one replaced before they were answered; `after` continues behind one. */
    ended(page: EndedConsents): Promise<Consent[]>;
    /** Between whom the person was ever asked: each pair once, named as in their newest notice. */
    ends(personId: PersonId): Promise<ConsentEnds[]>;
    /** What ended since then because a participant changed what it was given for, and was not read; the last one first. */
    unreadEnds(personId: PersonId, since: Date): Promise<Consent[]>;
    /** What changes or renews this one, answered or not, newest first. */
    successors(id: ConsentId): Promise<Consent[]>;
    /** What one of the status lists of consents says of each that is not valid now; null where no consent has a place in it. */
    statuses(list: number, now: Date): Promise<{ index: number; status: number }[] | null>;
    /** Newest first: what this participant asked for, and what was given between it and another one. */
    ofParticipant(page: { participantId: ParticipantId; after: ConsentPlace | undefined; limit: number }): Promise<Consent[]>;
  };
  problems: ProblemsReader;
  /** Every state that a consent was ever in: written by the store with the change itself, whoever makes it. */
  changes: ChangesReader;
  noticeTexts: NoticeTextsReader;
  transfers: {
    get(id: TransferId): Promise<Transfer>;
    /** Newest first. */
    list(personId: PersonId): Promise<Transfer[]>;
    events(id: TransferId): Promise<TransferEvent[]>;
    progress(id: TransferId): Promise<Progress[]>;
    /** Items in one state, by data set and key; `after` continues behind an item name. */
    items(
      id: TransferId,
      options: { state?: TransferItem["state"]; limit: number; after?: { dataset: string; key: string } },
    ): Promise<TransferItem[]>;
    documents(id: TransferId): Promise<StoredDocument[]>;
    /** Work that is due and that nobody holds: waiting, or left by an attempt whose lease ran out (by the database's clock). */
    due(limit: number): Promise<Pick<Transfer, "id" | "epoch" | "state">[]>;
    /** Transfers that wait for this, by id; `after` continues behind an id. */
    paused(filter: { reason: ErrorCode; after?: TransferId | undefined; limit: number }): Promise<Transfer[]>;
    /**
     * Live transfers whose time is over, but for what an organisation has received and decides on: with their permission, or because the ends were tried
     * for long enough. Whatever is paused, has its attempt, or only waits for its turn is none of the latter.
     */
    overdue(limit: number): Promise<Overdue[]>;
  };
  switches: {
    /** Switches whose old place is to be closed now, its person having been told. */
    closing(): Promise<Switch[]>;
    get(id: SwitchId): Promise<Switch>;
    list(personId: PersonId): Promise<Switch[]>;
  };
  registered: RegisterReader;
  accreditations: AccreditationsReader;
  entities: EntitiesReader;
  subordinates: SubordinatesReader;
  ledger: LedgerReader;
  outbox: OutboxReader;
  conditions: ConditionsReader;
  indicators: IndicatorsReader;
  meetings: MeetingsReader;
  certificates: CertificatesReader;
  reminders: RemindersReader;
  personNotices: PersonNoticesReader;
  mail: MailReader;
  participations: ParticipationsReader;
  parties: PartiesReader;
  journeys: JourneysReader;
  operation: OperationReader;
  /** How far each kind of record is looked through for what is past its time. */
  retained: { rounds(): Promise<RetentionRound[]> };
  rhythms: RhythmsReader;
  increments: IncrementsReader;
  campaigns: CampaignsReader;
  dispatch: DispatchReader;
  mailbox: MailboxReader;
}

/** A Reader that may also write. Everything in one `store.write` is committed together, durably, or not at all. */
export interface Writer extends Reader {
  register: {
    /** Inserts, or replaces what the entity says of itself; status stays as it was. */
    put(participant: Participant): Promise<void>;
    setStatus(id: ParticipantId, status: Status): Promise<void>;
    addMark(mark: TrustMark): Promise<void>;
    /** A place in the status list that no mark has, at random. */
    freeStatusIndex(size: number): Promise<number>;
    /** The same by its identifier; null where nobody has it, and then nobody else takes it until the transaction ends. */
    lockEntity(entityId: string): Promise<Participant | null>;
    /**
     * The row, locked until the transaction ends: two decisions about one participant come one after the other. Locks are taken in this order:
     * organisation, participant, application, transfers, public log.
     */
    lock(id: ParticipantId): Promise<Participant>;
    /** Ends every mark in force of this participant. */
    revokeMarks(id: ParticipantId, at: Date): Promise<void>;
  };
  accounts: {
    /** Finds the person by issuer and subject, or makes one: two parallel first sign-ins give one person. */
    signIn(person: Person): Promise<Person>;
    addSession(session: Session): Promise<void>;
    /** Returns what it was, or null. */
    endSession(tokenHash: string): Promise<Session | null>;
    /** One link per person, participant and account: proving again replaces. */
    putLink(link: AccountLink): Promise<AccountLink>;
  };
  belongings: AccountWriter;
  permissions: {
    /** With its place in the status lists. */
    add(consent: NewConsent): Promise<Consent>;
    /** Every change of a state, here and below, leaves its row in `changes`. Moves from one of `from`; false where the consent was in another state (nothing changed). */
    move(
      id: ConsentId,
      from: ConsentState[],
      to: ConsentState,
      change: Partial<Pick<Consent, "datasets" | "forms" | "decidedAt" | "endedAt" | "endedBy" | "language" | "acts">>,
    ): Promise<boolean>;
    /** Whoever asks this person for a consent in a transaction of its own waits here until this one is over: the same is not asked twice at once. */
    askAlone(personId: PersonId): Promise<void>;
    /**
     * Writes down the grant that the requester gets for an active consent. True as often as it is the same grant; false where the consent has
     * another one already, or is not active.
     */
    handOver(id: ConsentId, grantId: string): Promise<boolean>;
    /** Ends every consent that brings data to this participant (and, with `asSource`, reads from it). Returns how many. */
    revokeAll(end: { participantId: ParticipantId; asSource: boolean; at: Date; by: Consent["endedBy"] }): Promise<number>;
    /**
     * Ends every consent that brings data to this destination and was given for less than these terms; a request that waits expires. Returns how
     * many ended.
     */
    revokeOutside(end: { destinationId: ParticipantId; terms: Terms; because: EndReason; at: Date; by: Actor }): Promise<number>;
    /** False where this person has no consent that a participant's change ended. */
    readEnd(personId: PersonId, id: ConsentId, at: Date): Promise<boolean>;
    /** Consents whose time is over, and requests that nobody answered in time. */
    expire(now: Date): Promise<ConsentId[]>;
  };
  deliveries: {
    /** Whoever else accepts deliveries under this consent waits here until this transaction is over: two never find that none is under way. */
    acceptAlone(id: ConsentId): Promise<void>;
    add(transfer: Transfer, priority: number): Promise<void>;
    /** The last delivery under this consent that arrived; `againAt`: half a period after it was asked for, null where the recurrence is no duration. */
    lastArrival(id: ConsentId): Promise<{ againAt: Date | null } | null>;
    /**
     * Remembers the answer to an idempotency key. Returns the transfer that the key already stands for, or null.
     * @throws RelaisError `idempotency_mismatch` where the key came with another request before.
     */
    claimKey(key: { caller: string; key: string; fingerprint: string; transferId: TransferId }): Promise<TransferId | null>;
    /** False where `epoch` is past: the caller lost its lease and must stop. */
    renew(id: TransferId, epoch: number, leaseSeconds: number): Promise<boolean>;
    /** A change by an attempt: false, and nothing changed, where `epoch` is past. @throws `conflict` for a move not in `MOVES`. */
    change(id: TransferId, epoch: number, change: TransferChange): Promise<boolean>;
    /**
     * Counts an attempt that came to nothing, and returns how many failed in a row: what moved since the last one begins the row anew. Where it only
     * `waited` nothing is counted, and the patience begins anew.
     */
    tried(id: TransferId, epoch: number, outcome: "failed" | "waited"): Promise<number>;
    /** A change from outside an attempt (withdrawal, suspension, cancellation): takes the transfer away from whoever holds it. */
    interrupt(id: TransferId, change: TransferChange): Promise<void>;
    addEvent(id: TransferId, at: Date, event: NewEvent): Promise<void>;
    /**
     * Records what was stored or omitted. False where `epoch` is past, but for the attempt from which a cancelled or expired transfer was taken:
     * what it had moved by then is a fact, and the person is told.
     */
    markItems(
      id: TransferId,
      epoch: number,
      marks: { dataset: string; key: string; state: TransferItem["state"]; reason?: OmissionReason; bytes?: number; sha256?: string }[],
    ): Promise<boolean>;
    /** One document of each kind per transfer: a second one is `conflict`, the same one again is nothing. */
    addDocument(document: StoredDocument): Promise<void>;
    /**
     * Takes transfers that may still move data to this participant (and, with `asSource`, from it) away from their attempts, those that run
     * first: `paused` may go on later, `cancelled` may not. At most `limit`; fewer say that nothing is left. Returns how many.
     */
    stopSome(stop: {
      participantId: ParticipantId;
      asSource: boolean;
      state: "paused" | "cancelled";
      actor: Actor;
      at: Date;
      limit: number;
    }): Promise<number>;
    /** The same for transfers to or from this participant whose consent has ended. */
    stopEnded(stop: { participantId: ParticipantId; actor: Actor; at: Date; limit: number }): Promise<number>;
    /** Lets transfers go on that were paused for a missing accreditation, where both ends may take part again. At most `limit`. */
    resumeSome(resume: { participantId: ParticipantId; at: Date; limit: number }): Promise<Ring[]>;
    /** Live transfers under a consent, locked until the transaction ends. */
    live(filter: { consentId?: ConsentId; participantId?: ParticipantId }): Promise<Transfer[]>;
  };
  sealing: ChangesWriter;
  moves: {
    add(row: Switch): Promise<void>;
    change(
      id: SwitchId,
      from: SwitchState[],
      to: SwitchState,
      change?: Partial<Pick<Switch, "consentId" | "transferId" | "verifiedAt" | "closedAt">>,
    ): Promise<boolean>;
  };
  cases: AccreditationsWriter;
  configurations: EntitiesWriter;
  log: LedgerWriter;
  notices: OutboxWriter;
  rules: ConditionsWriter;
  asking: MeetingsWriter;
  claims: CertificatesWriter;
  reminding: RemindersWriter;
  announcements: PersonNoticesWriter;
  mailing: MailWriter;
  offices: OfficeMailWriter;
  logbook: LogbookWriter;
  standings: ParticipationsWriter;
  parties: PartiesReader & PartiesWriter;
  routes: JourneysWriter;
  wording: NoticeTextsWriter;
  complaints: ProblemsWriter;
  rhythms: RhythmsWriter;
  increments: IncrementsWriter;
  campaigns: CampaignsWriter;
  answers: AnswersWriter;
  retention: RetentionWriter;
  dispatch: DispatchReader & DispatchWriter;
  keeping: MailboxWriter;
}

/** PostgreSQL. Nothing else is the truth. */
export interface Store {
  read<T>(work: (reader: Reader) => Promise<T>): Promise<T>;
  /** Durable once it returns. Runs `work` again where two transactions collide, so `work` has no other effects. */
  write<T>(work: (writer: Writer) => Promise<T>): Promise<T>;
  /** What `write` would give now, with nothing kept of it. Nobody else ever sees what `work` wrote, or waits for it at the log. */
  rehearse<T>(work: (writer: Writer) => Promise<T>): Promise<T>;
}

/** One ring of the doorbell: what to look at, and the epoch that was present. Nothing personal. */
export interface Ring {
  transferId: TransferId;
  epoch: number;
}

/** At least once, in no order; may be lost: the sweep rings again from the table. Never blocks its caller for long. */
export interface TransferQueue {
  ring(rings: Ring[]): Promise<void>;
}

export interface Clock {
  now(): Date;
  /** Resolves after this time, or at once when the signal aborts. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** Signs with the broker's current key; the key id is in the header, its public half in `/.well-known/jwks.json`. */
export interface Signer {
  /** Compact JWS with this `typ`. */
  signDocument(type: string, payload: object): Promise<string>;
  /** RFC 9421 fields over the request, valid for at most 300 s. */
  signRequest(request: { method: string; url: string; headers: Record<string, string> }): Promise<Record<string, string>>;
}

/** Checks foreign documents. */
export interface Verifier {
  /** Payload of a receipt signed by one of these keys. @throws RelaisError `peer_protocol`. */
  verifyReceipt(jws: string, keys: PublicJwk[]): Promise<Receipt>;
}

/** Credentials at rest: anyone may seal, only the worker's key opens. */
export interface Sealer {
  seal(credentials: Credentials): Promise<string>;
  /** DPoP proofs by a new key that is forgotten with the returned function. */
  ephemeralProofs(): Opening["dpopProof"];
}
export interface Opener {
  open(sealed: string): Promise<Credentials>;
}

/** The worker as a client of the authorization server: tokens for one consent at one source, bound to one key (RFC 9449). */
export interface ConsentTokens {
  /** A key of its own for one opening. */
  open(consent: Consent, source: Participant): Promise<TokenHolder>;
}
export interface TokenHolder {
  consentHeaders(request: { method: string; url: string; nonce?: string | undefined; renew?: boolean }): Promise<Record<string, string>>;
  dpopProof(request: { method: string; url: string; nonce?: string | undefined; accessToken?: string | undefined }): Promise<string>;
}

/** What the authorization server remembers, one record per model and id. Durable once a call returns; a record past its time does not exist. */
export interface OauthRecords {
  put(record: OauthRecord): Promise<void>;
  /** True for exactly one of any number of parallel calls with this model and id, until the record's time is over: replay detection stands on it. */
  insertOnce(record: OauthRecord): Promise<boolean>;
  find(model: string, id: string): Promise<FoundOauthRecord | null>;
  /** The one of these models that has a record with this id. */
  findAmong(models: readonly string[], id: string): Promise<(FoundOauthRecord & { model: string }) | null>;
  findByUid(model: string, uid: string): Promise<FoundOauthRecord | null>;
  /** True for exactly one of any number of parallel calls; false where it was consumed before or does not exist. */
  consume(model: string, id: string): Promise<boolean>;
  /** True for exactly one of any number of parallel calls; false where it does not exist (any more). */
  remove(model: string, id: string): Promise<boolean>;
  /** Ends every record of this grant, in all models. */
  removeByGrant(grantId: string): Promise<void>;
}
export interface OauthRecord {
  model: string;
  id: string;
  payload: Record<string, unknown>;
  grantId?: string | undefined;
  uid?: string | undefined;
  expiresAt: Date;
}
export interface FoundOauthRecord {
  payload: Record<string, unknown>;
  consumedAt: Date | null;
}

/** Who calls Relais' API with an access token of Relais (RFC 9449 §7.1). */
export interface CallerTokens {
  /**
   * Looks at the live consent and accreditation at each call. Each proof counts once.
   * @throws RelaisError `unauthenticated` (no token, not active, proof missing, wrong or used before), `consent_ended`, `not_accredited`.
   */
  verify(request: ApiRequest): Promise<Caller>;
  /**
   * A participant, or somebody with an office, by a token of its own key (client credentials, scope `register`). A suspended participant stays
   * known: it has to be able to mend what is wrong.
   * @throws RelaisError `unauthenticated`.
   */
  verifyRegister(request: ApiRequest): Promise<RegisterCaller>;
}
/** Who is at the other end of the connection: the client, or a proxy before it. */
export interface Peer {
  address: string | undefined;
  header(name: string): string | undefined;
}
export interface ApiRequest {
  /** Left out where nobody can have a certificate. */
  peer?: Peer;
  authorization: string | undefined;
  dpop: string | undefined;
  method: string;
  url: string;
}
export interface Caller {
  clientEntityId: string;
  participantId: ParticipantId;
  consentId: ConsentId;
  personId: PersonId;
}

/** What an entity says of itself (OpenID Federation 1.0 §3), checked against its own keys. */
export interface EntityConfigurations {
  /** @throws RelaisError `peer_unavailable`, `peer_protocol` (not signed by itself, expired, another entity, broken metadata). */
  fetch(entityId: string): Promise<EntityConfiguration>;
}
export interface EntityConfiguration {
  entityId: string;
  /** As it was published. */
  jwt: string;
  /** Keys of its federation statements. */
  keys: PublicJwk[];
  /** The one of them that signed it. */
  signedBy: PublicJwk;
  readAt: Date;
  issuedAt: Date;
  expiresAt: Date;
  /** By entity type: `federation_entity`, `oauth_client`, `self_data_holder`, `self_data_platform`. */
  metadata: Record<string, Record<string, unknown>>;
}

/** The way out, one per participant: only its registered origins. */
export interface Network {
  fetchFor(participant: Participant, signal: AbortSignal): Fetch;
}

export interface Ports {
  store: Store;
  /** The run-time rules: may data go from this holder to this platform? */
  policy: Policy;
  queue: TransferQueue;
  clock: Clock;
  signer: Signer;
  verifier: Verifier;
  sealer: Sealer;
  opener: Opener;
  tokens: ConsentTokens;
  network: Network;
  adapters: Readonly<Record<Participant["adapter"], Adapter>>;
  /** Left out where nothing is kept for platforms without an address. */
  mailbox?: Mailbox | undefined;
  /** The broker's own entity identifier and issuer. */
  issuer: string;
}
