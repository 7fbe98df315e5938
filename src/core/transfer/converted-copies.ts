import { conversionFrom, copyKey, findConversion, isCopyKey, LARGEST_ORIGINAL } from "../conversion/conversions.ts";
import type { NewEvent } from "./transfer-records.ts";
import { itemName, type Bytes, type DatasetCount, type Source, type SourceItem, type SourcePage } from "./adapter.ts";
import type { Attempt } from "./attempt.ts";
import { deliverItem } from "./deliver-item.ts";
import { collectInto, inParallel } from "./deliver-items.ts";
import type { Increment } from "./increment.ts";
import { markedKey } from "./item-key.ts";
import { sha256, type MadeFrom } from "./manifest.ts";
import type { RunPorts } from "./run-ports.ts";

/** Why an item has no copy beside it: nothing is missing of it, and its person is told. */
export const LEFT_AS_IT_IS = ["other_format", "too_large", "no_table", "not_read"] as const;
type LeftBecause = (typeof LEFT_AS_IT_IS)[number];

/** Originals and copies of one page that are kept in memory until they have moved; what is beyond is read and made again. */
const KEPT_BYTES = 16 * 1024 * 1024;
const READ_AT_ONCE = 4;
const CONVERTED_AT_ONCE = 128 * 1024;

type Choosing = { standing: { consent: Pick<Attempt["standing"]["consent"], "forms"> } };

/**
 * What a delivery brings where the person wants copies in a common form: each item that has one, and its copy right behind it, as if its source had both.
 * A copy has the length and the digest of what it is, and says what it was made from. What has no such form comes alone.
 */
export function withCopies({ clock }: Pick<RunPorts, "clock">, attempt: Converting, increment: Increment): Increment {
  if (attempt.standing.consent.forms.length === 0) return increment;
  const making: Making = {
    attempt,
    breathe: breather(clock, attempt.signal),
    inner: increment.source,
    tallies: new Map(),
    toMakeAgain: new Map(),
  };
  return {
    ...increment,
    source: {
      ...increment.source,
      list: (dataset, cursor) => list(making, dataset, cursor),
      read: (item) => read(making, item),
      [Symbol.asyncDispose]: async () => undefined,
    },
    settle: (contents) => {
      const settled = increment.settle(contents);
      return { ...settled, events: [...settled.events, ...copyEvents(making)] };
    },
  };
}

/** How many copies there will be, and how large, nobody knows before they are made. */
export function announcedWith({ standing }: Choosing, datasets: DatasetCount[]): DatasetCount[] {
  return standing.consent.forms.length === 0 ? datasets : datasets.map(({ dataset }) => ({ dataset, items: null, bytes: null }));
}

type Converting = Pick<Attempt, "standing" | "mayMoveData" | "signal">;

interface Making {
  attempt: Converting;
  /** Called before so many bytes are converted. */
  breathe(bytes: number): Promise<void>;
  inner: Source;
  /** By data set, of its list as it was listed last. */
  tallies: Map<string, Record<"copies" | LeftBecause, number>>;
  /** Copies that were too many to keep, with what they are made from. */
  toMakeAgain: Map<string, SourceItem>;
}

async function list(making: Making, dataset: string, cursor: string | null): Promise<SourcePage> {
  if (cursor === null) making.tallies.set(dataset, { copies: 0, other_format: 0, too_large: 0, no_table: 0, not_read: 0 });
  const page = await making.inner.list(dataset, cursor);
  const own = page.items.filter(({ key }) => !isCopyKey(key));
  const room = { bytes: KEPT_BYTES };
  const beside = new Map<SourceItem, SourceItem[]>();
  await inParallel(READ_AT_ONCE, own, async (item) => void beside.set(item, await withCopy(making, item, room)));
  return {
    ...page,
    items: own.flatMap((item) => beside.get(item) as SourceItem[]),
    // Names that copies have are not free here: two things would lie under one. It is told by another, since the copy may be in the same manifest.
    omissions: [
      ...page.omissions,
      ...page.items
        .filter(({ key }) => isCopyKey(key))
        .map(({ key }) => ({ dataset, key: markedKey(key, key), reason: "unsafe_name" as const })),
    ],
  };
}

/** The item, and its copies behind it. */
async function withCopy(making: Making, item: SourceItem, room: { bytes: number }): Promise<SourceItem[]> {
  const tally = making.tallies.get(item.dataset) as Record<"copies" | LeftBecause, number>;
  const copies: SourceItem[] = [];
  let original = item;
  for (const form of making.attempt.standing.consent.forms) {
    const conversion = conversionFrom(item.mediaType, form);
    const whole = conversion === null ? "other_format" : await readWhole(making, original);
    if (typeof whole !== "string") await making.breathe(whole.bytes);
    const made = typeof whole === "string" ? null : (conversion?.convert(whole.content) ?? null);
    if (typeof whole === "string" || made === null || conversion === null) {
      tally[typeof whole === "string" ? whole : "no_table"] += 1;
      continue;
    }
    if (keep(room, whole.content)) original = whole;
    const madeFrom = { key: item.key, "sha-256": whole.sha256, by: conversion.id };
    const copy = { dataset: item.dataset, key: copyKey(item.key, form), mediaType: conversion.mediaType, madeFrom };
    const content = keep(room, made) ? made : null;
    if (content === null) making.toMakeAgain.set(itemName(copy), item);
    copies.push({ ...copy, bytes: made.byteLength, sha256: sha256(made), content });
    tally.copies += 1;
  }
  return [original, ...copies];
}

/** Converting holds the whole process: between a part and the next, whatever else waits has its turn, and a stop is heard. */
function breather(clock: RunPorts["clock"], signal: AbortSignal): Making["breathe"] {
  let since = 0;
  return async (bytes) => {
    since += bytes;
    if (since < CONVERTED_AT_ONCE) return;
    since = 0;
    await clock.sleep(0, signal);
  };
}

function keep(room: { bytes: number }, { byteLength }: Uint8Array): boolean {
  if (byteLength > room.bytes) return false;
  room.bytes -= byteLength;
  return true;
}

type Whole = SourceItem & { bytes: number; sha256: string; content: Uint8Array };

/** The original in memory, with the digest that its source names, or why not. @throws what concerns the whole attempt. */
async function readWhole({ inner, attempt }: Making, item: SourceItem): Promise<Whole | "too_large" | "not_read"> {
  if ((item.content?.byteLength ?? item.bytes ?? 0) > LARGEST_ORIGINAL) return "too_large";
  if (item.content !== null) return { ...item, content: item.content, bytes: item.content.byteLength, sha256: sha256(item.content) };
  const bodies = new Map<string, Uint8Array>();
  const ends = { source: inner, destination: { put: collectInto(bodies) }, needsDigest: false, maxItemBytes: LARGEST_ORIGINAL };
  const outcome = await deliverItem({ ...ends, mayMoveData: attempt.mayMoveData }, item);
  if (outcome.kind === "omitted") return outcome.reason === "too_large" ? "too_large" : "not_read";
  const { bytes, sha256: digest } = outcome;
  return { ...item, bytes, sha256: digest, content: bodies.get(itemName(item)) as Uint8Array };
}

async function read({ inner, toMakeAgain }: Making, item: SourceItem): Promise<Bytes> {
  const original = item.madeFrom === undefined ? undefined : toMakeAgain.get(itemName(item));
  return original === undefined ? inner.read(item) : madeAgain(await inner.read(original), item.madeFrom as MadeFrom);
}

/** Of another original it is another copy: its digest tells. */
async function* madeAgain(original: Bytes, { by }: MadeFrom): Bytes {
  const chunks: Uint8Array[] = [];
  for await (const chunk of original) chunks.push(chunk);
  yield findConversion(by)?.convert(Buffer.concat(chunks)) ?? new Uint8Array();
}

/** One line of the timeline: how many copies, and how many items came alone, and why. */
function copyEvents({ tallies }: Making): NewEvent[] {
  const sum = (name: "copies" | LeftBecause): number => [...tallies.values()].reduce((total, tally) => total + tally[name], 0);
  const counted = (["copies", ...LEFT_AS_IT_IS] as const).map((name) => [name, sum(name)] as const).filter(([, count]) => count > 0);
  return counted.length === 0 ? [] : [{ kind: "copies_made", actor: "relais", details: Object.fromEntries(counted) }];
}
