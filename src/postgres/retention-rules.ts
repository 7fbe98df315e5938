import type { RetainedKind } from "../core/operation/retention.ts";

/** What is past its time, as SQL over the alias `t`; `$before` is the moment before which its time must have begun. */
export interface Removal {
  table: string;
  due: string;
  /** Rows that belong to it without a reference that the database knows: they go with it. */
  takes?: { table: string; by: string };
}

const ENDED_BEFORE = "coalesce(t.acknowledged_at, t.given_up_at) <= $before";
const OF_ENDED = "t.consent_id in (select c.id from relais.consents c where c.ended_at <= $before)";
/** Nothing refers to it, and nobody waits to be told of it or for its receipt. */
const IS_ALONE = `t.ended_at <= $before
  and not exists (select from relais.transfers x where x.consent_id = t.id)
  and not exists (select from relais.switches x where x.consent_id = t.id)
  and not exists (select from relais.consents x where x.supersedes = t.id)
  and not exists (select from relais.consent_changes x where x.consent_id = t.id and (x.sealed_at is null or x.told_at is null))
  and not exists (select from relais.notices x where x.consent_id = t.id and x.acknowledged_at is null and x.given_up_at is null)`;
const TOLD = { table: "notices", by: "consent_id" };

/** Of names of items, which a place in the order of ends stands for, retention.ts itself says what is due. */
export type PlainKind = Exclude<RetainedKind, "item-names">;

// oxfmt-ignore
export const REMOVALS: Record<PlainKind, Removal> = {
  "sessions":            { table: "sessions",           due: "t.expires_at <= $before" },
  "oauth-records":       { table: "oauth_records",      due: "t.expires_at <= $before" },
  "given-answers":       { table: "given_answers",      due: "t.expires_at <= $before" },
  "transfer-keys":       { table: "transfer_keys",      due: "t.created_at <= $before" },
  "mail-links":          { table: "mail_links",         due: "t.expires_at <= $before" },
  "mails":               { table: "mails",              due: "t.ended_at <= $before and not exists (select from relais.mail_links l where l.mail_id = t.id)" },
  "office-mails":        { table: "office_mails",       due: "t.ended_at <= $before" },
  "unproved-addresses":  { table: "mail_addresses",     due: "t.replaced_at <= $before or (t.proved_at is null and t.given_at <= $before)" },
  "mail-attempts":       { table: "mail_attempts",      due: "t.at <= $before" },
  "account-openings":    { table: "account_openings",   due: "t.at <= $before" },
  "person-notices":      { table: "person_notices",     due: "t.read_at <= $before" },
  "person-accesses":     { table: "person_accesses",    due: "t.at <= $before" },
  "authority-views":     { table: "authority_views",    due: "t.at <= $before" },
  "invitations":         { table: "invitations",        due: "t.expires_at <= $before" },
  "notices":             { table: "notices",            due: `t.consent_id is null and ${ENDED_BEFORE}` },
  "campaigns":           { table: "campaigns",          due: "t.ended_at <= $before" },
  "mailbox-deliveries":  { table: "mailbox_deliveries", due: "t.closed_at <= $before" },
  "unanswered-requests": { table: "consents",           due: `(t.state = 'refused' or t.decided_at is null) and ${IS_ALONE}`, takes: TOLD },
  "transfers":           { table: "transfers",          due: `${OF_ENDED} and t.ended_at is not null and not exists (select from relais.transfer_items i where i.transfer_id = t.id)` },
  "switches":            { table: "switches",           due: `(${OF_ENDED} or (t.consent_id is null and t.created_at <= $before))
    and not exists (select from relais.transfers x where x.switch_id = t.id)
    and not exists (select from relais.consents c where c.switch_id = t.id and (c.ended_at is null or c.ended_at > $before))` },
  "permissions":         { table: "consents",           due: IS_ALONE, takes: TOLD },
  "journeys":            { table: "journeys",           due: "t.expires_at <= $before and not exists (select from relais.consents c where c.journey_id = t.id)" },
  "removed-accounts":    { table: "account_links",      due: `t.removed_at <= $before
    and not exists (select from relais.consents c where c.source_link_id = t.id) and not exists (select from relais.consents c where c.destination_link_id = t.id)
    and not exists (select from relais.switches s where t.id in (s.source_link_id, s.destination_link_id))
    and not exists (select from relais.journeys j where j.destination_link_id = t.id)` },
  "removed-evidence":    { table: "evidence",           due: "t.removed_at <= $before" },
};

const WITH_TRANSFER = "goes with its transfer";
const WITH_PERMISSION = "goes with its permission";
const WITH_ACCOUNT = "stays with the account, which its person deletes; then it is erased at once";
const REGISTER =
  "the register: who takes part, by which decision and under which rules, open to everybody; nothing about people but offices and contacts";
const LOG = "the public log and what it is checked by: digests, and never a person; it only grows";
const PRESENT = "the present alone: a row goes when what it says is over";

/** Every other table, and why nothing of it is removed by age. A test compares both lists with the database. */
// oxfmt-ignore
export const KEPT: Record<string, string> = {
  people: WITH_ACCOUNT, passkeys: WITH_ACCOUNT, recovery_codes: WITH_ACCOUNT, person_browsers: WITH_ACCOUNT, memberships: WITH_ACCOUNT,
  transfer_events: WITH_TRANSFER, transfer_expected: WITH_TRANSFER, transfer_documents: WITH_TRANSFER, transfer_item_counts: WITH_TRANSFER,
  transfer_positions: WITH_TRANSFER, transfer_deletions: "names of items: go with them", delivery_positions: WITH_PERMISSION,
  consent_changes: WITH_PERMISSION, consent_parties: WITH_PERMISSION, ends_read: WITH_PERMISSION, problem_reports: WITH_PERMISSION,
  rhythms: PRESENT, campaign_consents: PRESENT, dispatches: PRESENT, dispatch_minutes: PRESENT, dispatch_pauses: PRESENT,
  workers: PRESENT, participant_health: PRESENT, participant_capacities: PRESENT, mailbox_packages: PRESENT, mailbox_platforms: PRESENT, challenges: PRESENT,
  proposals: PRESENT, organisation_proposals: PRESENT, key_confirmations: PRESENT,
  participants: REGISTER, trust_marks: REGISTER, entity_configurations: REGISTER, organisations: REGISTER, organisation_participants: REGISTER,
  applications: REGISTER, criterion_results: REGISTER, reviews: REGISTER, decisions: REGISTER, charter_signatures: REGISTER,
  application_messages: REGISTER, probe_runs: REGISTER, probe_results: REGISTER, participations: REGISTER, reminders: REGISTER,
  announcements: REGISTER, holder_conditions: REGISTER, platform_exclusions: REGISTER, platform_access: REGISTER, holder_reviews: REGISTER,
  platform_certificates: REGISTER, certificate_claims: REGISTER, certificate_readings: REGISTER, meetings: REGISTER,
  notice_texts: "the words that people said yes to; no person",
  logged_texts: LOG, log_entries: LOG, log_hashes: LOG, log_checkpoints: LOG, logged_charters: LOG, logged_keys: LOG,
  ended_places: "places in the status lists of consents that are gone: numbers, so that what was ended stays ended",
  retention_rounds: "when each kind was looked through; no person",
  allowed_moves: "rules of this release", migrations: "rules of this release",
};
