/** Texts about the records of permissions, in English. */
export const enReceipts = {
  "event.consent-granted": "A person gave a permission.",
  "event.consent-changed": "A permission is replaced by another one, or goes on again.",
  "event.consent-stopped": "A permission is stopped: nothing more may go. Stop at once what is under way.",
  "event.consent-ended": "A permission is over, or was not given.",
  "event.member.consent":
    "consent, state, at: the permission, its state, and when it came to it; sub_id is the person’s name at this recipient alone. Nothing else about the person.",
  "verify.entry.consent": "the hash of a permission’s receipt",
} as const;
