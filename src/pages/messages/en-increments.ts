/** Texts about deliveries that bring what is new. */
export const enIncrements = {
  "event.changes_listed": "{source} listed what is new",
  "event.position_unknown": "{source} no longer knows where the last delivery stood, and lists everything",
  "event.deletions_told": "{destination} said what it did with what {source} deleted",
  "event.count.gone": "{count, plural, other {# deleted at the source}}",
  "event.count.removed": "{count, plural, other {# removed}}",
  "event.count.kept": "{count, plural, other {# kept}}",
  "increment.nothing": "Nothing new since {since}. {destination} has confirmed this delivery.",
  "increment.brought":
    "This delivery brought what is new since {since}: {count, plural, =0 {no new item} one {one new or corrected item} other {{items} new or corrected items}}, compared at {destination}.",
  "increment.listed":
    "This delivery brings what is new since {since}: {count, plural, =0 {nothing at all} one {one new or corrected item} other {{items} new or corrected items}}.",
  "increment.asked": "This delivery brings only what is new since {since}.",
  "increment.removed":
    "{source} deleted {count, plural, one {one item} other {{items} items}}. {destination} removed {count, plural, one {its copy} other {its copies}}.",
  "increment.kept":
    "{source} deleted {count, plural, one {one item} other {{items} items}}. {destination} kept {count, plural, one {your copy} other {your copies}}: you decide what becomes of it there.",
  "increment.counts": "These numbers count what is new, not everything that you keep.",
  "increment.progress": "Nothing new to bring.",
  "increment.last": "{at}: {state}. {brought}",
  "permission.startFull": "Bring everything again",
} as const satisfies Record<string, string>;
