import assert from "node:assert/strict";
import { test } from "node:test";
import { areConditionsDue } from "../../src/core/policy/decide.ts";
import { factsOf, testAccountHash } from "../../src/core/policy/facts.ts";
import type { Stance } from "../../src/core/policy/conditions.ts";
import { isRegion, regionsOf } from "../../src/core/policy/regions.ts";
import type { Participant, Role } from "../../src/core/register/participant.ts";
import { participantFrom } from "../../src/core/register/participant-metadata.ts";
import { dataset, markFor } from "../support/register-fixtures.ts";

const now = new Date();

// oxfmt-ignore
const DUE: [roles: Role[], isSwitch: boolean, due: boolean, why: string][] = [
  [["holder"],             false, true,  "a holder sends"],
  [["holder"],             true,  true,  "a switch that starts at a holder is a delivery like any other"],
  [["platform"],           false, false, "a platform gives back"],
  [["platform"],           true,  false, "leaving is the person's right"],
  [["holder", "platform"], false, true,  "it sends as a holder"],
  [["holder", "platform"], true,  false, "no platform keeps people by being a holder too"],
];
for (const [roles, isSwitch, due, why] of DUE)
  test(`${roles.join(" and ")}, ${isSwitch ? "switch" : "copy"}: ${why}`, () => {
    assert.equal(areConditionsDue(participant({ roles }), isSwitch), due);
  });

test("a country has its groups; a group is no country, and what is none has nothing", () => {
  assert.deepEqual(regionsOf("fr"), ["FR", "EU", "EEA"]);
  assert.deepEqual(regionsOf("NO"), ["NO", "EEA"]);
  assert.deepEqual(regionsOf("CH"), ["CH"]);
  assert.deepEqual([regionsOf("EU"), regionsOf(""), regionsOf("France")], [[], [], []]);
  assert.deepEqual(["FR", "EU", "EEA", "fr", "", "*"].map(isRegion), [true, true, true, false, false, false]);
});

test("what is said of one data set stands instead of what is said of all; an exclusion from all counts for each", () => {
  const general = { dataset: "*", minimumLevel: 2 as const, regions: ["FR"], certificates: [] };
  const own = { dataset: "open.data", minimumLevel: 1 as const, regions: [], certificates: [] };
  const read = (dataset: string, stance: Partial<Stance> = {}) => facts(dataset, { conditions: [general, own], ...stance }).conditions;
  assert.deepEqual([read("bills").minimumLevel, read("bills").regions], [2, ["FR"]]);
  assert.deepEqual([read("open.data").minimumLevel, read("open.data").regions], [1, []]);
  assert.deepEqual(
    ["bills", "open.data"].map((id) => read(id, { excluded: ["bills"] }).excluded),
    [true, false],
  );
  assert.deepEqual(
    ["bills", "open.data"].map((id) => read(id, { excluded: ["*"] }).excluded),
    [true, true],
  );
});

test("a test account is one of this holder, by its whole name", () => {
  const access = { state: "test" as const, testAccounts: [testAccountHash(holder.id, "4711")] };
  const asked = ["4711", "471", "", null].map((account) => facts("bills", { access }, account).testAccount);
  assert.deepEqual(asked, [true, false, false, false]);
  assert.notEqual(testAccountHash("prt_other", "4711"), access.testAccounts[0]);
});

test("only a holder's own metadata make its data synthetic, and only the word true", () => {
  const described = (synthetic: unknown, type: "self_data_holder" | "self_data_platform") =>
    participantFrom({
      entityId: "https://holder.test",
      jwt: "",
      keys: [],
      metadata: {
        federation_entity: { organization_name: "Holder", contacts: ["dpo@holder.test"] },
        [type]: {
          country: "FR",
          export_endpoint: "https://holder.test/export",
          inbox_endpoint: "https://holder.test/inbox",
          synthetic,
          datasets: [dataset("bills")],
        },
      },
    }).about.synthetic;
  assert.equal(described(true, "self_data_holder"), true);
  for (const value of ["true", 1, null, undefined, false]) assert.equal(described(value, "self_data_holder"), undefined);
  assert.equal(described(true, "self_data_platform"), undefined);
});

function participant(given: Partial<Participant>): Participant {
  return {
    id: "prt_holder",
    entityId: "https://holder.test",
    name: "holder",
    roles: ["holder"],
    adapter: "self-data",
    endpoints: {},
    keys: [],
    datasets: [],
    about: { country: "FR", privacyContact: "dpo@holder.test" },
    status: "accredited",
    client: null,
    ...given,
  };
}

const holder = participant({});

function facts(asked: string, stance: Partial<Stance>, account: string | null = null) {
  const end = { participant: holder, mark: markFor(holder.id) };
  const whole: Stance = { conditions: [], excluded: [], access: null, certificates: [], ...stance };
  return factsOf({ holder: end, platform: end }, whole, { dataset: asked, account, now });
}
