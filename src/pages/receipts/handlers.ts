import { kantaraReceipt } from "../../core/consent/kantara-receipt.ts";
import { readReceipt, type OwnReceipt } from "../../core/consent/read-receipt.ts";
import { RelaisError } from "../../core/errors.ts";
import { asId } from "../../core/ids.ts";
import type { Answer, PagesPorts, PersonVisit } from "../visit.ts";
import { viewOfReceipt } from "./view.ts";

/** The receipt of one change, as a page to read and to print. */
export async function receipt(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const own = await ownReceipt(ports, visit);
  const model = viewOfReceipt(visit.tongue, own, ports);
  return { kind: "page", template: "receipt", title: model.title, model };
}

type Files = Record<
  string,
  (own: OwnReceipt & { signed: NonNullable<OwnReceipt["signed"]> }, ports: PagesPorts) => { name: string; type: string; body: string }
>;

const pretty = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

/** Its forms: what is signed, the record in it, and what older tools read. */
const FORMATS: Files = {
  jws: ({ signed }) => ({ name: "jws", type: "application/jose", body: signed.jws }),
  json: ({ signed }) => ({ name: "jsonld", type: "application/ld+json", body: pretty(signed.claims.receipt) }),
  kantara: (own, ports) => ({ name: "kantara.json", type: "application/json", body: pretty(kantaraReceipt(own, ports)) }),
};

/** `?format=jws` (and without any), `json` or `kantara`. */
export async function receiptFile(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const wanted = visit.query.one("format") || "jws";
  const format = Object.hasOwn(FORMATS, wanted) ? FORMATS[wanted] : undefined;
  if (format === undefined) throw new RelaisError("not_found", "There is no such form of a receipt.");
  const own = await ownReceipt(ports, visit);
  if (own.signed === null)
    throw new RelaisError("unavailable", "The receipt is being made. Try again in a moment.", { actor: "relais", retryAfter: 1 });
  const { name, type, body } = format({ ...own, signed: own.signed }, ports);
  return { kind: "file", name: `${own.change.id}.${name}`, type, body };
}

function ownReceipt({ store }: PagesPorts, { params, personId }: PersonVisit): Promise<OwnReceipt> {
  const asked = { consentId: asId("consent", params["id"]), changeId: asId("change", params["change"]), personId };
  return store.read((r) => readReceipt(r, asked));
}
