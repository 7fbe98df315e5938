import { PATIENCE_HOURS } from "../core/transfer/patience.ts";
import { SCHEMA } from "./pool.ts";

const FROM_NOW = `clock_timestamp() + interval '${PATIENCE_HOURS} hours'`;
const IS_PROPOSED = `(select action = 'propose' from ${SCHEMA}.consents c where c.id = t.consent_id)`;

/** `expires_at` of a transfer `t` whose attempt begins: with the first one begins the patience. */
export const PATIENT_FROM_FIRST = `case when t.attempts > 0 or ${IS_PROPOSED} then t.expires_at else least(t.expires_at, ${FROM_NOW}) end`;

/** `expires_at` of a transfer `t`, under the consent `c`, that was paused and goes on: what it had waited is forgotten. */
export const PATIENT_ANEW = `case when t.attempts = 0 or c.action = 'propose' then c.expires_at else least(c.expires_at, ${FROM_NOW}) end`;
