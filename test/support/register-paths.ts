import { entityOf, standingOf } from "./country.ts";
import type { PublicRegister } from "./public-register.ts";

/** What has to answer in less than 100 ms (p95, warm) with 10 000 participants, and the addresses that are asked in turn. */
export interface Asked {
  name: string;
  addressOf: (round: number) => string;
  /** How many are asked before it counts: as many as there are subjects, where each is validated once. */
  warmUp?: number;
}

export const LIMIT_MILLISECONDS = 100;

export async function registerPaths({ origin }: Pick<PublicRegister, "origin">, configured: number): Promise<Asked[]> {
  const type = encodeURIComponent(`${origin}/charter/2026-11`);
  const subjects = Array.from({ length: configured }, (_, place) => place + 1).filter(
    (n) => !["suspended", "revoked"].includes(standingOf(n)),
  );
  const resolve = (round: number) => {
    const subject = subjects[Math.abs(round) % subjects.length] ?? 0;
    return `/federation/resolve?sub=${entityOf(subject)}&trust_anchor=${encodeURIComponent(origin)}`;
  };
  const deep = await cursorAt(origin, 40);
  // oxfmt-ignore
  const paths: [name: string, path: string | ((round: number) => string), warmUp?: number][] = [
    ["register page",                          "/fr/register"],
    ["register page, part of a name",          "/en/register?name=eloise"],
    ["register page, role, level and country", "/fr/register?role=holder&level=2&country=FR"],
    ["register page, expired",                 "/fr/register?standing=expired"],
    ["register page, a data set",              "/fr/register?dataset=energy.bills.s3"],
    ["register page, 8 000 deep",              `/fr/register?cursor=${deep}`],
    ["list of 200",                            "/v1/participants"],
    ["list of 50, accredited",                 "/v1/participants?standing=accredited&limit=50"],
    ["list of 50, expired",                    "/v1/participants?standing=expired&limit=50"],
    ["list of 200, 8 000 deep",                `/v1/participants?cursor=${deep}`],
    ["feed of decisions",                      "/en/register.atom"],
    ["trust list",                             "/v1/trust-list"],
    ["federation list",                        "/federation/list"],
    ["federation list, by type and mark",      `/federation/list?entity_type=self_data_platform&trust_mark_type=${type}`],
    ["trust mark list",                        `/federation/trust-mark-list?trust_mark_type=${type}`],
    ["status list",                            "/status-lists/trust-marks"],
    ["resolve, warm",                          resolve, subjects.length],
  ];
  return paths.map(([name, path, warmUp]) => ({
    name,
    addressOf: (round) => `${origin}${typeof path === "string" ? path : path(round)}`,
    ...(warmUp === undefined ? {} : { warmUp }),
  }));
}

async function cursorAt(origin: string, page: number): Promise<string> {
  let cursor = "";
  for (let n = 0; n < page; n++) {
    const answer = await fetch(`${origin}/v1/participants?limit=200${cursor && `&cursor=${cursor}`}`);
    const { next } = (await answer.json()) as { next: string | null };
    if (next === null) throw new Error("the register is not as deep as this");
    cursor = next;
  }
  return cursor;
}
