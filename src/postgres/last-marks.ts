/** A source may list one key on two pages: what became of it last is what is written, and a row is written once in a statement. */
export function lastMarks<T extends { dataset: string; key: string }>(marks: readonly T[]): T[] {
  return [...new Map(marks.map((mark) => [`${mark.dataset}/${mark.key}`, mark])).values()];
}
