import assert from "node:assert/strict";
import type { Server } from "node:net";
import { after, before, test, type TestContext } from "node:test";
import pg from "pg";
import { asking, balancer, type Asked } from "../support/balancer.ts";
import { acceptAll, allEnd, crowdCustomers, crowdOf, ITEMS_EACH } from "../support/crowd.ts";
import { startFaultWorld, until, type FaultWorld } from "../support/fault-relais.ts";
import { judge } from "../support/outside-judge.ts";
import { freePort } from "../support/ports.ts";
import { startNode, type Program } from "../support/processes.ts";
import { nextRelease, noReleaseBefore, releaseBefore, type Release } from "../support/release.ts";

/**
 * A release and the one after it, side by side (docs/upgrading.md): the program of an earlier commit and this one, then this one and the same with further
 * migrations.
 */
const EXPANDS = {
  "9990-notes.sql":
    "alter table transfers add column note text; create table transfer_notes (transfer_id text references transfers (id) on delete cascade);",
  "9991-notes-found.sql": "-- concurrently\ncreate index concurrently transfers_noted on transfers (note) where note is not null;",
};
const CONTRACTS = { "9992-no-notes.sql": "-- contract: needs 9990-notes.sql\nalter table transfers drop column note;" };
const EACH = 12;
const GROUPS = ["alone", "earlier", "both", "later", "before", "held", "beside", "after"];
const PATHS = ["/en/", "/v1/participants", "/health/ready"];
let world: FaultWorld;
let front: Server;
let next: Release;
let last: Release;
const ports: number[] = [];

before(async () => {
  world = await startFaultWorld({ customers: crowdCustomers, accounts: GROUPS.flatMap((name) => crowdOf(name, EACH)) });
  next = await nextRelease(EXPANDS);
  last = await nextRelease({ ...EXPANDS, ...CONTRACTS });
  for (let count = 0; count < 3; count++) ports.push(await freePort());
  front = balancer(Number(new URL(world.url).port), ports);
});
after(async () => {
  front?.close();
  await world?.[Symbol.asyncDispose]();
  await next?.[Symbol.asyncDispose]();
  await last?.[Symbol.asyncDispose]();
});

const start = (place: number, main?: string): Promise<Program> =>
  world.start("web,worker,sweeper", { RELAIS_PORT: String(ports[place]) }, main === undefined ? {} : { main });

const migrateTo = (release: Release): Program =>
  startNode([release.operate, "migrate"], {
    env: { PATH: process.env["PATH"], DATABASE_URL: world.databaseUrl, REDIS_URL: "redis://127.0.0.1:1" },
  });

/** A dump, or anybody who reads for long. */
async function longRead(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: world.databaseUrl });
  await client.connect();
  await client.query("begin; select count(*) from relais.transfers");
  return client;
}

function assertAnswered(t: TestContext, { answers, again, failures }: Asked): void {
  t.diagnostic(`${answers} answers, ${again} connections used anew`);
  assert.deepEqual(failures, []);
  assert.ok(answers > 100);
}

test(
  "the release before is exchanged for this one under load, on this one's schema, where it carries transfers alone, too: both programs work side by side, the one of before is started anew too, and nothing is lost",
  { skip: noReleaseBefore },
  async (t) => {
    await using earlier = await releaseBefore();
    await using old = await start(0, earlier.main);
    await using asked = asking(PATHS.map((path) => world.url + path));
    // Beside this one, what the one before cannot do would be done by this one.
    const accepted = await acceptAll(world, crowdOf("alone", EACH));
    await allEnd(world, accepted);
    accepted.push(...(await acceptAll(world, crowdOf("earlier", EACH))));
    await using _young = await start(1);
    await using anew = await start(2, earlier.main);
    accepted.push(...(await acceptAll(world, crowdOf("both", EACH))));
    assert.deepEqual(await old.kill("SIGTERM"), { code: 0, signal: null }, old.output());
    accepted.push(...(await acceptAll(world, crowdOf("later", EACH))));
    assert.deepEqual(await anew.kill("SIGTERM"), { code: 0, signal: null }, anew.output());
    await allEnd(world, accepted);
    await asked[Symbol.asyncDispose]();
    assertAnswered(t, asked);
    await judge(world, accepted, ITEMS_EACH);
  },
);

test("a release is exchanged for the next one under load: migrations wait for a long read and nobody waits for them, both releases work side by side, and nothing is lost", async (t) => {
  const old = await start(0);
  await using asked = asking(PATHS.map((path) => world.url + path));
  const reader = await longRead();
  await using migrating = migrateTo(next);
  await migrating.line(/9990-notes\.sql waits/);
  const accepted = await acceptAll(world, crowdOf("before", EACH));
  await allEnd(world, accepted);
  assert.doesNotMatch(migrating.output(), /ran /, "the read is not over");

  const held = acceptAll(world, crowdOf("held", EACH));
  await reader.end();
  await migrating.line(/^ran 9990-notes\.sql, 9991-notes-found\.sql$/);
  accepted.push(...(await held));

  await start(1, next.main);
  // And one of before, started anew (it fell over) on a database that is newer than it.
  await start(2);
  accepted.push(...(await acceptAll(world, crowdOf("beside", EACH))));
  assert.deepEqual(await old.kill("SIGTERM"), { code: 0, signal: null }, old.output());
  accepted.push(...(await acceptAll(world, crowdOf("after", EACH))));
  await allEnd(world, accepted);
  await asked[Symbol.asyncDispose]();
  assertAnswered(t, asked);
  await judge(world, accepted, ITEMS_EACH);
  const { rows } = await world.pool.query("select indisvalid from pg_index where indexrelid = 'relais.transfers_noted'::regclass");
  assert.deepEqual(rows, [{ indisvalid: true }]);
});

test("what was taken away is missed by name: a release that uses it refuses to start, one that knows better starts", async () => {
  await using contracting = migrateTo(last);
  await contracting.line(/^ran 9992-no-notes\.sql$/);
  await assert.rejects(start(0), /too old for its database: 9992-no-notes\.sql .* releases without 9990-notes\.sql/);
  await using known = await start(0, next.main);
  await until("readiness", async () => (await fetch(`http://127.0.0.1:${ports[0]}/health/ready`)).ok);
  assert.deepEqual(await known.kill("SIGTERM"), { code: 0, signal: null });
});
