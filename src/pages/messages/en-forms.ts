/** Texts about the copy as a table, beside the original. */
export const enForms = {
  "forms.title": "A copy as a table, if you wish",
  "forms.csv": "Add a copy as a table (CSV) beside the original",
  "forms.hint":
    "The original always goes, unchanged. If you tick this, Relais also makes a table, which spreadsheets can open. It works for items in the JSON format of less than 1 MB. Others, such as PDFs, only go as they are.",
  "forms.label": "Copy as a table",
  "forms.yes": "Yes, a table (CSV) beside each original where this is possible",
  "forms.no": "No, the originals only",
  "forms.mandate": "{text} And also: a copy as a table (CSV), made by Relais as you asked.",
  "forms.mandateLine": "Form",
  "forms.mandateText":
    "Also put a copy as a table (CSV) beside each original, where this is possible. The original is handed over unchanged.",
  "forms.told":
    "{copies, plural, =0 {No item has a copy as a table.} one {Relais prepared one copy as a table, beside its original.} other {Relais prepared {many} copies as tables, each beside its original.}}",
  "forms.alone":
    "{count, plural, one {One item goes in its original form only} other {{many} items go in their original form only}}: {why}.",
  "forms.other_format": "{count, plural, one {# is not in the JSON format} other {# are not in the JSON format}}",
  "forms.too_large": "{count, plural, one {# is too large} other {# are too large}}",
  "forms.no_table": "{count, plural, one {# cannot become a table} other {# cannot become a table}}",
  "forms.not_read": "{count, plural, one {# could not be read} other {# could not be read}}",
  "event.copies_made": "Relais prepared the copies as tables",
  "event.count.copies": "{count, plural, one {# copy as a table} other {# copies as tables}}",
  "event.count.copies_left": "{count, plural, one {# copy did not move} other {# copies did not move}}",
  "event.count.other_format": "{count, plural, other {# in another format}}",
  "event.count.too_large": "{count, plural, other {# too large}}",
  "event.count.no_table": "{count, plural, other {# that cannot become a table}}",
  "event.count.not_read": "{count, plural, other {# not read}}",
} as const satisfies Record<string, string>;
