import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { pauseDispatch, resumeDispatch, setCapacity } from "../../src/core/dispatch/change-capacity.ts";
import type { Capacity } from "../../src/core/dispatch/capacity.ts";
import { UNSTATED } from "../../src/core/dispatch/capacity.ts";
import { recordHealth } from "../../src/core/dispatch/record-health.ts";
import type { HealthNote } from "../../src/core/dispatch/health.ts";
import type { ParticipantId } from "../../src/core/ids.ts";
import type { Store } from "../../src/core/ports.ts";
import type { Ring } from "../../src/core/transfer/transfer-records.ts";
import { sql } from "kysely";
import { writeDispatch } from "../../src/postgres/dispatch-changes.ts";
import { openDatabase, openPool, openPreparedPool } from "../../src/postgres/pool.ts";
import { realClock } from "../support/real-clock.ts";
import { addAlike, readsOf, waysWithoutKey } from "../support/table-reads.ts";
import { startDispatchWorld, type DispatchWorld } from "../support/dispatch-world.ts";

let world: DispatchWorld;
let holder: ParticipantId;
let platform: ParticipantId;

beforeEach(async () => {
  world = await startDispatchWorld();
  [holder, platform] = [await world.participant("holder"), await world.participant("platform")];
  await world.slots(40);
  await world.answers(holder, platform);
});
afterEach(() => world[Symbol.asyncDispose]());

/** While fewer are seen than this, more may be starting. */
const LEAST_SLOTS = 8;
const ports = () => ({ store: world.store, clock: realClock });
const operator = (participantId: ParticipantId) => ({ caller: { kind: "operator" as const, name: "Operator" }, participantId });
const itself = (participantId: ParticipantId) => ({
  caller: { kind: "participant" as const, participantId, entityId: "https://x.test", name: "x" },
  participantId,
});
const states = (participantId: ParticipantId, capacity: Partial<Capacity>) =>
  setCapacity(ports(), itself(participantId), { ...UNSTATED, ...capacity });
const endsOf = async (rings: Ring[]) => Promise.all(rings.map(({ transferId }) => world.transfer(transferId)));
const epochs = async (rings: Ring[]) => (await endsOf(rings)).map(({ epoch }) => epoch);
const noted = async (note: Omit<HealthNote, "participantId"> & { kind: "failure" | "success" }, times = 1) => {
  for (let time = 0; time < times; time++) await recordHealth(ports(), { ...note, participantId: platform }, 0);
};
/** As if so much time had passed. */
const passes = (seconds: number) =>
  world.pool.query("update participant_health set opened_until = opened_until - make_interval(secs => $1), answered_at = answered_at", [
    seconds,
  ]);

describe("the window", () => {
  test("several dispatchers at once never ring for more than it, each transfer once; what starts makes room", async () => {
    await world.queue({ from: holder, to: platform, count: 300 });
    const both = [world.store, world.other, world.store, world.other, world.store];
    const rings = (await Promise.all(both.map((store) => world.dispatch({ window: 10 }, store)))).flat();
    assert.equal(rings.length, 10);
    assert.equal(new Set(rings.map(({ transferId }) => transferId)).size, 10);
    assert.deepEqual(await world.dispatch({ window: 10 }), []);
    for (const ring of rings.slice(0, 4)) assert.ok(await world.start(ring));
    const more = await world.dispatch({ window: 10 });
    assert.equal(more.length, 4);
    assert.ok(more.every(({ transferId }) => !rings.some((ring) => ring.transferId === transferId)));
  });

  test("unset, it is as many as the workers that were seen carry at once", async () => {
    const ends = await Promise.all([1, 2, 3, 4].map(() => world.participant("platform")));
    await world.answers(...ends);
    await world.store.write((w) => w.dispatch.seen({ id: "second", slots: 6 }));
    await world.slots(7);
    for (const to of ends) {
      const from = await world.participant("holder");
      await world.answers(from);
      await world.queue({ from, to, count: 50 });
    }
    assert.equal((await world.dispatch()).length, 13);
    await world.pool.query("update workers set seen_at = seen_at - interval '16 seconds' where id = 'second'");
    await world.pool.query("update transfers set epoch = epoch + 1");
    assert.equal((await world.dispatch()).length, LEAST_SLOTS);
  });

  test("a ring that is lost is rung again after the stated time, for the same attempt; what started is not", async () => {
    await world.queue({ from: holder, to: platform, count: 3 });
    const rings = await world.dispatch({ ringAgainSeconds: 1 });
    assert.equal(rings.length, 3);
    await world.start(rings[0]!);
    assert.deepEqual(await world.dispatch({ ringAgainSeconds: 1 }), []);
    await sleep(1100);
    const again = await world.dispatch({ ringAgainSeconds: 1 });
    assert.deepEqual(
      again.map(({ transferId, epoch }) => `${transferId} ${epoch}`).sort(),
      rings
        .slice(1)
        .map(({ transferId, epoch }) => `${transferId} ${epoch}`)
        .sort(),
    );
    assert.deepEqual(await world.dispatch({ ringAgainSeconds: 1 }), []);
  });

  test("what a worker left is rung for again under its next epoch once the lease has run out", async () => {
    await world.queue({ from: holder, to: platform, count: 1 });
    const [ring] = await world.dispatch();
    await world.start(ring!, 1);
    assert.deepEqual(await world.dispatch(), []);
    await sleep(2100);
    const [next] = await world.dispatch();
    assert.deepEqual(next, { transferId: ring!.transferId, epoch: 1 });
  });

  test("rows that somebody holds at this moment are left out, and nobody waits for them", async () => {
    await world.queue({ from: holder, to: platform, count: 3 });
    const client = await world.pool.connect();
    try {
      await client.query("begin");
      const { rows } = await client.query<{ id: string }>("select id from transfers order by due_at limit 1 for update");
      const rings = await world.dispatch();
      assert.equal(rings.length, 2);
      assert.ok(rings.every(({ transferId }) => transferId !== rows[0]!.id));
    } finally {
      await client.query("rollback");
      client.release();
    }
    assert.equal((await world.dispatch()).length, 1);
  });

  test("nor where something is called back, paused or begun: whoever is frozen with one row keeps no other waiting", async () => {
    await world.queue({ from: holder, to: platform, count: 4 });
    const rings = await world.dispatch();
    const [rung, , running, frozen] = rings;
    assert.ok((await world.start(running!)) && (await world.start(frozen!)));
    const client = await world.pool.connect();
    try {
      await client.query("begin; set local idle_in_transaction_session_timeout = 0");
      await client.query("select from transfers where id = any ($1) for update", [[rung!.transferId, frozen!.transferId]]);
      assert.equal(await world.start(rung!), null);
      await pauseDispatch(ports(), operator(platform), { dataset: "*", reason: "They move house." });
      assert.deepEqual(await world.dispatch(), []);
      assert.deepEqual(await epochs(rings), [0, 1, 2, 1], "what is free was taken back");
    } finally {
      await client.query("rollback");
      client.release();
    }
    assert.deepEqual(await world.dispatch(), []);
    assert.deepEqual(await epochs(rings), [1, 1, 2, 2], "the next look takes the rest");
  });

  test("what a pause takes back makes room in the same look", async () => {
    const other = await world.participant("platform");
    await world.answers(other);
    await world.queue({ from: holder, to: platform, count: 4 });
    assert.equal((await world.dispatch({ window: 4 })).length, 4);
    await world.queue({ from: holder, to: other, count: 4 });
    assert.deepEqual(await world.dispatch({ window: 4 }), []);
    await pauseDispatch(ports(), operator(platform), { dataset: "*", reason: "They move house." });
    const turns = await endsOf(await world.dispatch({ window: 4 }));
    assert.deepEqual(
      turns.map(({ destinationId }) => destinationId),
      [other, other, other, other],
    );
  });

  test("a process that is frozen within a transaction is cut off by the server", async () => {
    await using cleanup = new AsyncDisposableStack();
    for (const open of [openPool, openPreparedPool]) {
      const pool = cleanup.adopt(open(world.url, 1), (one) => one.end());
      const { rows } = await pool.query("show idle_in_transaction_session_timeout");
      assert.deepEqual(rows, [{ idle_in_transaction_session_timeout: "10s" }]);
    }
  });

  test("a dispatcher that falls silent in the middle holds the others up for seconds only", async () => {
    await world.queue({ from: holder, to: platform, count: 1 });
    const { promise: silence, resolve: release } = Promise.withResolvers<void>();
    const locked = Promise.withResolvers<void>();
    const frozen = world.other
      .write(async ({ dispatch }) => {
        await dispatch.alone();
        locked.resolve();
        await silence;
        await dispatch.present();
      })
      .then(
        () => "went on",
        () => "was cut off",
      );
    await locked.promise;
    assert.equal((await world.dispatch()).length, 1);
    release();
    assert.equal(await frozen, "was cut off");
  });

  test("a look reads what is under way, however few transfers there were when its statements were planned", async () => {
    const round = async () => {
      const rings = await world.dispatch({ window: 5 });
      for (const ring of rings) assert.ok(await world.start(ring));
      for (const { transferId } of rings) await world.end(transferId);
      return rings.length;
    };
    await world.queue({ from: holder, to: platform, count: 40 });
    for (let rounds = 0; rounds < 3; rounds++) assert.equal(await round(), 5);
    // Some that ended and some that are not due, and nobody has counted them yet.
    const [now, later] = [new Date(), new Date(Date.now() + 86_400_000)];
    await addAlike(world.pool, "transfers", 1500, { state: "verified", ended_at: now });
    await addAlike(world.pool, "transfers", 1500, { state: "scheduled", ended_at: null, due_at: later, expires_at: later });
    const { transfers: before } = await readsOf(world.pool, "transfers");
    assert.equal(await round(), 5);
    const { transfers: after } = await readsOf(world.pool, "transfers");
    const read = after!.rows - before!.rows;
    assert.ok(read < 1000, `${read} rows`);
  });

  test("whatever was counted when its statements were planned, it finds transfers by their keys", async () => {
    for (const count of [0, 1, 2, 37]) {
      if (count > 0) await world.queue({ from: holder, to: platform, count });
      await world.pool.query("analyze");
      for (const ring of await world.dispatch()) assert.ok(await world.start(ring));
      const ways = await waysWithoutKey(world.pool);
      const looks = ["dispatch_observe", "dispatch_picture", ...(count > 0 ? ["dispatch_take"] : [])];
      assert.deepEqual(Object.keys(ways).sort(), looks);
      const others = Object.values(ways)
        .flat()
        .filter((way) => way.includes(" transfers "));
      // From one lane to the next, in the order of either index.
      for (const way of others) assert.match(way, /^Index Only Scan transfers transfers_(kinds|lanes)$/);
    }
  });

  test("what is scheduled for later is rung for when it is due, and not before", async () => {
    await world.queue({ from: holder, to: platform, count: 2, dueAgo: -3600, state: "scheduled" });
    assert.deepEqual(await world.dispatch(), []);
    await world.pool.query("update transfers set due_at = now() - interval '1 minute'");
    const rings = await world.dispatch();
    assert.deepEqual(
      (await endsOf(rings)).map(({ state }) => state),
      ["queued", "queued"],
    );
  });
});

describe("what a participant takes", () => {
  /** Two dispatchers and workers of two processes, which are sometimes slow, until `seconds` are over or `enough` began. Returns when each attempt began, and the most at once. */
  async function run(seconds: number, work: number, enough = Number.POSITIVE_INFINITY): Promise<{ begun: number[]; most: number }> {
    const begun: number[] = [];
    let [running, most] = [0, 0];
    const until = Date.now() + seconds * 1000;
    const worker = async (ring: Ring) => {
      await sleep(Math.random() * 400);
      const before = Date.now();
      if ((await world.start(ring)) === null) return;
      begun.push(before);
      running += 1;
      most = Math.max(most, running);
      await sleep(work);
      running -= 1;
      await world.end(ring.transferId);
    };
    const jobs: Promise<void>[] = [];
    const dispatcher = async (store: DispatchWorld["store"]) => {
      while (Date.now() < until && begun.length < enough) {
        jobs.push(...(await world.dispatch({}, store)).map(worker));
        await sleep(Math.random() * 30);
      }
    };
    await Promise.all([dispatcher(world.store), dispatcher(world.other)]);
    await Promise.all(jobs);
    return { begun: begun.sort((a, b) => a - b), most };
  }

  test("per second: in no second more than stated, however late the workers answer, over two processes", async () => {
    await states(holder, { perSecond: 5 });
    await world.queue({ from: holder, to: platform, count: 200 });
    const { begun } = await run(60, 10, 25);
    // The clock of this test and the database's order of events are a few milliseconds apart.
    const worst = Math.max(...begun.map((at) => begun.filter((other) => other >= at && other < at + 950).length));
    assert.ok(worst <= 5, `${worst} in one second`);
    assert.ok(begun.length >= 25);
  });

  test("per hour: what began in the last hour counts, and only that", async () => {
    await states(platform, { perHour: 3 });
    await world.queue({ from: holder, to: platform, count: 20 });
    const { begun } = await run(4, 10, 4);
    assert.equal(begun.length, 3);
    assert.deepEqual(await world.dispatch(), []);
    await world.pool.query("update dispatch_minutes set minute = minute - interval '62 minutes'");
    assert.equal((await world.dispatch()).length, 3);
  });

  test("at once: never more than stated, over two processes", async () => {
    await states(platform, { concurrent: 3 });
    await world.queue({ from: holder, to: platform, count: 60 });
    const { most } = await run(60, 1500, 9);
    assert.equal(most, 3);
  });

  test("a worker that answers very late brings nobody above what is stated", async () => {
    await states(platform, { concurrent: 1 });
    await world.queue({ from: holder, to: platform, count: 3 });
    const [late] = await world.dispatch({ ringAgainSeconds: 1 });
    await sleep(1100);
    assert.deepEqual(await world.dispatch({ ringAgainSeconds: 1 }), [late]);
    assert.ok(await world.start(late!));
    assert.deepEqual(await world.dispatch({ ringAgainSeconds: 1 }), []);
  });

  test("hours of the day: outside them nothing starts, and what was rung for and has not started is called back", async () => {
    await world.queue({ from: holder, to: platform, count: 3 });
    const rings = await world.dispatch();
    assert.ok(await world.start(rings[0]!));
    const never = { timeZone: "Europe/Paris", from: "08:00", to: "08:01", days: [((new Date().getUTCDay() + 3) % 7) + 1] };
    await states(holder, { hours: never });
    assert.deepEqual(await world.dispatch(), []);
    assert.equal(await world.start(rings[1]!), null, "its job finds nothing to do");
    assert.equal((await world.transfer(rings[0]!.transferId)).state, "fetching", "what runs goes on");
    await states(holder, { hours: { ...never, from: "00:00", to: "00:00", days: [1, 2, 3, 4, 5, 6, 7] } });
    assert.equal((await world.dispatch()).length, 2);
  });

  test("one that has not answered yet is given few, and one that has never has all slots", async () => {
    const stranger = await world.participant("platform");
    await world.queue({ from: holder, to: stranger, count: 100 });
    assert.equal((await world.dispatch()).length, 10);
    await world.answers(stranger);
    assert.equal((await world.dispatch()).length, 20);
  });
});

describe("whose turn it is", () => {
  test("a backlog of one source, and of one destination, keeps no other one waiting", async () => {
    const [quiet, busy, other] = [
      await world.participant("holder"),
      await world.participant("platform"),
      await world.participant("platform"),
    ];
    await world.answers(quiet, busy, other);
    await world.queue({ from: holder, to: busy, count: 500, dueAgo: 900 });
    await world.queue({ from: holder, to: other, count: 500, dueAgo: 900 });
    await world.queue({ from: quiet, to: platform, count: 5, dueAgo: 1 });
    const turns = await endsOf(await world.dispatch({ window: 8 }));
    assert.equal(turns.filter(({ sourceId }) => sourceId === quiet).length, 4);
    assert.equal(turns.filter(({ destinationId }) => destinationId === busy).length, 2);
  });

  test("where a participant takes no more, its backlog is not looked into any further", async () => {
    await world.queue({ from: holder, to: platform, count: 600 });
    await world.queue({ from: await world.participant("holder"), to: await world.participant("platform"), count: 3 });
    const asked: number[] = [];
    const write: Store["write"] = (work) =>
      world.store.write((w) => {
        const candidates: typeof w.dispatch.candidates = (looks, now) => {
          asked.push(...looks.map(({ most }) => most));
          return w.dispatch.candidates(looks, now);
        };
        return work({ ...w, dispatch: { ...w.dispatch, candidates } });
      });
    const rings = await world.dispatch({}, { ...world.store, write });
    assert.equal(rings.length, 33, "its share of 40, and all of the others");
    assert.deepEqual(asked, [44, 44]);
  });

  test("where there is room for more than a short look gives, a longer one finds it", async () => {
    await world.queue({ from: holder, to: platform, count: 600 });
    const others = await Promise.all(Array.from({ length: 12 }, () => world.participant("holder")));
    for (const from of others) await world.queue({ from, to: platform, count: 1 });
    assert.equal((await world.dispatch()).length, 30);
  });

  test("a backlog of one person keeps no other person waiting, in the same lane", async () => {
    const crowd = await world.person();
    await world.queue({ from: holder, to: platform, count: 3000, person: crowd, dueAgo: 900 });
    await world.queue({ from: holder, to: platform, count: 6, dueAgo: 1 });
    const turns = await endsOf(await world.dispatch({ window: 8 }));
    assert.equal(turns.filter(({ personId }) => personId !== crowd).length, 6);
  });

  test("whoever waits comes before scheduled work, however long that is due", async () => {
    await world.queue({ from: holder, to: platform, count: 500, priority: 10, dueAgo: 9000 });
    await world.queue({ from: holder, to: platform, count: 3, priority: 0, dueAgo: 0.5 });
    await sleep(600);
    const priorities = await world.pool.query<{ priority: number }>("select priority from transfers where id = any ($1)", [
      (await world.dispatch({ window: 5 })).map(({ transferId }) => transferId),
    ]);
    assert.deepEqual(
      priorities.rows.map(({ priority }) => priority).sort((a, b) => a - b),
      [0, 0, 0, 10, 10],
    );
  });
});

describe("the breaker", () => {
  test("opens after five failures in a row for all processes, calls back what waits, lets one try, and closes when it succeeds", async () => {
    await world.queue({ from: holder, to: platform, count: 50 });
    const early = await world.dispatch({ window: 3 });
    await noted({ kind: "failure" }, 4);
    assert.equal((await world.dispatch({ window: 4 }, world.other)).length, 1);
    await noted({ kind: "failure" });
    assert.deepEqual(await world.dispatch({}, world.other), []);
    assert.equal(await world.start(early[0]!), null);
    await passes(11);
    const [probe, ...rest] = await world.dispatch({}, world.other);
    assert.deepEqual(rest, []);
    assert.deepEqual(await world.dispatch(), [], "one at a time");
    assert.ok(await world.start(probe!), "and it is not called back by the next look");
    assert.deepEqual(await world.dispatch(), []);
    await noted({ kind: "success" });
    await world.end(probe!.transferId);
    assert.ok((await world.dispatch()).length > 1);
  });

  test("a try that fails opens it again, for longer", async () => {
    await world.queue({ from: holder, to: platform, count: 5 });
    await noted({ kind: "failure" }, 5);
    await passes(11);
    const [probe] = await world.dispatch();
    await world.start(probe!);
    await noted({ kind: "failure" });
    await world.end(probe!.transferId);
    const { health, now } = await world.store.write((w) => w.dispatch.health(platform));
    const seconds = (health.openedUntil!.getTime() - now.getTime()) / 1000;
    assert.ok(seconds > 8 && seconds <= 10, `${seconds} s: twice as long as the first time`);
    assert.deepEqual(await world.dispatch(), []);
  });

  test("one that asks for a pause gets it, and the others go on", async () => {
    const other = await world.participant("platform");
    await world.queue({ from: holder, to: platform, count: 5 });
    await world.queue({ from: holder, to: other, count: 5 });
    await recordHealth(ports(), { kind: "rest", participantId: platform, seconds: 9_000_000 }, 0);
    const turns = await endsOf(await world.dispatch());
    assert.ok(turns.length > 0 && turns.every(({ destinationId }) => destinationId === other));
    await world.pool.query("update participant_health set resting_until = resting_until - interval '61 seconds'");
    assert.ok(
      (await endsOf(await world.dispatch())).some(({ destinationId }) => destinationId === platform),
      "no pause is longer than a minute",
    );
  });
});

describe("pauses", () => {
  test("by a participant and by the operator: nothing starts, what runs breaks off, and each lifts only its own", async () => {
    await world.queue({ from: holder, to: platform, count: 5 });
    const [running, waiting] = await world.dispatch({ window: 2 });
    await world.start(running!);
    await pauseDispatch(ports(), operator(platform), { dataset: "*", reason: "Their certificate runs out." });
    await pauseDispatch(ports(), itself(platform), { dataset: "*", reason: "We move house." });
    assert.deepEqual(await world.dispatch(), []);
    assert.equal(await world.start(waiting!), null);
    const stopped = await world.transfer(running!.transferId);
    assert.deepEqual([stopped.epoch, stopped.leaseUntil, stopped.state], [2, null, "fetching"]);
    await resumeDispatch(ports(), itself(platform), { dataset: "*" });
    assert.deepEqual(await world.dispatch(), []);
    await assert.rejects(resumeDispatch(ports(), itself(platform), { dataset: "*" }), { code: "not_found" });
    await resumeDispatch(ports(), operator(platform), { dataset: "*" });
    assert.equal((await world.dispatch()).length, 5);
  });

  test("of one data set: the others go on", async () => {
    await world.queue({ from: holder, to: platform, count: 2, datasets: ["bills", "calls"], dueAgo: 900 });
    await world.queue({ from: holder, to: platform, count: 3, datasets: ["calls"] });
    await pauseDispatch(ports(), operator(holder), { dataset: "bills", reason: "Wrong amounts in October." });
    const turns = await endsOf(await world.dispatch());
    assert.deepEqual(
      turns.map(({ datasets }) => datasets),
      [["calls"], ["calls"], ["calls"]],
    );
    assert.deepEqual(await world.dispatch(), []);
  });

  test("of one data set, with a long backlog of it: what waits for it is not read, and the others come in the order of what is due longest", async () => {
    await world.queue({ from: holder, to: platform, count: 3000, datasets: ["bills", "calls"], dueAgo: 900 });
    await world.queue({ from: holder, to: platform, count: 2, datasets: ["calls"], dueAgo: 30 });
    await world.queue({ from: holder, to: platform, count: 2, datasets: ["meters"], dueAgo: 60 });
    const look = { sourceId: holder, destinationId: platform, priority: 0, most: 3, except: [], paused: ["bills"] };
    const { found, read } = await openDatabase(world.pool)
      .transaction()
      .execute(async (tx) => {
        const candidates = await writeDispatch(tx).candidates([look], new Date());
        const { rows } = await sql<{ read: number }>`
          select seq_tup_read + idx_tup_fetch as read from pg_stat_xact_user_tables where relname = 'transfers'`.execute(tx);
        return { found: await Promise.all(candidates.map(({ id }) => world.transfer(id))), read: Number(rows[0]?.read) };
      });
    assert.deepEqual(
      found.map(({ datasets }) => datasets),
      [["meters"], ["meters"], ["calls"]],
    );
    assert.ok(read < 50, `${read} rows were read`);
  });

  test("somebody else neither pauses nor states anything", async () => {
    const about = { ...itself(holder), participantId: platform };
    await assert.rejects(pauseDispatch(ports(), about, { dataset: "*", reason: "x" }), { code: "not_found" });
    await assert.rejects(setCapacity(ports(), about, { ...UNSTATED, concurrent: 1 }), { code: "not_found" });
    await assert.rejects(pauseDispatch(ports(), itself(holder), { dataset: "*", reason: " " }), { code: "invalid" });
  });
});
