import type { PersonId, SwitchId } from "../ids.ts";
import type { Switch, SwitchState } from "./switch.ts";

/** Moves from one place to another. */
export interface SwitchesReader {
  /** Switches whose old place is to be closed now, its person having been told. */
  closing(): Promise<Switch[]>;
  get(id: SwitchId): Promise<Switch>;
  list(personId: PersonId): Promise<Switch[]>;
}

export interface SwitchesWriter {
  add(row: Switch): Promise<void>;
  change(
    id: SwitchId,
    from: SwitchState[],
    to: SwitchState,
    change?: Partial<Pick<Switch, "consentId" | "transferId" | "verifiedAt" | "closedAt">>,
  ): Promise<boolean>;
}
