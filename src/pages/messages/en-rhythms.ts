/** Texts about what comes by itself. */
export const enRhythms = {
  "permission.next.dueYours": "By itself on {date}, or before, when you start it",
  "permission.next.dueTheirs": "By itself on {date}, or before, when {name} asks for it",
} as const;
