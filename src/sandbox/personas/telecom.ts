import { addDays, isWithin, monthPeriod, monthsOf, since } from "./calendar.ts";
import type { FullDate, Period } from "./calendar.ts";
import { jsonItem, pdfItem } from "./item.ts";
import type { Item } from "./item.ts";
import { euros, frenchDate, frenchEuros } from "./money.ts";
import type { Cents } from "./money.ts";
import { printPaper } from "./paper.ts";
import { addressLines } from "./people.ts";
import type { Resident, TelecomAccount } from "./people.ts";
import { callsOf, chargesOf, viewingsOf } from "./telecom-calls.ts";
import type { Call, Line, Viewing } from "./telecom-calls.ts";

interface Asked {
  seed: string;
  resident: Resident;
  account: TelecomAccount;
  period: Period;
}

/** What each data set of the telephone company is made of. */
export const TELECOM_ITEMS: Readonly<Record<string, (asked: Asked) => Item[] | Promise<Item[]>>> = {
  "telecom.contract": contracts,
  "telecom.call-log": (asked) =>
    callsOf(lineOf(asked), since(asked.account.opened, asked.period)).map((call) => callItem(asked.account, call)),
  "telecom.bills": bills,
  "telecom.vod-history": (asked) => viewingsOf(lineOf(asked), since(asked.account.opened, asked.period)).map(viewingItem),
};

/** Cents a month, VAT of 20 % included. */
const PLANS: Readonly<Record<TelecomAccount["mobile"]["plan"], Cents>> = { "Sentier 5 Go": 799, "Vallon 80 Go": 1_699 };
const BOX: Cents = 3_499;

function lineOf({ seed, resident, account }: Asked): Line {
  return { seed, persona: resident.id, account };
}

function contracts({ resident, account, period }: Asked): Item[] {
  if (account.opened > period.until) return [];
  const common = {
    customer: account.customer,
    holder: resident.displayName,
    address: resident.address,
    start: account.opened,
    currency: "EUR",
  };
  const { mobile, box } = account;
  const items = [
    jsonItem(mobile.contract, account.opened, {
      ...common,
      number: mobile.contract,
      kind: "mobile",
      line: mobile.number,
      plan: mobile.plan,
      month: euros(PLANS[mobile.plan]),
    }),
  ];
  if (box !== null)
    items.push(
      jsonItem(box.contract, account.opened, {
        ...common,
        number: box.contract,
        kind: "internet-and-television",
        plan: "Box Vallon Fibre",
        month: euros(BOX),
      }),
    );
  return items;
}

function callItem(account: TelecomAccount, call: Call): Item {
  const { time, kind, direction, correspondent, seconds, network, charge } = call;
  return jsonItem(call.id, call.date, {
    line: account.mobile.number,
    time,
    kind,
    direction,
    correspondent,
    seconds,
    network,
    charge: euros(charge),
    currency: "EUR",
  });
}

function viewingItem({ id, date, time, title, kind, minutes, charge }: Viewing): Item {
  return jsonItem(id, date, { time, title, kind, minutes, charge: euros(charge), currency: "EUR" });
}

interface TelecomBill {
  month: string;
  number: string;
  issued: FullDate;
  lines: { label: string; detail: string; amount: Cents }[];
  total: Cents;
  vat: Cents;
}

const DAYS_TO_BILL = 2;
const DAYS_TO_PAY = 10;

async function bills(asked: Asked): Promise<Item[]> {
  const items: Item[] = [];
  for (const bill of telecomBills(asked)) items.push(billItem(asked, bill), await billPaper(asked, bill));
  return items;
}

/** One bill for each whole month that was used and billed by the end of the period. */
function telecomBills(asked: Asked): TelecomBill[] {
  const period = since(asked.account.opened, asked.period);
  const months = monthsOf(period).filter(
    (month) => isWithin(`${month}-01`, period) && addDays(monthPeriod(month).until, DAYS_TO_BILL) <= period.until,
  );
  return months.map((month) => telecomBill(asked, month));
}

function telecomBill(asked: Asked, month: string): TelecomBill {
  const { mobile, box, customer } = asked.account;
  const calls = callsOf(lineOf(asked), monthPeriod(month)).filter((call) => call.charge > 0);
  const rentals = viewingsOf(lineOf(asked), monthPeriod(month)).filter((viewing) => viewing.charge > 0);
  const lines = [
    { label: `Forfait ${mobile.plan}`, detail: mobile.number, amount: PLANS[mobile.plan] },
    ...(box === null ? [] : [{ label: "Box Vallon Fibre", detail: box.contract, amount: BOX }]),
    ...(calls.length === 0 ? [] : [{ label: "Appels vers l’étranger", detail: count(calls.length, "appel"), amount: chargesOf(calls) }]),
    ...(rentals.length === 0
      ? []
      : [{ label: "Vidéos à la demande", detail: count(rentals.length, "location"), amount: chargesOf(rentals) }]),
  ];
  const total = lines.reduce((sum, line) => sum + line.amount, 0);
  const issued = addDays(monthPeriod(month).until, DAYS_TO_BILL);
  return { month, number: `TV${month.replace("-", "")}-${customer.slice(3)}`, issued, lines, total, vat: Math.round(total / 6) };
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number > 1 ? "s" : ""}`;
}

function billItem({ account }: Asked, bill: TelecomBill): Item {
  return jsonItem(bill.month, bill.issued, {
    number: bill.number,
    customer: account.customer,
    period: monthPeriod(bill.month),
    issued: bill.issued,
    due: addDays(bill.issued, DAYS_TO_PAY),
    currency: "EUR",
    lines: bill.lines.map(({ label, detail, amount }) => ({ label, detail, amount: euros(amount) })),
    net: euros(bill.total - bill.vat),
    vat: euros(bill.vat),
    vatPercent: 20,
    total: euros(bill.total),
    document: `${bill.month}.pdf`,
  });
}

async function billPaper({ resident, account }: Asked, bill: TelecomBill): Promise<Item> {
  const { from, until } = monthPeriod(bill.month);
  const content = await printPaper({
    holder: "telecom",
    title: `Facture n° ${bill.number}`,
    issued: bill.issued,
    addressee: addressLines(resident),
    facts: [
      ["Client", account.customer],
      ["Ligne mobile", account.mobile.number],
      ["Période", `du ${frenchDate(from)} au ${frenchDate(until)}`],
    ],
    columns: [
      { heading: "Désignation", share: 0.46 },
      { heading: "Détail", share: 0.3 },
      { heading: "Montant TTC", share: 0.24 },
    ],
    rows: bill.lines.map(({ label, detail, amount }) => [label, detail, frenchEuros(amount)]),
    totals: [
      ["Total hors taxes", frenchEuros(bill.total - bill.vat)],
      ["TVA 20 %", frenchEuros(bill.vat)],
      ["Total à payer", frenchEuros(bill.total)],
    ],
    notes: [`Prélèvement le ${frenchDate(addDays(bill.issued, DAYS_TO_PAY))}.`],
  });
  return pdfItem(`${bill.month}.pdf`, bill.issued, content);
}
