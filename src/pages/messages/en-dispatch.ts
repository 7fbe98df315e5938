/** Texts about turns, capacities and pauses in English. */
export const enDispatch = {
  "dispatch.held.title": "Held up now",
  "dispatch.held.lead":
    "Nothing more starts from or to these organisations for the moment. What has been accepted is kept, and goes on by itself.",
  "dispatch.held.none": "Nothing is held up.",
  "dispatch.hold.paused": "{who} is paused ({what}) by {by} since {since}: {reason}",
  "dispatch.hold.outside_hours": "{who} takes nothing at this time of the day.",
  "dispatch.hold.breaker":
    "{who} failed several times in a row. Relais waits before it tries again{until, select, none {} other {, until {until}}}, and then tries once.",
  "dispatch.hold.probing": "{who} failed several times in a row. One transfer tries it now; the others follow if that succeeds.",
  "dispatch.hold.resting": "{who} asked to wait{until, select, none {} other {, until {until}}}.",
  "dispatch.hold.per_second": "{who} takes no more in this second.",
  "dispatch.hold.per_hour": "{who} takes no more in this hour.",
  "dispatch.hold.concurrent": "{who} has as many transfers under way as it takes.",
  "dispatch.everything": "everything",
  "dispatch.by.participant": "itself",
  "dispatch.by.operator": "the operator",
} as const satisfies Record<string, string>;
