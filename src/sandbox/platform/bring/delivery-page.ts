import type { Language } from "../../../core/catalogue/data-set.ts";
import type { Actor, ErrorCode, RelaisError } from "../../../core/errors.ts";
import { isTerminal } from "../../../core/transfer/transfer.ts";
import { escaped } from "../../pages/page.ts";
import { titleOfDataSet } from "../data-set-titles.ts";
import type { Delivery } from "./deliveries.ts";
import type { ToldTransfer } from "../../../sdk-client/platform-client.ts";
import { MENDED_BY, STATE_WORDS, WORDS } from "./words.ts";

export interface DeliveryPage {
  language: Language;
  delivery: Delivery;
  /** What Relais answered instead of the present state; null where it told it. */
  refusal: RelaisError | null;
  /** True where the data comes to another account than the one that asked. */
  isElsewhere: boolean;
  /** Relais' address. */
  relais: string;
}

/** How far the transfer is, with the way to Relais, where the person can stop it and read the proofs. */
export function deliveryPage({ language, delivery, refusal, isElsewhere, relais }: DeliveryPage): string {
  const words = WORDS[language];
  const { id, holder, transfer } = delivery;
  const parts = [
    `<h1>${words.from} ${escaped(holder)}</h1>`,
    isElsewhere ? `<p class="error">${words.elsewhere}</p>` : "",
    refusal === null ? "" : refusalText(language, refusal),
    transfer === null ? askAgain(language, id) : progress(language, id, transfer, relais),
    `<p><a href="/">${words.back}</a></p>`,
  ];
  return parts.filter((part) => part !== "").join("\n");
}

function askAgain(language: Language, id: string): string {
  const words = WORDS[language];
  return `<p>${words.notStarted}</p><form method="post" action="/bring/${id}"><button type="submit">${words.again}</button></form>`;
}

function progress(language: Language, id: string, transfer: ToldTransfer, relais: string): string {
  const words = WORDS[language];
  const stopped = isActor(transfer.actor) ? ` ${MENDED_BY[language][transfer.actor]}` : "";
  return `<p role="status" data-state="${transfer.state}"><strong>${STATE_WORDS[language][transfer.state]}</strong>${stopped}</p>
${counts(language, transfer)}
${isTerminal(transfer.state) ? "" : `<p><a href="/bring/${id}">${words.look}</a></p>`}
<p><a href="${escaped(`${relais}/${language}/me/transfers/${encodeURIComponent(transfer.id)}`)}">${words.atRelais}</a></p>`;
}

function isActor(actor: string | null): actor is Actor {
  return actor !== null && Object.hasOwn(MENDED_BY.en, actor);
}

/** A list, not a table: on a narrow screen the column that matters most would be out of sight. */
function counts(language: Language, { datasets }: ToldTransfer): string {
  const words = WORDS[language];
  const number = new Intl.NumberFormat(language);
  const rows = datasets.map((row) => {
    const told = (["consented", "stored", "verified", "omitted"] as const).filter((name) => name !== "omitted" || row.omitted > 0);
    const sentence = told
      .map((name) => `${words[name]}${words.colon} <span data-count="${name}">${number.format(row[name])}</span>.`)
      .join(" ");
    return `<li data-dataset="${escaped(row.dataset)}"><strong>${escaped(titleOfDataSet(row.dataset, language))}</strong><br>${sentence}</li>`;
  });
  return rows.length === 0 ? "" : `<h2>${words.counts}</h2><ul>${rows.join("")}</ul>`;
}

/** A page of its own for what did not go on. */
export function refusalPage(language: Language, error: RelaisError): string {
  const words = WORDS[language];
  const title = error.code === "consent_missing" ? words.refused : error.code === "unauthenticated" ? words.over : words.problem;
  return `<h1>${title}</h1>${refusalText(language, error)}<p><a href="/">${words.back}</a></p>`;
}

/** Failures that have words of their own; the others are told by who can mend them. */
const OWN_WORDS: Partial<Record<ErrorCode, { text: keyof (typeof WORDS)["en"]; isQuoted: boolean }>> = {
  consent_missing: { text: "refusedText", isQuoted: true },
  not_accredited: { text: "unaccredited", isQuoted: true },
  consent_ended: { text: "ended", isQuoted: false },
  unauthenticated: { text: "overText", isQuoted: false },
  forbidden: { text: "signedOut", isQuoted: false },
  not_found: { text: "gone", isQuoted: false },
};

/** In the reader's words; what Relais itself says is quoted, in the language that it says it in. */
function refusalText(language: Language, { code, actor, message }: RelaisError): string {
  const own = OWN_WORDS[code];
  const text = own === undefined ? MENDED_BY[language][actor] : WORDS[language][own.text];
  const quoted = own?.isQuoted === false ? "" : `<p class="note">${WORDS[language].saidByRelais} <q lang="en">${escaped(message)}</q></p>`;
  return `<p${code === "consent_missing" ? "" : ' class="error"'}>${text}</p>${quoted}`;
}
