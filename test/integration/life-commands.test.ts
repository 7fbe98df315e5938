import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { ACCREDITATION } from "../../src/cli/accreditation.ts";
import { events } from "../../src/cli/platform-events.ts";
import { PLATFORM } from "../../src/cli/platform.ts";
import type { RegisterClient } from "../../src/cli/register-client.ts";
import { charter, charters, suspend } from "../support/charter.ts";
import { startRegisterApi, type RegisterApi } from "../support/register-api.ts";
import { CRITERIA } from "../support/register-life.ts";

let api: RegisterApi;
let platform: Awaited<ReturnType<RegisterApi["platform"]>>;
let printed: string[];
const write = process.stdout.write.bind(process.stdout);

before(async () => {
  api = await startRegisterApi(charters(charter("2026-11", CRITERIA)));
  platform = await api.platform("told");
  await api.staff("accreditor", "accreditor A");
});
after(() => api[Symbol.asyncDispose]());
beforeEach(() => void (printed = []));

/** What a command prints, as its own process would. */
async function run(command: typeof PLATFORM, words: string[]): Promise<{ code: number; out: string }> {
  process.stdout.write = ((text: string) => printed.push(text)) as never;
  try {
    return { code: await command.run(words), out: printed.splice(0).join("") };
  } finally {
    process.stdout.write = write;
  }
}

const asPlatform = (...words: string[]) =>
  run(PLATFORM, [...words, "--relais", api.origin, "--entity", platform.participant.entityId, "--key", platform.keyFile]);
const asAccreditor = (...words: string[]) =>
  run(ACCREDITATION, [
    ...words,
    "--relais",
    api.origin,
    "--as",
    "accreditor A",
    "--key",
    platform.keyFile.replace(/told\.jwk$/, "accreditor-A.jwk"),
  ]);

test("a platform fetches its events, checks each signature, and acknowledges them; the accreditor sees when", async () => {
  await suspend(api.store, platform.participant.id);
  const kept = await asPlatform("events", "--keep", "--json");
  const [event] = (JSON.parse(kept.out) as { events: { type: string; about: string }[] }).events;
  assert.deepEqual([event?.type, event?.about], ["accreditation-suspended", platform.participant.entityId]);
  assert.match((await asAccreditor("notices", platform.participant.id)).out, /accreditation-suspended .*\n {2}on its way, 0 attempts/);
  const taken = await asPlatform("events");
  assert.equal(taken.code, 0);
  assert.match(taken.out, /^evt_\w+ .* accreditation-suspended +https:\/\/told\.example\n$/);
  assert.equal((await asPlatform("events")).out, "Nothing new.\n");
  assert.match((await asAccreditor("notices", platform.participant.id)).out, /acknowledged at 20/);
});

test("an event that was changed on its way, or is for somebody else, is not believed and not acknowledged", async () => {
  await api.query("update relais.notices set acknowledged_at = null");
  const acknowledged: string[] = [];
  /** Somebody between Relais and the platform. */
  const between = (change: (jws: string) => string): RegisterClient => ({
    ...platform.client,
    send: async <T>(method: "POST" | "PATCH" | "DELETE", path: string, body?: object) => {
      acknowledged.push(...(body as { ack: string[] }).ack);
      const polled = await platform.client.send<{ sets: Record<string, string> }>(method, path, body);
      return { ...polled, sets: Object.fromEntries(Object.entries(polled.sets).map(([id, jws]) => [id, change(jws)])) } as T;
    },
  });
  const asked = { relais: api.origin, entity: platform.participant.entityId, keep: false, json: false };
  const spoil = (jws: string): string => jws.replace(/\.(.{20})/, (_, start: string) => `.${start.toUpperCase()}`);
  for (const [client, entity] of [
    [between(spoil), asked.entity],
    [between((jws) => jws), "https://another.example"],
  ] as const) {
    process.stdout.write = ((text: string) => printed.push(text)) as never;
    const code = await events(client, { ...asked, entity }).finally(() => (process.stdout.write = write));
    assert.equal(code, 1);
    assert.match(printed.splice(0).join(""), /not believed, not acknowledged/);
  }
  assert.deepEqual(acknowledged, []);
});

test("what was given up is sent again by hand, once", async () => {
  await api.query(
    "update relais.notices set acknowledged_at = null, given_up_at = now(), attempts = 9, last_failure = 'The participant answers 400.'",
  );
  const listed = await asAccreditor("notices", platform.participant.id, "--json");
  const [notice] = (JSON.parse(listed.out) as { notices: { id: string; given_up_at: string | null }[] }).notices;
  assert.ok(notice?.given_up_at);
  assert.match(
    (await asAccreditor("notices", platform.participant.id)).out,
    /given up at .* after 9 attempts: The participant answers 400\./,
  );
  assert.match((await asAccreditor("retry", notice.id)).out, /is sent again/);
  await assert.rejects(asAccreditor("retry", notice.id), /was not given up/);
});

test("reminders and participation are in the answers of the API", async () => {
  const { id } = await platform.client.send<{ id: string }>("POST", "/v1/applications", { level: 1 });
  await api.query(`update relais.applications set state = 'submitted' where id = '${id}'`);
  await api.query(`update relais.applications set state = 'checking' where id = '${id}'`);
  await api.query(`update relais.applications set state = 'changes_requested', changed_at = '2026-01-01' where id = '${id}'`);
  await api.query(
    `insert into relais.reminders values ('rem_1', '${platform.participant.id}', '${id}', 'changes_waiting', '', '2026-01-01', '2026-01-15')`,
  );
  const found = await platform.client.get<{ requirements: { reminders: object[] } }>(`/v1/applications/${id}`);
  assert.deepEqual(found.requirements.reminders, [
    {
      kind: "changes_waiting",
      application: id,
      criterion: null,
      occasion_at: "2026-01-01T00:00:00.000Z",
      created_at: "2026-01-15T00:00:00.000Z",
    },
  ]);
  assert.match((await asPlatform("status")).out, /Reminders:\n {2}changes_waiting, 2026-01-01/);
  const shown = (await (await fetch(`${api.origin}/v1/participants/${platform.participant.id}`)).json()) as {
    participation: { level: string };
  };
  assert.equal(shown.participation.level, "explorer");
});
