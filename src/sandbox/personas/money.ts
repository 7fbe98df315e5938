/** Money is counted in whole cents, and spelt in euros only where it is shown. */
export type Cents = number;

/** The nearest decimal number of euros, which JSON spells with at most two decimals. */
export function euros(cents: Cents): number {
  return cents / 100;
}

/** `1 234,56 €`, with no-break spaces. Written out here, because the spaces of Intl change with its version. */
export function frenchEuros(cents: Cents): string {
  return `${frenchNumber(cents / 100, 2)}\u00a0€`;
}

export function frenchNumber(value: number, decimals: number): string {
  const [whole, fraction] = Math.abs(value).toFixed(decimals).split(".") as [string, string | undefined];
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, "\u00a0");
  return `${value < 0 ? "-" : ""}${grouped}${fraction === undefined ? "" : `,${fraction}`}`;
}

export function frenchDate(date: string): string {
  return date.split("-").reverse().join("/");
}
