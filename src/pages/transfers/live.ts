import { setTimeout as sleep } from "node:timers/promises";
import { isTerminal } from "../../core/transfer/transfer.ts";
import type { Tongue } from "../tongue.ts";
import { progressOf, revisionOf, tagOf, type Story } from "./view.ts";

const POLL_MILLISECONDS = 500;
const HEARTBEAT_MILLISECONDS = 15_000;
/** A stream ends by itself after a while, and the browser opens it again: a server that drains waits for none for long. */
const LONGEST_MILLISECONDS = 5 * 60_000;

/**
 * What a transfer's page needs to stay true, as server-sent events (WHATWG HTML §9.2). `progress` comes when something changed;
 * its `revision` changes when the page has more to say than numbers. `ended` is the last one.
 */
export async function* liveEvents(tongue: Tongue, read: () => Promise<Story>, signal: AbortSignal): AsyncGenerator<string> {
  const start = performance.now();
  let said = "";
  let spokeAt = start;
  yield "retry: 2000\n\n";
  while (!signal.aborted && performance.now() - start < LONGEST_MILLISECONDS) {
    const story = await read();
    const data = JSON.stringify(newsOf(tongue, story));
    if (data !== said) {
      yield `event: progress\ndata: ${data}\n\n`;
      [said, spokeAt] = [data, performance.now()];
    } else if (performance.now() - spokeAt > HEARTBEAT_MILLISECONDS) {
      yield ": still here\n\n";
      spokeAt = performance.now();
    }
    if (isTerminal(story.transfer.state)) return yield "event: ended\ndata: {}\n\n";
    await sleep(POLL_MILLISECONDS, undefined, { signal }).catch(() => undefined);
  }
}

export function newsOf(tongue: Tongue, story: Story) {
  const { text, rows } = progressOf(tongue, story);
  return {
    revision: revisionOf(story),
    state: tagOf(tongue, story.transfer.state).text,
    text,
    rows: rows.map(({ dataset, value, max, text: said }) => ({ dataset, value, max, text: said })),
  };
}
