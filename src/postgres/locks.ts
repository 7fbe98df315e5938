/** Advisory locks, over all processes of an installation: one table, so that no two of them are the same. */
export const LOCKS = {
  /** Turns are given by one at a time. */
  dispatch: 7_268,
  /** Any number of processes may start at once: one migrates, the others wait. */
  migrations: 7_267_401,
  /** Held until the transaction ends, and freed after it is visible: entries get their places one transaction after the other. */
  logAppend: 7_267_402,
  logCheckpoints: 7_267_403,
  consentSealing: 7_267_404,
  consentTelling: 7_267_405,
} as const;

/** The first of two keys; the second says whose, mostly a hash of its id. */
export const LOCKS_OF = {
  holderConditions: 7_267,
  entity: 72_674,
  openings: 72_675,
  /** One kind of record. */
  retention: 72_681,
} as const;

/** What is locked by a text: its hash, from a seed of its own. */
export const LOCK_SEEDS = {
  mailMark: 43,
  askingPerson: 44,
  idempotencyKey: 49,
} as const;
