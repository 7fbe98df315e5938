/** Texts of the page that explains what Relais is about, in English. */
export const enUnderstand = {
  "home.understand": "What a personal data space is, and what a permission does",
  "understand.title": "Understanding",
  "understand.intro": "What a personal data space is, what a permission does, and what stays up to you.",
  "understand.space.title": "What is a personal data space?",
  "understand.space.text":
    "It is a place of your own where copies of data about you are kept: energy, insurance, telephone, bank. You choose who runs it, or run it yourself. You can read your data there, use it with services that you choose, and delete it.",
  "understand.copy.title": "What happens to my data?",
  "understand.copy.text":
    "An organisation sends a copy to your space. It keeps its own data: nothing is deleted there, and your contract does not change. Relais carries the copy and checks what arrived, item by item. It keeps no data of yours, only what was sent, when, and its fingerprints.",
  "understand.permission.title": "What is a permission?",
  "understand.permission.text":
    "Two things at once, each with its own box. You ask the organisation, through Relais, to send a copy: that is a mandate. And you agree that your space receives it for one purpose, until one date. Nothing is ticked beforehand, and saying no costs nothing.",
  "understand.stop.title": "Can I change my mind?",
  "understand.stop.text":
    "Yes, at any time, without giving a reason. From that moment nothing more is sent. What has arrived stays in your space until you delete it there.",
  "understand.stake.title": "What should I look at before I say yes?",
  "understand.stake.text":
    "Your data says a lot about your life: when you are at home, whom you call, what you pay. Whoever receives it can see that. Look at who runs the space, in which country, how long it keeps the data, and whether it is accredited. “Accredited” means that checks were passed and are repeated, not that nothing can go wrong.",
  "understand.words.title": "Words",
  "understand.word.holder": "Organisation",
  "understand.word.holder.text": "A company or an authority that has data about you.",
  "understand.word.platform": "Personal data space",
  "understand.word.platform.text": "The place of your own that receives the copies.",
  "understand.word.accredited": "Accredited",
  "understand.word.accredited.text": "Checked against the public charter. The register says since when, until when, and who decided.",
  "understand.word.transfer": "Transfer",
  "understand.word.transfer.text": "One delivery of copies under your permission.",
  "understand.word.receipt": "Receipt",
  "understand.word.receipt.text": "Signed proof of what you allowed, or of what arrived. You can check it without us.",
  "understand.word.states": "Delivered, received, verified",
  "understand.word.states.text": "Sent off; the space says it has it; compared with what was sent.",
  "understand.next": "Look at a permission before you give one: the page that asks shows an example of each kind of data.",
} as const;
