import type { Ports } from "../ports.ts";
import type { AttemptRecords } from "./attempt-records.ts";

/** What carrying a transfer needs. */
export type RunPorts = Pick<
  Ports,
  "store" | "clock" | "policy" | "signer" | "verifier" | "opener" | "tokens" | "network" | "adapters" | "issuer" | "mailbox"
> & { records: AttemptRecords };
