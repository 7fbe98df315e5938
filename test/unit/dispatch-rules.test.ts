import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkedCapacity, isOpenAt, UNSTATED, type Capacity, type Hours } from "../../src/core/dispatch/capacity.ts";
import { gateOf, type Flight, type Hold, type Terms } from "../../src/core/dispatch/gate.ts";
import { afterNote, breakerOf, isProven, unknownHealth, type Health } from "../../src/core/dispatch/health.ts";
import { takeTurns, type Candidate } from "../../src/core/dispatch/take-turns.ts";
import { newId, type ParticipantId, type PersonId } from "../../src/core/ids.ts";

const NOW = new Date("2026-11-25T13:00:00Z");
const ago = (seconds: number) => new Date(NOW.getTime() - seconds * 1000);
const ALL_DAYS = [1, 2, 3, 4, 5, 6, 7];
const night: Hours = { timeZone: "Europe/Paris", from: "22:00", to: "06:00", days: ALL_DAYS };

describe("hours of the day", () => {
  // 25 November 2026 is a Wednesday; Paris is one hour ahead of UTC in winter, two in summer.
  // oxfmt-ignore
  const OPEN: [what: string, hours: Hours | null, at: string, isOpen: boolean][] = [
    ["no hours", null, "2026-11-25T03:00:00Z", true],
    ["before the evening", night, "2026-11-25T20:59:59Z", false],
    ["in the evening", night, "2026-11-25T21:00:00Z", true],
    ["after midnight", night, "2026-11-26T04:59:59Z", true],
    ["in the morning", night, "2026-11-26T05:00:00Z", false],
    ["the same clock in summer", night, "2026-07-25T20:00:00Z", true],
    ["the same clock in summer, in the morning", night, "2026-07-26T04:00:00Z", false],
    ["the hour that is there twice, the first time", { ...night, from: "02:00", to: "03:00" }, "2026-10-25T00:30:00Z", true],
    ["the hour that is there twice, the second time", { ...night, from: "02:00", to: "03:00" }, "2026-10-25T01:30:00Z", true],
    ["the hour that is not there", { ...night, from: "02:00", to: "03:00" }, "2026-03-29T01:00:00Z", false],
    ["a day that is not named", { ...night, from: "08:00", to: "18:00", days: [1, 2] }, "2026-11-25T13:00:00Z", false],
    ["a day that is named", { ...night, from: "08:00", to: "18:00", days: [3] }, "2026-11-25T13:00:00Z", true],
    ["the night of a day that is named, after midnight", { ...night, days: [3] }, "2026-11-26T02:00:00Z", true],
    ["the night before a day that is named", { ...night, days: [3] }, "2026-11-25T02:00:00Z", false],
    ["Sunday night, on Monday", { ...night, days: [7] }, "2026-11-23T02:00:00Z", true],
    ["a whole day", { ...night, from: "00:00", to: "00:00", days: [3] }, "2026-11-25T22:59:59Z", true],
    ["the day after it", { ...night, from: "00:00", to: "00:00", days: [3] }, "2026-11-25T23:00:00Z", false],
    ["another zone", { ...night, timeZone: "America/New_York", from: "08:00", to: "09:00" }, "2026-11-25T13:30:00Z", true],
  ];
  for (const [what, hours, at, isOpen] of OPEN)
    test(`${what}: ${isOpen ? "open" : "closed"}`, () => assert.equal(isOpenAt(hours, new Date(at)), isOpen));

  test("a time zone is kept as the list spells it, however it was sent", () => {
    const stated = checkedCapacity({ ...UNSTATED, hours: { ...night, timeZone: "eUROPE/pARIS" } });
    assert.equal(stated.hours?.timeZone, "Europe/Paris");
  });

  const WRONG: [what: string, wanted: Capacity, pointer: string][] = [
    ["nothing per second", { ...UNSTATED, perSecond: 0 }, "/per_second"],
    ["half a transfer", { ...UNSTATED, concurrent: 1.5 }, "/concurrent"],
    ["a time that is none", { ...UNSTATED, hours: { ...night, to: "24:00" } }, "/hours"],
    ["no day", { ...UNSTATED, hours: { ...night, days: [] } }, "/hours/days"],
    ["an eighth day", { ...UNSTATED, hours: { ...night, days: [8] } }, "/hours/days"],
    ["a zone that is none", { ...UNSTATED, hours: { ...night, timeZone: "Europe/Nowhere" } }, "/hours/time_zone"],
  ];
  for (const [what, wanted, pointer] of WRONG)
    test(`${what} is refused at ${pointer}`, () => assert.throws(() => checkedCapacity(wanted), { code: "invalid", pointers: [pointer] }));
});

const A = newId("participant");
const B = newId("participant");
const someone = newId("person");
const flight = (change: Partial<Flight> = {}): Flight => ({
  transferId: newId("transfer"),
  epoch: 0,
  sourceId: A,
  destinationId: B,
  personId: someone,
  rungAt: ago(0),
  startedAt: null,
  isOver: false,
  ...change,
});
const proven: Health = { ...unknownHealth(A), answeredAt: ago(1) };
const termsOf = (change: Partial<Terms> = {}): Terms => ({
  participantId: A,
  capacity: UNSTATED,
  health: proven,
  pauses: [],
  startsInHour: 0,
  ...change,
});
const capacity = (change: Partial<Capacity>) => ({ capacity: { ...UNSTATED, ...change } });
const open = (seconds: number): Health => ({ ...proven, failures: 5, trips: 1, openedUntil: ago(seconds) });
const pause = { participantId: A, dataset: "*", by: "operator", reason: "x", since: NOW } as const;
const [waiting, running, ended, past] = [
  flight(),
  flight({ startedAt: ago(5) }),
  flight({ startedAt: ago(0.5), isOver: true }),
  flight({ startedAt: ago(2), isOver: true }),
];

describe("the room of a participant", () => {
  // oxfmt-ignore
  const ROOMS: [what: string, terms: Terms, flights: Flight[], room: number, hold: Hold | null][] = [
    ["it answered lately: three quarters of the slots", termsOf(), [], 12, null],
    ["it did not: a quarter", termsOf({ health: unknownHealth(A) }), [], 4, null],
    ["an answer of ten seconds ago is none", termsOf({ health: { ...proven, answeredAt: ago(10) } }), [], 4, null],
    ["what is rung for and what runs is under way, what is over is not", termsOf(), [waiting, running, ended, past], 10, null],
    ["at once: what is stated", termsOf(capacity({ concurrent: 3 })), [waiting, running, ended], 1, null],
    ["at once: no more than that", termsOf(capacity({ concurrent: 2 })), [waiting, running], 0, "concurrent"],
    ["per second: what began within it, over or not, and what may begin any moment", termsOf(capacity({ perSecond: 3 })), [waiting, running, ended, past], 1, null],
    ["per second: no more", termsOf(capacity({ perSecond: 2 })), [waiting, ended], 0, "per_second"],
    ["per hour: what began within it, and what may begin any moment", termsOf({ ...capacity({ perHour: 10 }), startsInHour: 8 }), [waiting, running], 1, null],
    ["per hour: no more", termsOf({ ...capacity({ perHour: 10 }), startsInHour: 9 }), [waiting], 0, "per_hour"],
    ["outside its hours", termsOf(capacity({ hours: { ...night, from: "08:00", to: "09:00" } })), [], 0, "outside_hours"],
    ["paused", termsOf({ pauses: [pause] }), [], 0, "paused"],
    ["paused for one data set", termsOf({ pauses: [{ ...pause, dataset: "bills" }] }), [], 12, null],
    ["resting", termsOf({ health: { ...proven, restingUntil: ago(-1) } }), [], 0, "resting"],
    ["rested", termsOf({ health: { ...proven, restingUntil: ago(1) } }), [], 12, null],
    ["breaker open", termsOf({ health: open(-1) }), [], 0, "breaker"],
    ["breaker half open: one", termsOf({ health: open(1) }), [], 1, null],
    ["breaker half open: that one is under way", termsOf({ health: open(1) }), [running], 0, "probing"],
    ["breaker half open: that one is rung for, and has not started", termsOf({ health: open(1) }), [waiting], 0, "probing"],
    ["it is the destination", termsOf({ participantId: B, ...capacity({ concurrent: 1 }) }), [running], 0, "concurrent"],
  ];
  for (const [what, terms, flights, room, hold] of ROOMS)
    test(`${what}: ${room}`, () => {
      const gate = gateOf(terms, flights, { now: NOW, slots: 16 });
      assert.deepEqual([gate.room, gate.hold], [room, hold]);
    });
});

describe("the breaker", () => {
  const note = (health: Health, kind: "failure" | "success" | "answered", chance = 0) =>
    afterNote(health, { kind, participantId: A }, { now: NOW, chance });
  const failing = (times: number, from = proven) => Array.from({ length: times }).reduce<Health>((health) => note(health, "failure"), from);

  test("four failures leave it closed, the fifth opens it; a success in between begins anew", () => {
    assert.equal(breakerOf(failing(4), NOW), "closed");
    assert.equal(breakerOf(failing(5), NOW), "open");
    assert.equal(breakerOf(failing(4, note(failing(4), "success")), NOW), "closed");
    assert.equal(breakerOf(failing(4, note(failing(4), "answered")), NOW), "open", "a single answer proves nothing");
  });

  test("it stays open for longer each time, at most ten minutes, by chance for half of that; what fails meanwhile opens it no further", () => {
    const seconds = (health: Health) => ((health.openedUntil as Date).getTime() - NOW.getTime()) / 1000;
    const opened = [0, 1, 2, 3, 4, 5, 6, 7, 20].map((trips) => seconds(note({ ...proven, failures: 4, trips }, "failure", 1)));
    assert.deepEqual(opened, [10, 20, 40, 80, 160, 320, 600, 600, 600]);
    assert.equal(seconds(note({ ...proven, failures: 4 }, "failure", 0)), 5);
    const first = failing(5);
    assert.deepEqual(failing(30, first).openedUntil, first.openedUntil);
    assert.equal(isProven(note(unknownHealth(A), "answered"), NOW), true);
  });
});

describe("whose turn it is", () => {
  const candidate = (change: Partial<Candidate>): Candidate => ({
    id: newId("transfer"),
    epoch: 0,
    sourceId: A,
    destinationId: B,
    personId: newId("person"),
    priority: 0,
    dueAt: ago(60),
    ...change,
  });
  const gates = (rooms: [ParticipantId, number, load?: number][]) =>
    rooms.map(([participantId, room, load = 0]) => ({ participantId, room, load, hold: null, paused: [] }));
  const turns = (candidates: Candidate[], rooms: Parameters<typeof gates>[0], free = 100, people = new Map<PersonId, number>()) =>
    takeTurns({ candidates, gates: gates(rooms), people, free });

  test("rooms of both ends and what is free bound it exactly", () => {
    const many = Array.from({ length: 20 }, () => candidate({}));
    assert.equal(
      turns(many, [
        [A, 5],
        [B, 7],
      ]).length,
      5,
    );
    assert.equal(
      turns(many, [
        [A, 9],
        [B, 0],
      ]).length,
      0,
    );
    assert.equal(
      turns(
        many,
        [
          [A, 9],
          [B, 9],
        ],
        4,
      ).length,
      4,
    );
  });

  test("the longest due first, where everything else is the same", () => {
    const [late, early] = [candidate({ dueAt: ago(1) }), candidate({ dueAt: ago(9) })];
    assert.deepEqual(
      turns(
        [late, early],
        [
          [A, 9],
          [B, 9],
        ],
      ),
      [early, late],
    );
  });

  test("what is under way counts: a destination that keeps its attempts gets no more than its share", () => {
    const C = newId("participant");
    const D = newId("participant");
    const many = Array.from({ length: 10 }, () => [candidate({ destinationId: B }), candidate({ sourceId: C, destinationId: D })]).flat();
    const chosen = turns(
      many,
      [
        [A, 20, 6],
        [B, 20, 6],
        [C, 20],
        [D, 20],
      ],
      6,
    );
    assert.ok(chosen.every(({ destinationId }) => destinationId === D));
  });

  test("a person with much under way waits for those who have less", () => {
    const busy = newId("person");
    const [first, second] = [candidate({ personId: busy, dueAt: ago(99) }), candidate({ dueAt: ago(1) })];
    assert.deepEqual(
      turns(
        [first, second],
        [
          [A, 9],
          [B, 9],
        ],
        1,
        new Map([[busy, 1]]),
      ),
      [second],
    );
  });
});
