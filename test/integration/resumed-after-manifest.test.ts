import assert from "node:assert/strict";
import { test } from "node:test";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import { reinstate, suspend } from "../support/charter.ts";
import { startEngine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter, numberedItems } from "../support/fake-participants.ts";

const DATASET = "energy.consumption.daily";

// The narrowest moment: everything is handed over and signed for, and the platform's receipt is not kept yet.
for (const call of ["announce", "stored", "complete"])
  test(`suspended at "${call}" and reinstated: it goes on to the end, with one manifest and every item stored once`, async () => {
    const items = numberedItems(DATASET, 5);
    let isSuspended = false;
    const place = fakeAccount({
      fault: async (now) => {
        if (now !== call || isSuspended) return;
        isSuspended = true;
        await suspend(engine.store, engine.destination.id);
      },
    });
    await using engine = await startEngine(fakeAdapter(fakeAccount({ items }), place), [DATASET]);
    const consent = await engine.consent([DATASET]);
    const { id } = await requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
    await runTransfer(engine.ports, { transferId: id, epoch: 0 }, engine.terms);
    const paused = await engine.store.read((r) => r.transfers.get(id));
    assert.deepEqual([paused.state, paused.reason], ["paused", "not_accredited"]);
    await reinstate({ ...engine.ports, statements: engine.ports.signer }, engine.destination.id);
    const { epoch } = await engine.store.read((r) => r.transfers.get(id));
    assert.deepEqual(await runTransfer(engine.ports, { transferId: id, epoch }, engine.terms), { kind: "ended", state: "verified" });
    const puts = place.calls.filter((one) => one.call === "put").map(({ item }) => item);
    assert.equal(puts.length, new Set(puts).size);
    assert.equal(place.stored.size, items.length);
  });
