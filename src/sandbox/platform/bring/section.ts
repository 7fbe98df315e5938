import type { Language } from "../../../core/catalogue/data-set.ts";
import { escaped } from "../../pages/page.ts";
import type { Delivery } from "./deliveries.ts";
import type { Holder } from "./holders.ts";
import { STATE_WORDS, WORDS } from "./words.ts";

export interface BringSection {
  language: Language;
  /** Null where the register cannot be read now. */
  holders: Holder[] | null;
  deliveries: Delivery[];
  /** Id of the holder whose form was sent without a tick. */
  missing: string | null;
}

/** "Bring my data here", on a person's own page: one form for each holder. */
export function bringSection({ language, holders, deliveries, missing }: BringSection): string {
  const words = WORDS[language];
  const list =
    holders === null
      ? `<p>${words.silent}</p>`
      : holders.length === 0
        ? `<p>${words.noHolders}</p>`
        : holders.map((holder) => holderForm(language, holder, holder.id === missing)).join("");
  return `<h2 id="bring">${words.bring}</h2><p>${words.intro}</p>${list}${earlier(language, deliveries)}`;
}

function holderForm(language: Language, { id, name, datasets }: Holder, isMissing: boolean): string {
  const words = WORDS[language];
  const error = isMissing ? `<p class="error" role="alert" id="missing">${words.tick}</p>` : "";
  const boxes = datasets.map((set) => {
    const field = escaped(`${id}-${set.id}`);
    return `<div class="tick"><input type="checkbox" id="${field}" name="datasets" value="${escaped(set.id)}" aria-describedby="${field}-about"><label for="${field}">${escaped(set.title[language])}</label><p class="note" id="${field}-about">${escaped(set.description[language])}</p></div>`;
  });
  return `<details${isMissing ? " open" : ""}><summary>${escaped(name)}</summary>
<form method="post" action="/bring"><input type="hidden" name="holder" value="${escaped(id)}">${error}
<fieldset${isMissing ? ' aria-describedby="missing"' : ""}><legend>${words.sets}</legend>${boxes.join("")}</fieldset>
<button type="submit" aria-label="${escaped(`${words.askFrom} ${name}`)}">${words.ask}</button></form></details>`;
}

function earlier(language: Language, deliveries: Delivery[]): string {
  if (deliveries.length === 0) return "";
  const words = WORDS[language];
  const day = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short", timeZone: "Europe/Paris" });
  const rows = deliveries.map(({ id, holder, transfer, allowedAt }) => {
    const state = transfer === null ? words.notStarted : STATE_WORDS[language][transfer.state];
    return `<li><a href="/bring/${id}">${words.from} ${escaped(holder)}</a>, ${escaped(day.format(allowedAt))}<br>${state}</li>`;
  });
  return `<h3>${words.deliveries}</h3><ul>${rows.join("")}</ul>`;
}
