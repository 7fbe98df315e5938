import type { OwnAddresses } from "../../core/person/mail-address.ts";
import { REMINDER_DAYS } from "../../core/person/remind-people.ts";
import type { Tongue } from "../tongue.ts";

/** The section on mail of a person's account (account-mail.njk). */
export function viewOfMail({ t, date }: Tongue, { inUse, toProve }: OwnAddresses, isOn: boolean) {
  return {
    isOn,
    inUse: inUse && {
      hint: inUse.hint,
      since: t("mail.since", { date: date(inUse.provedAt ?? inUse.givenAt) }),
      language: t(`mail.language.${inUse.language}`),
      reminders: inUse.remindersOffAt === null ? t("mail.reminders.on", { days: REMINDER_DAYS }) : t("mail.reminders.off"),
      wantsReminders: inUse.remindersOffAt === null,
      unreachable: inUse.unreachableAt && t("mail.unreachable", { date: date(inUse.unreachableAt) }),
    },
    waits:
      toProve &&
      t(toProve.unreachableAt === null ? "mail.waits" : "mail.waitsUnreachable", { hint: toProve.hint, date: date(toProve.givenAt) }),
  };
}
