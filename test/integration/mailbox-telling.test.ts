import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Consent } from "../../src/core/consent/consent.ts";
import type { TransferId } from "../../src/core/ids.ts";
import { unlinkAccount } from "../../src/core/person/unlink-account.ts";
import { numberedItems } from "../../src/sandbox/holder/bulk.ts";
import { createParticipantCall, type ParticipantCall } from "../../src/sdk-client/mailbox-client.ts";
import { startMailboxWorld, type MailboxWorld } from "../support/mailbox-world.ts";
import { realClock } from "../support/real-clock.ts";

/** What platforms and people are told of what waits: also where one row is odd, a connection ends early, or somebody sends too much. */
const DAILY = "energy.consumption.daily";
let world: MailboxWorld;
let device: ParticipantCall;

before(async () => {
  world = await startMailboxWorld({ customers: { many: { [DAILY]: numberedItems(5) }, few: { [DAILY]: numberedItems(1) } } });
  device = createParticipantCall({ issuer: world.issuer, entityId: world.device.entityId, key: world.device.key });
});
after(() => world[Symbol.asyncDispose]());

async function deposited(customer = "many"): Promise<{ id: TransferId; consent: Consent }> {
  const consent = await world.allow(customer, [DAILY]);
  const { id } = await world.start(consent);
  assert.deepEqual(await world.run(id), { kind: "waiting" });
  return { id, consent };
}

interface Told {
  transfer: string;
  subject: string;
  state: string;
}

async function listed(query = ""): Promise<Told[]> {
  const answer = await device("GET", `/v1/mailbox${query}`);
  assert.equal(answer.status, 200);
  return ((await answer.json()) as { deliveries: Told[] }).deliveries;
}

test("one person who takes an account away closes the mailbox for nobody", async () => {
  const [gone, stays] = [await deposited("few"), await deposited()];
  const { personId, destinationLinkId: linkId } = gone.consent;
  await unlinkAccount({ store: world.store, clock: realClock }, { personId, linkId });
  const told = await listed();
  const of = (id: TransferId) => told.find(({ transfer }) => transfer === id);
  assert.equal(of(stays.id)?.state, "waiting");
  assert.deepEqual([of(gone.id)?.state, of(gone.id)?.subject], ["stopped", "galet-few"], "as the manifest names the person");
  assert.equal((await device("GET", `/v1/mailbox/${gone.id}`)).status, 200);
});
