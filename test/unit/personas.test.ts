import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { isDataSetId } from "../../src/core/catalogue/data-set.ts";
import { RelaisError } from "../../src/core/errors.ts";
import { flawOfItemKey } from "../../src/core/transfer/item-key.ts";
import { isDayOff, parisOffset, periodUntil } from "../../src/sandbox/personas/calendar.ts";
import { dataSetsOf, HOLDER_NAMES, Holdings, itemsOf, personaOfCustomer, personas } from "../../src/sandbox/personas/holdings.ts";
import type { HolderName, Item } from "../../src/sandbox/personas/holdings.ts";
import { frenchEuros } from "../../src/sandbox/personas/money.ts";

const SEED = { seed: "relais" };

interface Holding {
  holder: HolderName;
  customer: string;
  dataset: string;
}

function everyHolding(): Holding[] {
  return personas().flatMap(({ customers }) =>
    HOLDER_NAMES.flatMap((holder) => {
      const customer = customers[holder];
      return customer === undefined ? [] : dataSetsOf(holder).map(({ id }) => ({ holder, customer, dataset: id }));
    }),
  );
}

function digestOf(items: readonly Item[]): string {
  const hash = createHash("sha256");
  for (const { key, mediaType, modified, content } of items)
    hash.update(`${key}\n${mediaType}\n${modified}\n${content.length}\n`).update(content);
  return hash.digest("hex");
}

async function everyItem(seed: string, choose: (holding: Holding) => boolean): Promise<Item[]> {
  const lists: Item[][] = [];
  for (const holding of everyHolding().filter(choose))
    lists.push(await itemsOf({ seed }, holding.holder, holding.customer, holding.dataset));
  return lists.flat();
}

interface Reading {
  kwh: number;
}

interface Line {
  label: string;
  unit: string;
  quantity: number;
  price: number;
  net: number;
  vatPercent: number;
  amount: number;
}

interface Call {
  time: string;
  correspondent: string;
  charge: number;
}

interface Bill {
  lines: Line[];
  net: number;
  vat: number;
  total: number;
  document: string;
}

/** What a JSON item holds, as the assertion reads it. */
const valueOf = <T>(item: Item): T => JSON.parse(Buffer.from(item.content).toString()) as T;
const isPrinted = ({ dataset }: Holding): boolean => /\.(bills|documents)$/.test(dataset);
const camille = (dataset: string): Promise<Item[]> => itemsOnce({ holder: "energy", customer: "EP-1004417", dataset });

const made = new Map<string, Promise<Item[]>>();

/** Made once for all the tests that only look. */
function itemsOnce({ holder, customer, dataset }: Holding): Promise<Item[]> {
  const name = `${customer} ${dataset}`;
  const items = made.get(name) ?? itemsOf(SEED, holder, customer, dataset);
  made.set(name, items);
  return items;
}

/** The lines of text of an uncompressed PDF: each TJ operator shows hexadecimal pieces of Windows-1252. */
function linesOf(pdf: Uint8Array): string[] {
  return [
    ...Buffer.from(pdf)
      .toString("latin1")
      .matchAll(/\[(.*?)\] TJ/g),
  ].map(([, pieces]) => {
    const hex = [...pieces!.matchAll(/<([0-9a-f]*)>/g)].map(([, piece]) => piece).join("");
    return new TextDecoder("windows-1252").decode(Buffer.from(hex, "hex"));
  });
}

describe("the same seed gives the same bytes", () => {
  test("of everything that is not printed", async () => {
    const lists: Item[][] = [];
    for (const holding of everyHolding()) if (!isPrinted(holding)) lists.push(await itemsOnce(holding));
    assert.equal(digestOf(lists.flat()), "de4d0e3bcac8962a4a1e9ced5c7dbbb5111bd16aa3072e39ffeaaf9c9a109852");
  });

  test("of what is printed (a new version of pdfkit may change this digest)", async () => {
    const isJeanne = ({ customer }: Holding): boolean => ["EP-1000932", "S-118203"].includes(customer);
    const once = await everyItem("relais", (holding) => isPrinted(holding) && isJeanne(holding));
    const twice = await everyItem("relais", (holding) => isPrinted(holding) && isJeanne(holding));
    assert.equal(digestOf(once), digestOf(twice));
    assert.equal(digestOf(once), "1548eb92436435e5edb39bff8387e8e684425120f142c2f71cf38d2f29f1c2a7");
  });

  test("and another seed gives other readings, calls, claims and bills", async () => {
    for (const [holder, customer, dataset] of [
      ["energy", "EP-1004417", "energy.consumption.daily"],
      ["energy", "EP-1004417", "energy.bills"],
      ["insurance", "S-204417", "insurance.claims"],
      ["telecom", "TV-70044188", "telecom.call-log"],
    ] as const) {
      assert.notEqual(
        digestOf(await itemsOf(SEED, holder, customer, dataset)),
        digestOf(await itemsOf({ seed: "other" }, holder, customer, dataset)),
        dataset,
      );
    }
  });

  test("and a later end adds days without changing one", async () => {
    const before = new Map((await camille("energy.consumption.half-hourly")).map((item) => [item.key, digestOf([item])]));
    const after = await itemsOf({ ...SEED, until: "2026-11-03" }, "energy", "EP-1004417", "energy.consumption.half-hourly");
    assert.deepEqual(
      after.filter(({ key }) => !before.has(key)).map(({ key }) => key),
      ["2026-11-01", "2026-11-02", "2026-11-03"],
    );
    assert.ok(after.every((item) => !before.has(item.key) || before.get(item.key) === digestOf([item])));
  });
});

describe("every item", () => {
  test("has a valid key of its own, an announced media type, and a date within the period", async () => {
    for (const holding of everyHolding()) {
      const { holder, dataset } = holding;
      const items = await itemsOnce(holding);
      const announced = dataSetsOf(holder).find(({ id }) => id === dataset)!.mediaTypes;
      assert.equal(new Set(items.map(({ key }) => key)).size, items.length, `${dataset}: keys are unique`);
      for (const { key, mediaType, modified } of items) {
        assert.equal(flawOfItemKey(key), null, `${dataset}: ${key}`);
        assert.ok(announced.includes(mediaType), `${dataset}: ${mediaType}`);
        assert.match(modified, /^\d{4}-\d\d-\d\d$/);
        assert.ok(modified <= "2026-10-31", `${dataset}: ${key} is of ${modified}`);
      }
    }
  });
});

describe("energy", () => {
  test("three years of days, the leap day included", async () => {
    const days = (await camille("energy.consumption.daily")).map(({ key }) => key);
    assert.equal(days.length, 1096);
    assert.deepEqual([days[0], days.at(-1)], ["2023-11-01", "2026-10-31"]);
    assert.ok(days.includes("2024-02-29"));
  });

  test("48 half-hours add up to the day", async () => {
    const daily = await camille("energy.consumption.daily");
    const halfHourly = await camille("energy.consumption.half-hourly");
    for (const [index, item] of halfHourly.entries()) {
      const { values } = valueOf<{ values: number[] }>(item);
      assert.equal(values.length, 48);
      assert.ok(values.every((value) => Number.isInteger(value) && value > 0));
      assert.equal(values.reduce((sum, value) => sum + value, 0) / 1000, valueOf<Reading>(daily[index]!).kwh, item.key);
    }
  });

  test("winter takes more than summer", async () => {
    const of = async (month: string): Promise<number> =>
      (await camille("energy.consumption.daily"))
        .filter(({ key }) => key.startsWith(month))
        .reduce((sum, item) => sum + valueOf<Reading>(item).kwh, 0);
    assert.ok((await of("2025-01")) > 1.5 * (await of("2025-07")));
  });

  test("bills follow from the readings and the prices", async () => {
    const daily = await camille("energy.consumption.daily");
    const bills = (await camille("energy.bills")).filter(({ mediaType }) => mediaType === "application/json");
    assert.equal(bills.length, 35);
    for (const item of bills) {
      const bill = valueOf<Bill>(item);
      const cents = (euros: number): number => Math.round(euros * 100);
      const read = daily
        .filter(({ key }) => key.startsWith(item.key))
        .reduce((sum, day) => sum + Math.round(valueOf<Reading>(day).kwh * 1000), 0);
      const energy = bill.lines.filter(({ unit }) => unit === "kWh");
      assert.equal(
        energy.reduce((sum, line) => sum + Math.round(line.quantity * 1000), 0),
        read,
        item.key,
      );
      for (const line of bill.lines) assert.ok(Math.abs(line.quantity * line.price - line.net) <= 0.0051, `${item.key} ${line.label}`);
      assert.equal(
        bill.lines.reduce((sum, line) => sum + cents(line.net), 0),
        cents(bill.net),
      );
      assert.equal(
        bill.lines.reduce((sum, line) => sum + Math.round((cents(line.net) * line.vatPercent) / 100), 0),
        cents(bill.vat),
      );
      assert.equal(cents(bill.net) + cents(bill.vat), cents(bill.total));
    }
  });
});

describe("printed bills", () => {
  for (const [holder, customer, dataset, addressee] of [
    ["energy", "EP-1007005", "energy.bills", "Loïc-François Œuvrard d’Haÿ-Muñoz"],
    ["telecom", "TV-81900022", "telecom.bills", "Théo Marsault"],
  ] as const) {
    test(`${dataset}: one page that says what the JSON says`, async () => {
      const items = await itemsOf(SEED, holder, customer, dataset);
      for (const item of items.filter(({ mediaType }) => mediaType === "application/json")) {
        const bill = valueOf<Bill>(item);
        const pdf = items.find(({ key }) => key === bill.document)!;
        const lines = linesOf(pdf.content);
        const text = Buffer.from(pdf.content).toString("latin1");
        assert.ok(text.startsWith("%PDF-1."));
        assert.equal(text.match(/\/Type \/Page\b/g)?.length, 1);
        assert.ok(lines.includes(addressee), lines.join("\n"));
        assert.equal(lines[lines.indexOf("Total à payer") + 1], frenchEuros(Math.round(bill.total * 100)));
      }
    });
  }
});

describe("insurance", () => {
  test("a joint contract is the same for both holders", async () => {
    const [hers, his] = await Promise.all(
      ["S-204417", "S-204418"].map((customer) => itemsOf(SEED, "insurance", customer, "insurance.contracts")),
    );
    const joint = hers!.find(({ key }) => key === "HAB-204417")!;
    assert.equal(digestOf([joint]), digestOf([his!.find(({ key }) => key === "HAB-204417")!]));
    const { rule, parties } = valueOf<{ rule: string; parties: { name: string }[] }>(joint);
    assert.equal(rule, "any-holder");
    assert.deepEqual(
      parties.map(({ name }) => name),
      ["Camille Fontclair", "Karim Belrive"],
    );
  });

  test("twelve payments make the premium of the year", async () => {
    const payments = (await itemsOf(SEED, "insurance", "S-204418", "insurance.payment-schedule")).map(
      valueOf<{ contract: string; due: string; amount: number; state: string }>,
    );
    const year = payments.filter(({ contract, due }) => contract === "HAB-204417" && due >= "2026-03-01");
    assert.equal(year.length, 12);
    assert.equal(
      year.reduce((sum, { amount }) => sum + Math.round(amount * 100), 0),
      33_842,
    );
    assert.deepEqual([...new Set(year.map(({ state }) => state))], ["paid", "to-come"]);
  });
});

describe("telecom", () => {
  test("10 000 lines and more, in under a second", async () => {
    const started = process.cpuUsage();
    const calls = await itemsOf(SEED, "telecom", "TV-70044170", "telecom.call-log");
    const { user, system } = process.cpuUsage(started);
    assert.ok(calls.length >= 10_000 && calls.length < 13_000, String(calls.length));
    assert.ok(user + system < 1_000_000, `${(user + system) / 1000} ms of processor`);
  });

  test("numbers are of the ranges kept for fiction", async () => {
    for (const item of await itemsOf(SEED, "telecom", "TV-70044188", "telecom.call-log")) {
      assert.match(valueOf<Call>(item).correspondent, /^(01 99 00 \d\d \d\d|06 39 98 \d\d \d\d|\+44 7700 900\d{3})$/);
    }
  });

  test("calls abroad are billed once", async () => {
    const bills = (await itemsOf(SEED, "telecom", "TV-70044170", "telecom.bills")).filter(
      ({ mediaType }) => mediaType === "application/json",
    );
    const calls = (await itemsOf(SEED, "telecom", "TV-70044170", "telecom.call-log")).map(valueOf<Call>);
    for (const bill of bills) {
      const charged = calls.filter(({ time }) => time.startsWith(bill.key)).reduce((sum, { charge }) => sum + Math.round(charge * 100), 0);
      const line = valueOf<Bill>(bill).lines.find(({ label }) => label === "Appels vers l’étranger");
      assert.equal(Math.round((line?.amount ?? 0) * 100), charged, bill.key);
    }
  });

  test("a very small account is small", async () => {
    const calls = await itemsOf(SEED, "telecom", "TV-81900022", "telecom.call-log");
    assert.ok(calls.length > 0 && calls.length < 60, String(calls.length));
    assert.ok(calls.every(({ key }) => key >= "2026-08-31"));
    assert.deepEqual(await itemsOf({ ...SEED, until: "2026-08-01" }, "telecom", "TV-81900022", "telecom.bills"), []);
  });
});

describe("who is who", () => {
  test("nine personas, not all known everywhere, all with addresses for examples", () => {
    const everybody = personas();
    assert.equal(everybody.length, 9);
    assert.ok(everybody.every(({ id, email }) => /^[a-z-]+$/.test(id) && /^[^@]+@[^@]+\.example$/.test(email)));
    assert.ok(everybody.some(({ customers }) => Object.keys(customers).length < HOLDER_NAMES.length));
    for (const persona of everybody) {
      for (const holder of HOLDER_NAMES) {
        const customer = persona.customers[holder];
        if (customer !== undefined) assert.deepEqual(personaOfCustomer(holder, customer), persona);
      }
    }
    assert.equal(personaOfCustomer("energy", "S-204417"), null);
  });

  test("data sets are named and described in both languages", () => {
    for (const dataset of HOLDER_NAMES.flatMap(dataSetsOf)) {
      assert.ok(isDataSetId(dataset.id));
      for (const words of [dataset.title, dataset.description, dataset.example])
        assert.ok(words.fr.length > 5 && words.en.length > 5 && words.fr !== words.en);
    }
  });

  test("what is not there is not found", async () => {
    const isNotFound = (error: unknown): boolean => error instanceof RelaisError && error.code === "not_found";
    await assert.rejects(itemsOf(SEED, "energy", "EP-0", "energy.home"), isNotFound);
    await assert.rejects(itemsOf(SEED, "energy", "EP-1004417", "telecom.bills"), isNotFound);
    await assert.rejects(itemsOf(SEED, "energy", "EP-1004417", "constructor"), isNotFound);
    await assert.rejects(
      itemsOf({ ...SEED, until: "2026-02-30" }, "energy", "EP-1004417", "energy.home"),
      (error: unknown) => error instanceof RelaisError && error.code === "invalid",
    );
  });

  test("holdings keep what they made, and make anew what failed", async () => {
    const holdings = new Holdings(SEED);
    assert.equal(
      await holdings.itemsOf("energy", "EP-1004417", "energy.home"),
      await holdings.itemsOf("energy", "EP-1004417", "energy.home"),
    );
    await assert.rejects(holdings.itemsOf("energy", "EP-0", "energy.home"));
    await assert.rejects(holdings.itemsOf("energy", "EP-0", "energy.home"));
  });
});

describe("the calendar", () => {
  const DAYS: [date: string, isOff: boolean, offset: string, why: string][] = [
    ["2024-04-01", true, "+02:00", "Easter Monday"],
    ["2025-05-29", true, "+02:00", "Ascension Day"],
    ["2026-05-25", true, "+02:00", "Whit Monday"],
    ["2026-07-14", true, "+02:00", "national day, a Tuesday"],
    ["2026-03-28", true, "+01:00", "a Saturday, the eve of summer time"],
    ["2026-03-29", true, "+02:00", "the first day of summer time"],
    ["2026-10-25", true, "+01:00", "the last Sunday of October"],
    ["2026-10-30", false, "+01:00", "a Friday"],
  ];
  for (const [date, isOff, offset, why] of DAYS) {
    test(`${date}: ${why}`, () => {
      assert.equal(isDayOff(date), isOff);
      assert.equal(parisOffset(date), offset);
    });
  }

  test("three years that end on a leap day", () => {
    assert.deepEqual(periodUntil("2024-02-29"), { from: "2021-03-01", until: "2024-02-29" });
  });
});
