/** Texts about platforms that fetch what is for them, in English. */
export const enMailbox = {
  "register.protocol.mailbox": "Fetches sealed packages from Relais (it has no address of its own)",
  "event.deposited": "Sealed, and waiting: only {destination} can open it, when it fetches it",
  "omission.not_fetched": "The space did not fetch it in time, and it was deleted. Open your space, then ask for a new copy.",
  "omission.fetched_in_part":
    "The space began to fetch it, and did not finish before the end. A part of it, or almost all, may be there: ask the space to delete it.",
} as const;
