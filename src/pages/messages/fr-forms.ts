/** Textes sur la copie en tableau, à côté de l’original. */
export const frForms = {
  "forms.title": "Une copie en tableau, si vous voulez",
  "forms.csv": "Ajouter une copie en tableau (CSV) à côté de l’original",
  "forms.hint":
    "L’original part toujours, sans changement. Si vous cochez, Relais fabrique aussi un tableau, que les tableurs savent ouvrir. C’est possible pour les éléments au format JSON de moins de 1 Mo. Les autres, comme les PDF, partent seulement tels quels.",
  "forms.label": "Copie en tableau",
  "forms.yes": "Oui, un tableau (CSV) à côté de chaque original quand c’est possible",
  "forms.no": "Non, les originaux seulement",
  "forms.mandate": "{text} Et aussi : une copie en tableau (CSV), fabriquée par Relais à votre demande.",
  "forms.mandateLine": "Forme",
  "forms.mandateText":
    "Mettre aussi, à côté de chaque original, une copie en tableau (CSV) quand c’est possible. L’original est remis sans changement.",
  "forms.told":
    "{copies, plural, =0 {Aucun élément n’a de copie en tableau.} one {Relais a préparé une copie en tableau, à côté de son original.} other {Relais a préparé {many} copies en tableau, chacune à côté de son original.}}",
  "forms.alone":
    "{count, plural, one {Un élément part seulement dans sa forme d’origine} other {{many} éléments partent seulement dans leur forme d’origine}} : {why}.",
  "forms.other_format": "{count, plural, one {# n’est pas au format JSON} other {# ne sont pas au format JSON}}",
  "forms.too_large": "{count, plural, one {# est trop grand} other {# sont trop grands}}",
  "forms.no_table": "{count, plural, one {# ne peut pas devenir un tableau} other {# ne peuvent pas devenir un tableau}}",
  "forms.not_read": "{count, plural, one {# n’a pas pu être lu} other {# n’ont pas pu être lus}}",
  "event.copies_made": "Relais a préparé les copies en tableau",
  "event.count.copies": "{count, plural, one {# copie en tableau} other {# copies en tableau}}",
  "event.count.copies_left": "{count, plural, one {# copie n’est pas passée} other {# copies ne sont pas passées}}",
  "event.count.other_format": "{count, plural, one {# dans un autre format} other {# dans un autre format}}",
  "event.count.too_large": "{count, plural, one {# trop grand} other {# trop grands}}",
  "event.count.no_table": "{count, plural, one {# sans tableau possible} other {# sans tableau possible}}",
  "event.count.not_read": "{count, plural, one {# non lu} other {# non lus}}",
} as const satisfies Record<string, string>;
