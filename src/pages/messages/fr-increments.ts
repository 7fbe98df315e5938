/** Textes sur les envois qui apportent ce qui est nouveau. */
export const frIncrements = {
  "event.changes_listed": "{source} a listé ce qui est nouveau",
  "event.position_unknown": "{source} ne sait plus où en était le dernier envoi, et liste tout",
  "event.deletions_told": "{destination} a dit ce qu’il a fait de ce que {source} a supprimé",
  "event.count.gone": "{count, plural, one {# supprimé à la source} other {# supprimés à la source}}",
  "event.count.removed": "{count, plural, one {# retiré} other {# retirés}}",
  "event.count.kept": "{count, plural, one {# gardé} other {# gardés}}",
  "increment.nothing": "Rien de nouveau depuis le {since}. {destination} a confirmé cet envoi.",
  "increment.brought":
    "Cet envoi a apporté ce qui est nouveau depuis le {since} : {count, plural, =0 {aucun élément nouveau} one {un élément nouveau ou corrigé, comparé} other {{items} éléments nouveaux ou corrigés, comparés}} chez {destination}.",
  "increment.listed":
    "Cet envoi apporte ce qui est nouveau depuis le {since} : {count, plural, =0 {rien du tout} one {un élément nouveau ou corrigé} other {{items} éléments nouveaux ou corrigés}}.",
  "increment.asked": "Cet envoi apporte seulement ce qui est nouveau depuis le {since}.",
  "increment.removed":
    "{source} a supprimé {count, plural, one {un élément} other {{items} éléments}}. {destination} a retiré {count, plural, one {sa copie} other {ses copies}}.",
  "increment.kept":
    "{source} a supprimé {count, plural, one {un élément} other {{items} éléments}}. {destination} a gardé {count, plural, one {votre copie} other {vos copies}} : c’est vous qui décidez de la suite.",
  "increment.counts": "Ces nombres comptent ce qui est nouveau, pas tout ce que vous gardez.",
  "increment.progress": "Rien de nouveau à apporter.",
  "increment.last": "{at} : {state}. {brought}",
  "permission.startFull": "Tout apporter à nouveau",
} as const satisfies Record<string, string>;
