import type { ConsentId, ParticipantId, PersonId } from "./ids.ts";
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
import type { Consent } from "./consent/consent.ts";
import type { JourneysReader, JourneysWriter } from "./consent/journey.ts";
import type { PartiesReader, PartiesWriter } from "./consent/parties.ts";
import type { ProblemsReader, ProblemsWriter } from "./consent/problem-report.ts";
import type { NoticeTextsReader, NoticeTextsWriter } from "./consent/notice-text.ts";
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
import type { Participant, PublicJwk } from "./register/participant.ts";
import type { RemindersReader, RemindersWriter } from "./register/reminder.ts";
import type { Adapter, Credentials, Fetch, Mailbox, Opening } from "./transfer/adapter.ts";
import type { CampaignsReader, CampaignsWriter } from "./transfer/campaign.ts";
import type { AnswersWriter } from "./transfer/given-answer.ts";
import type { IncrementsReader, IncrementsWriter } from "./transfer/increment-records.ts";
import type { Receipt } from "./transfer/manifest.ts";
import type { RhythmsReader, RhythmsWriter } from "./transfer/rhythm.ts";
import type { ConsentsReader, PermissionsWriter } from "./consent/consent-records.ts";
import type { AccountsWriter, PeopleReader } from "./person/person-records.ts";
import type { ParticipantsReader, RegisterWriter } from "./register/participant-records.ts";
import type { SwitchesReader, SwitchesWriter } from "./switch/switch-records.ts";
import type { DeliveriesWriter, Ring, TransfersReader } from "./transfer/transfer-records.ts";

/**
 * Reads one consistent snapshot.
 * `findX` may be null; `getX` throws `not_found`.
 */
export interface Reader {
  participants: ParticipantsReader;
  people: PeopleReader;
  account: AccountReader;
  consents: ConsentsReader;
  problems: ProblemsReader;
  /** Every state that a consent was ever in: written by the store with the change itself, whoever makes it. */
  changes: ChangesReader;
  noticeTexts: NoticeTextsReader;
  transfers: TransfersReader;
  switches: SwitchesReader;
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
  register: RegisterWriter;
  accounts: AccountsWriter;
  belongings: AccountWriter;
  permissions: PermissionsWriter;
  deliveries: DeliveriesWriter;
  sealing: ChangesWriter;
  moves: SwitchesWriter;
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
