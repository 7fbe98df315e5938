import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type pg from "pg";
import { CONSENT_MOVES, CONSENT_STATES } from "../../src/core/consent/consent.ts";
import { PARTY_MOVES } from "../../src/core/consent/parties.ts";
import { newId, type ParticipantId, type SwitchId, type TransferId } from "../../src/core/ids.ts";
import { APPLICATION_MOVES, type ApplicationId, type OrganisationId } from "../../src/core/register/application.ts";
import { ORGANISATION_MOVES, STATUS_MOVES } from "../../src/core/register/standing.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { SWITCH_MOVES, SWITCH_STATES } from "../../src/core/switch/switch.ts";
import { CAMPAIGN_MOVES, CAMPAIGN_STATES } from "../../src/core/transfer/campaign.ts";
import { MOVES, STATES } from "../../src/core/transfer/transfer.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { accreditedParticipant } from "../support/register-fixtures.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";

const DATASET = "energy.consumption.daily";
let engine: Engine;
let pool: pg.Pool;

before(async () => {
  engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DATASET]);
  pool = openPool(engine.url, 2);
});
after(async () => {
  await pool.end();
  await engine[Symbol.asyncDispose]();
});

type Table = Readonly<Record<string, readonly string[]>>;
interface Machine {
  name: string;
  table: string;
  /** Where it is not `state`. */
  column?: string;
  /** The column that names a row, where it is not `id`. */
  key?: string;
  states: readonly string[];
  moves: Table;
  add(): Promise<string>;
}

const MACHINES: Machine[] = [
  { name: "transfer", table: "transfers", states: STATES, moves: MOVES, add: addTransfer },
  {
    name: "consent",
    table: "consents",
    states: CONSENT_STATES,
    moves: CONSENT_MOVES,
    add: async () => (await engine.consent([DATASET])).id,
  },
  { name: "campaign", table: "campaigns", states: CAMPAIGN_STATES, moves: CAMPAIGN_MOVES, add: addCampaign },
  { name: "party", table: "consent_parties", key: "consent_id", states: Object.keys(PARTY_MOVES), moves: PARTY_MOVES, add: addParty },
  { name: "switch", table: "switches", states: SWITCH_STATES, moves: SWITCH_MOVES, add: addSwitch },
  { name: "application", table: "applications", states: Object.keys(APPLICATION_MOVES), moves: APPLICATION_MOVES, add: addApplication },
  {
    name: "participant",
    table: "participants",
    column: "status",
    states: Object.keys(STATUS_MOVES),
    moves: STATUS_MOVES,
    add: addParticipant,
  },
  {
    name: "organisation",
    table: "organisations",
    column: "status",
    states: Object.keys(ORGANISATION_MOVES),
    moves: ORGANISATION_MOVES,
    add: addOrganisation,
  },
];

async function addCampaign(): Promise<string> {
  const asked = { selection: {}, state: "asked", createdAt: new Date(), total: null, accepted: 0, refused: {}, endedAt: null } as const;
  const id = newId("campaign");
  await engine.store.write((w) => w.campaigns.add({ id, participantId: engine.source.id, ...asked }));
  return id;
}

async function addParty(): Promise<string> {
  const { id: consentId } = await engine.consent([DATASET]);
  const party = {
    consentId,
    contract: "contract",
    reference: "other",
    rule: "all",
    state: "asked",
    personId: null,
    at: new Date(),
  } as const;
  await engine.store.write((w) => w.parties.add([party]));
  return consentId;
}

async function addTransfer(): Promise<TransferId> {
  const consent = await engine.consent([DATASET]);
  return (await requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId })).id;
}

async function addSwitch(): Promise<SwitchId> {
  const { sourceLinkId, destinationLinkId, personId } = await engine.consent([DATASET]);
  const id = newId("switch");
  await engine.store.write((w) =>
    w.moves.add({
      id,
      personId,
      sourceId: engine.source.id,
      destinationId: engine.destination.id,
      sourceLinkId,
      destinationLinkId,
      state: "planned",
      consentId: null,
      transferId: null,
      epoch: 0,
      createdAt: new Date(),
      verifiedAt: null,
      closedAt: null,
    }),
  );
  return id;
}

async function addParticipant(): Promise<ParticipantId> {
  return (await accreditedParticipant(engine.store, { entityId: `https://${newId("participant")}.example`, roles: ["platform"] })).id;
}

async function addOrganisation(): Promise<OrganisationId> {
  const id = newId("organisation");
  await engine.store.write((w) => w.cases.addOrganisation({ id, name: "One", country: "FR", status: "active", createdAt: new Date() }));
  return id;
}

async function addApplication(): Promise<ApplicationId> {
  const [participantId, organisationId, id] = [await addParticipant(), await addOrganisation(), newId("application")];
  const now = new Date();
  await engine.store.write((w) =>
    w.cases.addApplication({
      id,
      participantId,
      organisationId,
      charterVersion: "2026-11",
      level: 1,
      state: "draft",
      answers: {},
      submittedAnswers: null,
      round: 0,
      createdAt: now,
      submittedAt: null,
      changedAt: now,
      until: null,
    }),
  );
  return id;
}

const pairsOf = (moves: Table): string[] =>
  Object.entries(moves)
    .flatMap(([from, targets]) => targets.map((to) => `${from} → ${to}`))
    .sort();

test("the database knows every machine of the core, and no other", async () => {
  const { rows } = await pool.query<{ machine: string }>("select distinct machine from relais.allowed_moves order by machine");
  assert.deepEqual(
    rows.map(({ machine }) => machine),
    MACHINES.map(({ name }) => name).sort(),
  );
});

for (const { name, table, column = "state", key = "id", states, moves, add } of MACHINES) {
  test(`the moves of a ${name} in the database are exactly those of the core`, async () => {
    const { rows } = await pool.query<{ from_state: string; to_state: string }>(
      "select from_state, to_state from relais.allowed_moves where machine = $1",
      [name],
    );
    assert.deepEqual(rows.map((row) => `${row.from_state} → ${row.to_state}`).sort(), pairsOf(moves));
    assert.deepEqual(Object.keys(moves).sort(), [...states].sort());
  });

  test(`the database refuses every other move of a ${name}, whoever asks`, async () => {
    const id = await add();
    for (const from of states) {
      await place({ table, column, key }, id, from);
      for (const to of states.filter((state) => state !== from))
        await assertMove({ table, column, key, id, from, to, isAllowed: (moves[from] ?? []).includes(to) });
    }
  });
}

interface Place {
  table: string;
  column: string;
  key: string;
}

/** Puts a row into a state past its triggers, as no program of ours can. */
async function place({ table, column, key }: Place, id: string, state: string): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query("set local session_replication_role = replica");
    await client.query(`update relais.${table} set ${column} = $2 where ${key} = $1`, [id, state]);
    await client.query("commit");
  } finally {
    client.release();
  }
}

async function assertMove({
  id,
  from,
  to,
  isAllowed,
  ...at
}: Place & { id: string; from: string; to: string; isAllowed: boolean }): Promise<void> {
  const { table, column, key } = at;
  const moving = pool.query(`update relais.${table} set ${column} = $2 where ${key} = $1`, [id, to]);
  if (!isAllowed) return assert.rejects(moving, { code: "RE001" }, `${from} → ${to}`);
  assert.equal((await moving).rowCount, 1);
  return place(at, id, from);
}

test("the notice of a consent, and what was ticked, never change", async () => {
  const consent = await engine.consent([DATASET]);
  const changes = [`notice = notice || '{"purpose":"another"}'`, "notice_hash = 'another'", "datasets = array['energy.bills']"];
  for (const change of changes)
    await assert.rejects(pool.query(`update relais.consents set ${change} where id = $1`, [consent.id]), { code: "RE002" }, change);
  assert.deepEqual(await engine.store.read((r) => r.consents.get(consent.id)), consent);
});

test("the store translates what the triggers refuse: `conflict`, and nothing changed", async () => {
  const id = await addTransfer();
  await assert.rejects(
    engine.store.write(async (w) => {
      await w.deliveries.addEvent(id, new Date(), { kind: "verified", actor: "relais" });
      await w.deliveries.change(id, 0, { state: "verified" });
    }),
    { name: "RelaisError", code: "conflict" },
  );
  const { transfer, events } = await engine.store.read(async (r) => ({
    transfer: await r.transfers.get(id),
    events: await r.transfers.events(id),
  }));
  assert.deepEqual([transfer.state, events.map(({ kind }) => kind)], ["queued", ["requested"]]);
});
