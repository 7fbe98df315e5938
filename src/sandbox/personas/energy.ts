import { since } from "./calendar.ts";
import type { Period } from "./calendar.ts";
import { energyBills, tariffOn } from "./energy-bills.ts";
import type { BillLine, EnergyBill } from "./energy-bills.ts";
import { readings, sumOf } from "./energy-readings.ts";
import type { DayReading } from "./energy-readings.ts";
import { jsonItem, pdfItem } from "./item.ts";
import type { Item } from "./item.ts";
import { euros, frenchDate, frenchEuros, frenchNumber } from "./money.ts";
import { printPaper } from "./paper.ts";
import { addressLines } from "./people.ts";
import type { EnergyAccount, Resident } from "./people.ts";

interface Asked {
  seed: string;
  resident: Resident;
  account: EnergyAccount;
  period: Period;
}

/** What each data set of the energy holder is made of. */
export const ENERGY_ITEMS: Readonly<Record<string, (asked: Asked) => Item[] | Promise<Item[]>>> = {
  "energy.contract": contract,
  "energy.consumption.daily": (asked) => daysRead(asked).map(dailyItem),
  "energy.consumption.half-hourly": (asked) => daysRead(asked).map(halfHourlyItem),
  "energy.bills": bills,
  "energy.home": ({ account, period }) => (account.opened > period.until ? [] : [jsonItem("home", account.opened, account.home)]),
};

function daysRead({ seed, resident, account, period }: Asked): DayReading[] {
  return readings({ seed, persona: resident.id, home: account.home }, since(account.opened, period));
}

function dailyItem(day: DayReading): Item {
  return jsonItem(day.date, day.date, { date: day.date, kwh: sumOf(day.halfHours) / 1000, outsideTemperature: day.temperature / 10 });
}

function halfHourlyItem(day: DayReading): Item {
  return jsonItem(day.date, day.date, { start: `${day.date}T00:00:00+01:00`, interval: "PT30M", unit: "Wh", values: day.halfHours });
}

function contract({ resident, account, period }: Asked): Item[] {
  if (account.opened > period.until) return [];
  const tariff = tariffOn(period.until);
  const modified = tariff.from > account.opened ? tariff.from : account.opened;
  const prices =
    account.option === "base"
      ? { kilowattHour: tariff.base / 10_000 }
      : { kilowattHourPeak: tariff.peak / 10_000, kilowattHourOffPeak: tariff.offPeak / 10_000, offPeakHours: "22:00-06:00" };
  return [
    jsonItem(account.contract, modified, {
      number: account.contract,
      customer: account.customer,
      holder: resident.displayName,
      energy: "electricity",
      start: account.opened,
      deliveryPoint: account.deliveryPoint,
      address: resident.address,
      powerKva: account.power,
      option: account.option,
      pricesBeforeTax: { currency: "EUR", from: modified, subscriptionMonth: euros(tariff.kva * account.power), ...prices },
      payment: { method: "direct-debit", frequency: "P1M" },
    }),
  ];
}

async function bills(asked: Asked): Promise<Item[]> {
  const period = since(asked.account.opened, asked.period);
  const items: Item[] = [];
  for (const bill of energyBills(asked.account, daysRead(asked), period)) {
    items.push(jsonItem(bill.month, bill.issued, billValue(asked.account, bill)), await billPaper(asked, bill));
  }
  return items;
}

function billValue(account: EnergyAccount, bill: EnergyBill): object {
  return {
    number: bill.number,
    contract: account.contract,
    period: bill.period,
    issued: bill.issued,
    due: bill.due,
    currency: "EUR",
    lines: bill.lines.map((line) => ({ label: line.label, ...measures(line), net: euros(line.net), vatPercent: line.vatPercent })),
    net: euros(bill.net),
    vat: euros(bill.vat),
    total: euros(bill.total),
    document: `${bill.month}.pdf`,
  };
}

function measures(line: BillLine): { quantity: number; unit: string; price: number } {
  if (line.label === "subscription") return { quantity: line.quantity, unit: "month", price: euros(line.price) };
  return { quantity: line.quantity / 1000, unit: "kWh", price: line.price / 10_000 };
}

const LABELS: Readonly<Record<BillLine["label"], string>> = {
  subscription: "Abonnement",
  consumption: "Consommation",
  "consumption-peak": "Consommation, heures pleines",
  "consumption-off-peak": "Consommation, heures creuses",
};

async function billPaper({ resident, account }: Asked, bill: EnergyBill): Promise<Item> {
  const content = await printPaper({
    holder: "energy",
    title: `Facture d’électricité n° ${bill.number}`,
    issued: bill.issued,
    addressee: addressLines(resident),
    facts: [
      ["Client", account.customer],
      ["Contrat", `${account.contract}, ${account.power} kVA`],
      ["Point de livraison", account.deliveryPoint],
      ["Période", `du ${frenchDate(bill.period.from)} au ${frenchDate(bill.period.until)}`],
    ],
    columns: [
      { heading: "Désignation", share: 0.4 },
      { heading: "Quantité", share: 0.18 },
      { heading: "Prix HT", share: 0.16 },
      { heading: "TVA", share: 0.1 },
      { heading: "Montant HT", share: 0.16 },
    ],
    rows: bill.lines.map(paperRow),
    totals: [
      ["Total hors taxes", frenchEuros(bill.net)],
      ["TVA", frenchEuros(bill.vat)],
      ["Total à payer", frenchEuros(bill.total)],
    ],
    chart: { title: "Votre consommation, jour par jour", unit: "kWh", bars: bill.days.map((wattHours) => wattHours / 1000) },
    notes: [`Prélèvement le ${frenchDate(bill.due)}.`],
  });
  return pdfItem(`${bill.month}.pdf`, bill.issued, content);
}

function paperRow(line: BillLine): string[] {
  const { quantity, unit, price } = measures(line);
  const [amount, perUnit] =
    unit === "kWh" ? [`${frenchNumber(quantity, 3)} kWh`, `${frenchNumber(price, 4)} €`] : ["1 mois", frenchEuros(line.price)];
  return [LABELS[line.label], amount, perUnit, `${String(line.vatPercent).replace(".", ",")} %`, frenchEuros(line.net)];
}
