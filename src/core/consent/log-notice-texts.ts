import type { Ports, Writer } from "../ports.ts";
import type { NoticeText } from "./notice-text.ts";

type Unlogged = Omit<NoticeText, "logIndex">;

/**
 * Tells in the public log which texts are published: language, version and hash, so that whoever was shown one can check that everybody else who
 * is asked in this version and language is shown the same. Each once, by any number of processes.
 */
export async function logTexts(w: Writer, texts: readonly Unlogged[], at: Date): Promise<NoticeText[]> {
  const claimed: Unlogged[] = [];
  for (const text of texts) if (await w.wording.claimEntry(text)) claimed.push(text);
  const first = await w.log.appendAll(
    claimed.map(({ version, language, hash }) => ({ kind: "notice_text", at, body: { version, language, hash } })),
  );
  const logged = claimed.map((text, place) => ({ ...text, logIndex: first + place }));
  for (const text of logged) await w.wording.setEntry(text, text.logIndex);
  return logged;
}

/** Tells of the texts that came with the software, or were published before the log told of texts. */
export async function logNoticeTexts({ store, clock }: Pick<Ports, "store" | "clock">): Promise<void> {
  await store.write(async (w) => {
    const untold = (await w.noticeTexts.list()).filter(({ logIndex }) => logIndex === null);
    if (untold.length > 0) await logTexts(w, untold.toReversed(), clock.now());
  });
}
