import type { Language } from "../../core/catalogue/data-set.ts";
import { escaped } from "../pages/page.ts";
import { correctLink } from "./correct-pages.ts";
import { titleOfDataSet } from "./data-set-titles.ts";
import type { EnergyDay } from "./energy-days.ts";
import type { KeptItem } from "./shelves.ts";

const TEXTS = {
  fr: {
    hello: "Bonjour",
    leave: "Se déconnecter",
    holds: "Ce que vous gardez ici",
    nothing: "Rien encore. Relais peut y apporter vos données.",
    set: "Jeu de données",
    source: "Source",
    items: "Éléments",
    size: "Taille",
    latest: "Derniers éléments",
    chart: "Votre électricité, jour par jour",
    day: "Jour",
  },
  en: {
    hello: "Hello",
    leave: "Sign out",
    holds: "What you keep here",
    nothing: "Nothing yet. Relais can bring your data here.",
    set: "Data set",
    source: "Source",
    items: "Items",
    size: "Size",
    latest: "Latest items",
    chart: "Your electricity, day by day",
    day: "Day",
  },
} as const satisfies Record<Language, object>;

export interface PersonPage {
  language: Language;
  name: string;
  person: string;
  items: KeptItem[];
  /** Of sources, by entity identifier, as the register tells them; a source that is not in it keeps its address. */
  names: ReadonlyMap<string, string>;
  days: EnergyDay[];
  /** HTML: what can be brought here. */
  bring: string;
}

/** The body of a person's own page. */
export function personPage({ language, name, person, items, names, days, bring }: PersonPage): string {
  const text = TEXTS[language];
  const groups = [...Map.groupBy(items, (item) => item.dataset).values()];
  return `<h1>${escaped(name)}</h1>
<p>${text.hello}, ${escaped(person)}.</p>
<h2>${text.holds}</h2>
${groups.length === 0 ? `<p>${text.nothing}</p>` : holdings(groups, names, language)}
${bring}
${days.length === 0 ? "" : `<h2>${text.chart}</h2>${chart(days, language)}${daysTable(days, language)}`}
<form method="post" action="/leave"><button type="submit">${text.leave}</button></form>`;
}

function holdings(groups: KeptItem[][], names: PersonPage["names"], language: Language): string {
  const text = TEXTS[language];
  const rows = groups.map((items) => {
    const { dataset, source } = items[0] as KeptItem;
    const size = items.reduce((sum, item) => sum + item.bytes, 0);
    return `<tr><th scope="row">${escaped(titleOfDataSet(dataset, language))}</th><td>${escaped(names.get(source) ?? source)}</td><td>${items.length}</td><td>${sizeOf(size, language)}</td><td>${latestOf(items, language)}</td></tr>`;
  });
  const heads = [text.set, text.source, text.items, text.size, text.latest].map((head) => `<th scope="col">${head}</th>`).join("");
  return `<div class="wide" tabindex="0" role="region" aria-label="${text.holds}"><table><thead><tr>${heads}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

/** A few items of a kind are facts about somebody, which may be wrong; a long list is a record of what happened. */
const CORRECTABLE = 3;

function latestOf(items: KeptItem[], language: Language): string {
  const link = (item: KeptItem): string =>
    items.length <= CORRECTABLE && item.mediaType === "application/json" ? correctLink(item.dataset, item.key, language) : "";
  const links = items
    .slice(-3)
    .toReversed()
    .map(
      (item) =>
        `<a href="/items/${encodeURIComponent(item.dataset)}/${escaped(encodeURIComponent(item.key))}">${escaped(item.key)}</a>${link(item)}`,
    );
  return links.join("<br>");
}

function sizeOf(bytes: number, language: Language): string {
  const unit = language === "fr" ? "ko" : "kB";
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(bytes / 1000)} ${unit}`;
}

const WIDTH = 600;
const HEIGHT = 140;

/** One bar a day; the table below says the same in numbers. */
function chart(days: EnergyDay[], language: Language): string {
  const most = Math.max(...days.map(({ kWh }) => kWh), 0.001);
  const step = WIDTH / days.length;
  const bars = days.map(({ kWh }, index) => {
    const height = (kWh / most) * HEIGHT;
    return `<rect x="${(index * step).toFixed(1)}" y="${(HEIGHT - height).toFixed(1)}" width="${(step * 0.8).toFixed(1)}" height="${height.toFixed(1)}"/>`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${TEXTS[language].chart}">${bars.join("")}</svg>`;
}

function daysTable(days: EnergyDay[], language: Language): string {
  const number = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const date = new Intl.DateTimeFormat(language, { day: "numeric", month: "long", timeZone: "UTC" });
  const named = (day: string): string => (Number.isNaN(Date.parse(day)) ? day : date.format(new Date(day)));
  const rows = days
    .toReversed()
    .map(({ day, kWh }) => `<tr><th scope="row">${escaped(named(day))}</th><td>${number.format(kWh)}</td></tr>`);
  return `<table><thead><tr><th scope="col">${TEXTS[language].day}</th><th scope="col">kWh</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
}
