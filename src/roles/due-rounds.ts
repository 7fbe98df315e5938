import { acceptDue } from "../core/transfer/accept-due.ts";
import { runCampaigns } from "../core/transfer/run-campaigns.ts";
import { every, type Base } from "./base.ts";

/** What becomes due by itself, or by the word of somebody who asked for many. The sweep rings for what they accept. */
export function startDueRounds(base: Base): void {
  const { sweepSeconds } = base.config.transfer;
  every(base, "accepting what is due", sweepSeconds, () => acceptDue(base, base.shutdown));
  every(base, "carrying campaigns on", sweepSeconds, () => runCampaigns(base, base.shutdown));
}
