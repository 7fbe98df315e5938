import { addDays, isWithin, monthPeriod, monthsOf } from "./calendar.ts";
import type { FullDate, Period } from "./calendar.ts";
import { isOffPeak, sumOf } from "./energy-readings.ts";
import type { DayReading } from "./energy-readings.ts";
import type { Cents } from "./money.ts";
import type { EnergyAccount } from "./people.ts";

export interface EnergyBill {
  /** `2024-03` */
  month: string;
  number: string;
  period: Period;
  issued: FullDate;
  due: FullDate;
  lines: BillLine[];
  net: Cents;
  vat: Cents;
  total: Cents;
  /** Watt-hours of each day of the month. */
  days: number[];
}

export interface BillLine {
  label: "subscription" | "consumption" | "consumption-peak" | "consumption-off-peak";
  /** Watt-hours, or 1 for a month. */
  quantity: number;
  /** Hundredths of a cent for a kilowatt-hour; cents for a month. */
  price: number;
  net: Cents;
  vatPercent: number;
}

interface Tariff {
  from: FullDate;
  /** Cents a month for each kVA. */
  kva: Cents;
  /** Hundredths of a cent for a kilowatt-hour, before tax. */
  base: number;
  peak: number;
  offPeak: number;
  /** Percent on the subscription; consumption bears 20. */
  subscriptionVat: number;
}

/** Invented prices that move as prices do. */
const TARIFFS: readonly Tariff[] = [
  { from: "0000-01-01", kva: 168, base: 1_690, peak: 1_830, offPeak: 1_370, subscriptionVat: 5.5 },
  { from: "2024-02-01", kva: 175, base: 1_880, peak: 2_020, offPeak: 1_515, subscriptionVat: 5.5 },
  { from: "2025-02-01", kva: 181, base: 1_585, peak: 1_700, offPeak: 1_290, subscriptionVat: 5.5 },
  { from: "2025-08-01", kva: 184, base: 1_560, peak: 1_675, offPeak: 1_270, subscriptionVat: 20 },
  { from: "2026-02-01", kva: 188, base: 1_605, peak: 1_720, offPeak: 1_310, subscriptionVat: 20 },
];
const CONSUMPTION_VAT = 20;
const DAYS_TO_BILL = 4;
const DAYS_TO_PAY = 15;

/** One bill for each whole month that was read and billed by the end of the period. */
export function energyBills(account: EnergyAccount, days: readonly DayReading[], period: Period): EnergyBill[] {
  const billed = monthsOf(period).filter((month) => isWithin(`${month}-01`, period) && issuedOn(month) <= period.until);
  return billed.map((month) =>
    energyBill(
      account,
      month,
      days.filter((day) => day.date.startsWith(month)),
    ),
  );
}

export function tariffOn(date: FullDate): Tariff {
  return TARIFFS.findLast((tariff) => tariff.from <= date) as Tariff;
}

function issuedOn(month: string): FullDate {
  return addDays(monthPeriod(month).until, DAYS_TO_BILL);
}

function energyBill(account: EnergyAccount, month: string, days: DayReading[]): EnergyBill {
  const issued = issuedOn(month);
  const lines = billLines(account, tariffOn(`${month}-01`), days);
  const net = sumOf(lines.map((line) => line.net));
  const vat = sumOf(lines.map((line) => Math.round((line.net * line.vatPercent) / 100)));
  return {
    month,
    number: `EP${month.replace("-", "")}-${account.customer.slice(3)}`,
    period: monthPeriod(month),
    issued,
    due: addDays(issued, DAYS_TO_PAY),
    lines,
    net,
    vat,
    total: net + vat,
    days: days.map((day) => sumOf(day.halfHours)),
  };
}

function billLines(account: EnergyAccount, tariff: Tariff, days: DayReading[]): BillLine[] {
  const subscription = tariff.kva * account.power;
  const used = (counts: (slot: number) => boolean): number =>
    sumOf(days.map((day) => sumOf(day.halfHours.filter((_, slot) => counts(slot)))));
  const consumption = (label: BillLine["label"], quantity: number, price: number): BillLine => ({
    label,
    quantity,
    price,
    net: Math.round((quantity * price) / 100_000),
    vatPercent: CONSUMPTION_VAT,
  });
  const lines =
    account.option === "base"
      ? [
          consumption(
            "consumption",
            used(() => true),
            tariff.base,
          ),
        ]
      : [
          consumption(
            "consumption-peak",
            used((slot) => !isOffPeak(slot)),
            tariff.peak,
          ),
          consumption("consumption-off-peak", used(isOffPeak), tariff.offPeak),
        ];
  return [{ label: "subscription", quantity: 1, price: subscription, net: subscription, vatPercent: tariff.subscriptionVat }, ...lines];
}
