import type { Language } from "../catalogue/data-set.ts";

/** How easy a text is to read. An estimate from lengths: it sees long sentences and long words, never what they mean. */
export interface Readability {
  /** 0 (hard) to 100 (easy); Kandel & Moles (1958) in French, Flesch (1948) in English. */
  score: number;
  /** Below it, many people have trouble: 60 is the lower end of "standard" on both scales. */
  limit: typeof READABILITY_LIMIT;
  words: number;
  sentences: number;
  /** The longest ones, with their number of words, longest first. */
  longest: { text: string; words: number }[];
}

export const READABILITY_LIMIT = 60;
const LONGEST_SHOWN = 3;

/** Weights of words per sentence and of syllables per word. */
const FORMULAS = {
  fr: { base: 207, sentence: 1.015, word: 73.6 },
  en: { base: 206.835, sentence: 1.015, word: 84.6 },
} as const satisfies Record<Language, { base: number; sentence: number; word: number }>;

export function readabilityOf(language: Language, texts: readonly string[]): Readability {
  const sentences = texts.flatMap((text) => sentencesIn(language, text));
  const words = sentences.flatMap((sentence) => wordsIn(language, sentence));
  const syllables = words.reduce((sum, word) => sum + syllablesIn(language, word), 0);
  const { base, sentence, word } = FORMULAS[language];
  const score = words.length === 0 ? 0 : base - (sentence * words.length) / sentences.length - (word * syllables) / words.length;
  const longest = sentences
    .map((text) => ({ text, words: wordsIn(language, text).length }))
    .toSorted((a, b) => b.words - a.words)
    .slice(0, LONGEST_SHOWN);
  return {
    score: Math.round(Math.min(100, Math.max(0, score))),
    limit: READABILITY_LIMIT,
    words: words.length,
    sentences: sentences.length,
    longest,
  };
}

/** A place counts as the one word that its name is. */
function sentencesIn(language: Language, text: string): string[] {
  const segments = new Intl.Segmenter(language, { granularity: "sentence" }).segment(text);
  return [...segments].map(({ segment }) => segment.trim()).filter((one) => /\p{L}/u.test(one));
}

function wordsIn(language: Language, sentence: string): string[] {
  const segments = new Intl.Segmenter(language, { granularity: "word" }).segment(sentence);
  return [...segments].filter(({ isWordLike }) => isWordLike).map(({ segment }) => segment.toLowerCase());
}

const SILENT = { fr: /(?:es?|ent)$/, en: /(?:[^l]es?|ed)$/ } as const satisfies Record<Language, RegExp>;

/** Groups of vowels, without a silent ending; at least one. */
function syllablesIn(language: Language, word: string): number {
  const plain = word.normalize("NFC").replaceAll(/[^\p{L}]/gu, "");
  const groups = (text: string): number => (text.match(/[aeiouyàâäéèêëîïôöùûüœæ]+/g) ?? []).length;
  const spoken = plain.replace(SILENT[language], (ending) => (ending.startsWith("e") ? "" : ending.charAt(0)));
  return Math.max(1, groups(spoken));
}
