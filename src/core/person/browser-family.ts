/** Families of browsers, as a person knows them. Nothing else of what a browser says of itself is kept. */
export const BROWSERS = ["firefox", "edge", "opera", "samsung", "chrome", "safari", "other"] as const;
export type BrowserFamily = (typeof BROWSERS)[number];

/** Most browsers say that they are several: the first that fits is what it is. */
const SIGNS: [sign: RegExp, family: BrowserFamily][] = [
  [/Edg(?:e|A|iOS)?\//, "edge"],
  [/OPR\//, "opera"],
  [/SamsungBrowser\//, "samsung"],
  [/(?:Firefox|FxiOS)\//, "firefox"],
  [/(?:Chrome|Chromium|CriOS)\//, "chrome"],
  [/Version\/[\d.]+ (?:Mobile\/\w+ )?Safari\//, "safari"],
];

export function browserFamily(userAgent: string | undefined): BrowserFamily {
  return SIGNS.find(([sign]) => sign.test(userAgent ?? ""))?.[1] ?? "other";
}
