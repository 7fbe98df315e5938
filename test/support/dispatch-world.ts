import { randomUUID } from "node:crypto";
import type pg from "pg";
import type { DispatchTerms } from "../../src/core/dispatch/dispatch-due.ts";
import { dispatchDue } from "../../src/core/dispatch/dispatch-due.ts";
import { newId, type ParticipantId, type PersonId, type TransferId } from "../../src/core/ids.ts";
import type { Store } from "../../src/core/ports.ts";
import type { Ring } from "../../src/core/transfer/transfer-records.ts";
import type { Transfer } from "../../src/core/transfer/transfer.ts";
import { createAttemptRecords } from "../../src/postgres/attempt-records.ts";
import { openDatabase, openPool, openPreparedPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { freshDatabase } from "./database.ts";

interface Backlog {
  from: ParticipantId;
  to: ParticipantId;
  count: number;
  person?: PersonId;
  priority?: number;
  datasets?: string[];
  state?: "queued" | "scheduled";
  /** Seconds ago; negative: in the future. */
  dueAgo?: number;
}

/** The real database with a queue of work in it; `store` and `other` are those of two processes. */
export interface DispatchWorld extends AsyncDisposable {
  url: string;
  pool: pg.Pool;
  store: Store;
  other: Store;
  participant(role: "holder" | "platform"): Promise<ParticipantId>;
  person(): Promise<PersonId>;
  /** Queued transfers, one after the other due; without a person each has one of its own. */
  queue(backlog: Backlog): Promise<void>;
  dispatch(terms?: Partial<DispatchTerms>, store?: Store): Promise<Ring[]>;
  /** As a worker does that answers. */
  start(ring: Ring, leaseSeconds?: number): Promise<Transfer | null>;
  /** The attempt is over, and nothing follows. */
  end(id: TransferId): Promise<void>;
  transfer(id: TransferId): Promise<Transfer>;
  slots(count: number): Promise<void>;
  /** It answered just now: it may have most of the slots. */
  answers(...ids: ParticipantId[]): Promise<void>;
}

export async function startDispatchWorld(): Promise<DispatchWorld> {
  const database = await freshDatabase();
  const [pool, otherPool] = [openPool(database.url, 20), openPool(database.url, 20)];
  const [store, other] = [createStore(openDatabase(pool)), createStore(openDatabase(otherPool))];
  const preparedPool = openPreparedPool(database.url);
  const records = createAttemptRecords(preparedPool);
  // Whose consent it is under is of no matter here: one stands for all.
  await pool.query("alter table transfers drop constraint transfers_of_consent");
  return {
    url: database.url,
    pool,
    store,
    other,
    participant: (role) => addParticipant(pool, role),
    person: () => addPerson(pool),
    queue: (backlog) => addBacklog(pool, backlog),
    dispatch: async (terms = {}, by = store) => {
      const rings: Ring[] = [];
      const queue = { ring: async (more: Ring[]) => void rings.push(...more) };
      await dispatchDue({ store: by, queue }, { window: null, ringAgainSeconds: 60, ...terms });
      return rings;
    },
    start: async (ring, leaseSeconds = 30) => (await records.begin(ring, { leaseSeconds, at: new Date() }))?.transfer ?? null,
    end: (id) => store.write((w) => w.deliveries.interrupt(id, { state: "cancelled", reason: "stopped", actor: "person" })),
    transfer: (id) => store.read((r) => r.transfers.get(id)),
    slots: (count) => store.write((w) => w.dispatch.seen({ id: "worker", slots: count })),
    answers: async (...ids) => {
      for (const participantId of ids)
        await store.write(async ({ dispatch }) => {
          const { health } = await dispatch.health(participantId);
          await dispatch.putHealth({ ...health, answeredAt: new Date(Date.now() + 3_600_000) });
        });
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([pool.end(), otherPool.end(), preparedPool.end()]);
      await database.drop();
    },
  };
}

async function addParticipant(pool: pg.Pool, role: "holder" | "platform"): Promise<ParticipantId> {
  const id = newId("participant");
  await pool.query(
    `insert into participants (id, entity_id, name, roles, adapter, endpoints, keys, datasets, about, client, status)
     values ($1, $2, $1, $3, 'self-data', '{}', '[]', '[{"id": "bills"}, {"id": "calls"}]', '{}', null, 'accredited')`,
    [id, `https://${randomUUID()}.test`, [role]],
  );
  return id;
}

async function addPerson(pool: pg.Pool): Promise<PersonId> {
  const id = newId("person");
  await pool.query("insert into people (id, issuer, subject, created_at) values ($1, 'https://id.test', $1, now())", [id]);
  return id;
}

async function addBacklog(pool: pg.Pool, backlog: Backlog): Promise<void> {
  const { from, to, count, person = null, priority = 0, datasets = ["d"], state = "queued", dueAgo = 60 } = backlog;
  const mark = newId("transfer").slice(4, 14);
  if (person === null)
    await pool.query(
      `insert into people (id, issuer, subject, created_at)
       select 'prs_' || $1::text || lpad(n::text, 12, '0'), 'https://id.test', $1::text || n, now() from generate_series(1, $2::int) n`,
      [mark, count],
    );
  await pool.query(
    `insert into transfers (id, consent_id, person_id, source_id, destination_id, datasets, state, epoch, attempts, due_at, expires_at, created_at, priority)
     select 'trf_' || $1::text || lpad(n::text, 12, '0'), 'cst_any', coalesce($2, 'prs_' || $1::text || lpad(n::text, 12, '0')), $3, $4, $5, $9, 0, 0,
       now() - make_interval(secs => $6) + make_interval(secs => n * 0.0001), now() + interval '1 day', now(), $7
     from generate_series(1, $8::int) n`,
    [mark, person, from, to, datasets, dueAgo, priority, count, state],
  );
  await pool.query("analyze transfers");
}
