import { asRelaisError } from "../core/errors.ts";
import { eraseClosed } from "../core/person/delete-account.ts";
import { REGISTER_ROUNDS } from "../core/register/register-rounds.ts";
import type { PackageFiles } from "../core/mailbox/mailbox.ts";
import { clearMailbox, sweepMailbox } from "../core/mailbox/sweep-mailbox.ts";
import { removeOverdue, type RetentionPorts } from "../core/operation/remove-overdue.ts";
import { sweepTransfers } from "../core/transfer/sweep-transfers.ts";
import { remindPeople } from "../core/person/remind-people.ts";
import { openPackageFiles } from "../disk/package-files.ts";
import { every, type Base } from "./base.ts";
import { startDispatching } from "./dispatching.ts";
import { startDueRounds } from "./due-rounds.ts";

/** Reminders of permissions are a matter of days. */
const REMINDING_SECONDS = 600;
/** What is past its time is heeded by nobody, and removed now and then. */
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
  every(base, "removing what is past its time", CLEARING_SECONDS, () => removeOverdue(retaining(base), base.config.keep, base.shutdown));
}

function sweepPackages(base: Base, files: PackageFiles): void {
  const report = (thrown: unknown, transfer: string): void =>
    base.log.error("ending what waited in the mailbox failed", { transfer, error: asRelaisError(thrown) });
  const mailbox = { ...base, files, report };
  every(base, "ending what was not fetched", base.config.transfer.sweepSeconds, () => sweepMailbox(mailbox));
  every(base, "clearing the mailbox", CLEARING_SECONDS, () => clearMailbox(mailbox));
}

function retaining({ store, log }: Base): RetentionPorts {
  return {
    store,
    onRemoved: ({ kind, removed, left }) => {
      if (removed > 0) log.info("records past their time are gone", { kind, count: removed });
      if (left > 0) log.warn("more records are past their time than one round removes", { kind, pending: left });
    },
    onFailure: (kind, error) => log.error("records past their time stay", { kind, error: asRelaisError(error) }),
  };
}
