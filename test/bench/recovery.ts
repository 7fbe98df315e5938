import type { TransferId } from "../../src/core/ids.ts";
import { crowdOf } from "../support/crowd.ts";
import { startFaultWorld, until, type FaultWorld } from "../support/fault-relais.ts";
import { transferOf } from "../support/standing-world.ts";
import { bound, figure, median, quantile, type Measure } from "./measure.ts";
import { BILLS, CUSTOMER, slowPlatform, type SlowPlatform } from "./slow-ends.ts";

/** What the worker that dies holds, and what the other one is busy with: it has room for all. */
const HELD = 4;
const BESIDE = 2;
/** More than a transfer can be carried of while all this lasts. */
const SIZES = Array.from({ length: 4000 }, () => 512);
/** As the product ships; the tests' own are shorter. */
const SHIPPED = { RELAIS_LEASE_SECONDS: "", RELAIS_SWEEP_SECONDS: "" };

type Tell = (line: string) => void;

/**
 * Two workers run transfers, and one of them is killed with `kill -9`: from then until the platform hears of each transfer that it held, by its own ledger.
 * A next attempt begins with an announcement, so nothing that was still on its way counts.
 */
export async function recovery(rounds: number, tell: Tell): Promise<Measure[]> {
  const lags: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const found = await killOne();
    lags.push(...found);
    tell(
      `a worker killed with ${found.length} transfers, round ${round}: heard of again after ${found.map((lag) => lag.toFixed(1)).join(", ")} s`,
    );
  }
  return [
    figure("transfers of a killed worker, heard of again by the platform after, p50", median(lags), "s", "settings as shipped"),
    bound("the same, the last of them", quantile(lags, 1), "s", { most: 10, aim: 5, why: "its lease runs out" }),
  ];
}

async function killOne(): Promise<number[]> {
  await using owned = new AsyncDisposableStack();
  const accounts = crowdOf("space", HELD + BESIDE);
  const world = owned.use(await startFaultWorld({ customers: { [CUSTOMER]: { [BILLS]: { large: SIZES } } }, settings: SHIPPED }));
  await world.start("web,sweeper");
  const platform = await slowPlatform(owned, world, { name: "Slow", accounts });
  const doomed = await world.start("worker");
  const held = await begin(world, platform, accounts.slice(0, HELD));
  await world.start("worker");
  await begin(world, platform, accounts.slice(HELD));
  await doomed.kill("SIGKILL");
  const killedAt = Date.now();
  const again = await until("every transfer of the killed worker", async () => {
    const found = await announcedAfter(platform, held, killedAt);
    return found.length === held.length ? found : null;
  });
  return again.map((at) => (at - killedAt) / 1000);
}

/** Transfers that the platform is being sent. */
async function begin(world: FaultWorld, { participant, ledger }: SlowPlatform, accounts: string[]): Promise<TransferId[]> {
  const ids: TransferId[] = [];
  for (const destinationAccount of accounts) {
    const person = await world.person({ destination: participant, sourceAccount: CUSTOMER, destinationAccount });
    ids.push((await person.transfer(await person.consent([BILLS]))).id);
  }
  await until("items of each", async () => {
    const stored = new Set((await ledger()).map(transferOf));
    return ids.every((id) => stored.has(id));
  });
  return ids;
}

/** When each was first announced again; what is not there was not. */
async function announcedAfter({ ledger }: SlowPlatform, ids: TransferId[], moment: number): Promise<number[]> {
  const later = (await ledger()).filter(({ path, begunAt = "" }) => path === "/inbox/transfers" && Date.parse(begunAt) > moment);
  return ids.flatMap((id) => {
    const first = later.find(({ idempotencyKey }) => idempotencyKey?.includes(id));
    return first === undefined ? [] : [Date.parse(first.begunAt ?? "")];
  });
}
