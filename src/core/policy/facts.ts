import { isAccredited, type Participant, type TrustMark } from "../register/participant.ts";
import { sha256 } from "../transfer/manifest.ts";
import { EVERY_DATASET, type Stance } from "./conditions.ts";
import type { PolicyFacts } from "./policy.ts";
import { regionsOf } from "./regions.ts";

/** A participant with its newest mark. */
export interface End {
  participant: Participant;
  mark: TrustMark | null;
}

export interface Ends {
  holder: End;
  platform: End;
}

/** Where a holder says nothing: level 1; for data that describe nobody, level 0 is enough. */
function minimumLevelByDefault({ about }: Participant): 0 | 1 {
  return about.synthetic === true ? 0 : 1;
}

/** The facts for one data set. `account`: the person's account at the holder, null where it is not proved yet. */
export function factsOf(
  { holder, platform }: Ends,
  stance: Stance,
  ask: { dataset: string; account: string | null; now: Date },
): PolicyFacts {
  const { dataset, account, now } = ask;
  const own = conditionsFor(stance, dataset);
  return {
    holder: placeOf(holder, now),
    synthetic: holder.participant.about.synthetic === true,
    platform: {
      ...placeOf(platform, now),
      regions: regionsOf(platform.participant.about.country),
      certificates: [...stance.certificates].sort(),
    },
    conditions: {
      minimumLevel: own?.minimumLevel ?? minimumLevelByDefault(holder.participant),
      regions: own?.regions ?? [],
      certificates: own?.certificates ?? [],
      excluded: stance.excluded.includes(EVERY_DATASET) || stance.excluded.includes(dataset),
      access: stance.access?.state ?? "open",
    },
    testAccount: account !== null && (stance.access?.testAccounts ?? []).includes(testAccountHash(holder.participant.id, account)),
  };
}

/** What is said of one data set stands instead of what is said of all. */
function conditionsFor({ conditions }: Stance, dataset: string): Stance["conditions"][number] | undefined {
  return conditions.find((one) => one.dataset === dataset) ?? conditions.find((one) => one.dataset === EVERY_DATASET);
}

/** Without a mark a participant is at no level at all; the first rule refuses it anyway. */
function placeOf({ participant, mark }: End, now: Date): { accredited: boolean; level: number } {
  return { accredited: isAccredited(participant, mark, now), level: mark?.level ?? 0 };
}

/** Relais keeps no list of account names: only the hash of each, bound to the holder. */
export function testAccountHash(holderId: Participant["id"], account: string): string {
  return sha256(`test account\n${holderId}\n${account}`);
}
