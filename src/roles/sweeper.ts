import { asRelaisError } from "../core/errors.ts";
import { eraseClosed } from "../core/person/delete-account.ts";
import { REGISTER_ROUNDS } from "../core/register/register-rounds.ts";
import type { PackageFiles } from "../core/mailbox/mailbox.ts";
import { clearMailbox, sweepMailbox } from "../core/mailbox/sweep-mailbox.ts";
import { sweepTransfers } from "../core/transfer/sweep-transfers.ts";
import { clearMails, remindPeople } from "../core/person/remind-people.ts";
import { openPackageFiles } from "../disk/package-files.ts";
import { createOauthRecords } from "../postgres/oauth-records.ts";
import { every, type Base } from "./base.ts";
import { startDispatching } from "./dispatching.ts";
import { startDueRounds } from "./due-rounds.ts";

/** Reminders of permissions are a matter of days. */
const REMINDING_SECONDS = 600;
/** Used proofs, codes and attempts are kept until they expire, and cleared now and then. */
const CLEARING_SECONDS = 300;

export function startSweeper(base: Base): void {
  const [{ queue }, terms] = base.dispatching;
  every(base, "sweep", base.config.transfer.sweepSeconds, () => sweepTransfers({ ...base, queue }, terms));
  startDispatching(base);
  startDueRounds(base);
  const rounds = { ...base.config.register, shutdown: base.shutdown };
  for (const { what, seconds, work } of REGISTER_ROUNDS) every(base, what, seconds, () => work(base, rounds));
  if (base.config.mail !== null) every(base, "reminding people", REMINDING_SECONDS, () => remindPeople(base));
  every(base, "erasing accounts", base.config.transfer.sweepSeconds, () => eraseClosed(base));
  if (base.config.mailbox.dir !== null) sweepPackages(base, openPackageFiles(base.config.mailbox.dir));
  every(base, "clearing mails", CLEARING_SECONDS, () => clearMails(base));
  every(base, "clearing expired records", CLEARING_SECONDS, () => createOauthRecords(base.pool).removeExpired());
}

function sweepPackages(base: Base, files: PackageFiles): void {
  const report = (thrown: unknown, transfer: string): void =>
    base.log.error("ending what waited in the mailbox failed", { transfer, error: asRelaisError(thrown) });
  const mailbox = { ...base, files, report };
  every(base, "ending what was not fetched", base.config.transfer.sweepSeconds, () => sweepMailbox(mailbox));
  every(base, "clearing the mailbox", CLEARING_SECONDS, () => clearMailbox(mailbox));
}
