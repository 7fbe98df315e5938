/** Texts of long lists and of letters, in English. */
export const enLetters = {
  "permissions.older": "Older permissions",
  "permissions.first": "Back to the newest",
  "mail.waitsUnreachable": "The mail sent to {hint} on {date} came back: nobody is there. Check the address, and give it again.",
  "letter.subject.office": "A report waits for your answer · Un signalement attend votre réponse",
  "letter.office.text":
    "{count, plural, one {One report about a permission waits} other {# reports about permissions wait}} for your answer on Relais. The answer is shown to the person on their page.",
  "letter.office.why":
    "This mail says neither who wrote nor what: you read it after you signed in. It comes once an hour at most, to the contact that you publish.",
  "letter.office.read": "Read and answer",
} as const;
