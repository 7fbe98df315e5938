import { createHash } from "node:crypto";

/** What the two holders of the examples know about their customers: invented meter readings, by account. */
export const DATASETS = [
  describe("water.readings", "Relevés d’eau", "Water readings"),
  describe("water.bills", "Factures d’eau", "Water bills"),
];

function describe(id: string, fr: string, en: string): object {
  const words = { fr, en };
  return { id, kind: "trace", title: words, description: words, example: words, mediaTypes: ["application/json"], updateFrequency: "P1M" };
}

const MONTHS = ["2026-08", "2026-09", "2026-10"];

/** A page of the source side (docs/self-data-transfer.md): JSON with its members in order is its own canonical form (RFC 8785). */
export function pageOf(dataset: string, account: string): object {
  const items = MONTHS.map((month, index) => {
    const content = { account, litres: 9000 + index };
    const bytes = Buffer.from(JSON.stringify(content));
    const digest = `sha-256=:${createHash("sha256").update(bytes).digest("base64")}:`;
    return { key: month, media_type: "application/json", bytes: bytes.length, digest, modified: `${month}-28`, content };
  });
  return { dataset, next: null, items };
}

/** What of these an account holds. */
export function countsOf(datasets: ReadonlySet<string>, account: string): object {
  const counted = [...datasets].map((dataset) => {
    const { items } = pageOf(dataset, account) as { items: { bytes: number }[] };
    return { dataset, items: items.length, bytes: items.reduce((sum, { bytes }) => sum + bytes, 0) };
  });
  return { datasets: counted };
}
