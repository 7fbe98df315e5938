import { LIMIT_MILLISECONDS, registerPaths } from "../support/register-paths.ts";
import { timesOf } from "../support/percentile.ts";
import { entityOf, standingOf } from "../support/country.ts";
import { startPublicRegister } from "../support/public-register.ts";
import { figure, type Measure } from "./measure.ts";

const PARTICIPANTS = 10_000;
/** Those that are resolved: half of them to be resolved for the first time, once each. */
const CONFIGURED = 400;
/** Answers for each round of `--rounds`. */
const ANSWERS = 50;

/** The public register with as many participants as a country has: each answer over HTTP, pages, API and federation in one process. */
export async function registerOfThousands(rounds: number, say: (line: string) => void): Promise<Measure[]> {
  say(`filling a register of ${PARTICIPANTS} participants …`);
  await using relais = await startPublicRegister({ count: PARTICIPANTS, configured: CONFIGURED });
  const measures: Measure[] = [];
  const add = (name: string, { p50, p95 }: { p50: number; p95: number }, limit: string | null) => {
    say(`register: ${name}: p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`);
    measures.push(
      figure(`register of ${PARTICIPANTS}: ${name}, p50`, p50, "ms"),
      figure(`register of ${PARTICIPANTS}: ${name}, p95`, p95, "ms", limit),
    );
  };
  const bound = `${LIMIT_MILLISECONDS} ms`;
  for (const { name, addressOf, warmUp } of await registerPaths(relais, CONFIGURED / 2))
    add(name, await timesOf(rounds * ANSWERS, addressOf, warmUp), bound);
  add("resolve, cold", await resolvedOnce(relais.origin), null);
  return measures;
}

/** Each subject is asked for once: its chain is validated then. */
function resolvedOnce(origin: string) {
  const subjects = Array.from({ length: CONFIGURED / 2 }, (_, place) => CONFIGURED / 2 + place + 1).filter(
    (n) => !["suspended", "revoked"].includes(standingOf(n)),
  );
  const anchor = encodeURIComponent(origin);
  return timesOf(
    subjects.length,
    (round) => `${origin}/federation/resolve?sub=${entityOf(subjects[round] ?? 0)}&trust_anchor=${anchor}`,
    0,
  );
}
