import { LIMIT_MILLISECONDS, registerPaths } from "../support/register-paths.ts";
import { timesOf } from "../support/percentile.ts";
import { entityOf, standingOf } from "../support/country.ts";
import { startPublicRegister } from "../support/public-register.ts";
import { processorTime } from "./processor-time.ts";
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
  const add = async (name: string, limit: string | null, work: () => Promise<{ p50: number; p95: number; answers: number }>) => {
    const before = await processorTime(relais.pool);
    const { p50, p95, answers } = await work();
    const computed = ((await processorTime(relais.pool)) - before) / answers;
    say(`register: ${name}: p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms, computed ${computed.toFixed(1)} ms`);
    const what = (kind: string): string => `register of ${PARTICIPANTS}: ${name}, ${kind}`;
    measures.push(figure(what("p50"), p50, "ms"), figure(what("p95"), p95, "ms", limit), figure(what("computed"), computed, "ms"));
  };
  for (const { name, addressOf, warmUp } of await registerPaths(relais, CONFIGURED / 2)) {
    await timesOf(0, addressOf, warmUp);
    await add(name, `${LIMIT_MILLISECONDS} ms`, async () => ({
      ...(await timesOf(rounds * ANSWERS, addressOf, 0)),
      answers: rounds * ANSWERS,
    }));
  }
  await add("resolve, cold", null, () => resolvedOnce(relais.origin));
  return measures;
}

/** Each subject is asked for once: its chain is validated then. */
async function resolvedOnce(origin: string) {
  const half = CONFIGURED / 2;
  const numbers = Array.from({ length: half }, (_, place) => half + place + 1);
  const subjects = numbers.filter((n) => !["suspended", "revoked"].includes(standingOf(n)));
  const anchor = encodeURIComponent(origin);
  const addressOf = (round: number): string => `${origin}/federation/resolve?sub=${entityOf(subjects[round] ?? 0)}&trust_anchor=${anchor}`;
  return { ...(await timesOf(subjects.length, addressOf, 0)), answers: subjects.length };
}
