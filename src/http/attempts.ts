import { RelaisError } from "../core/errors.ts";
import type { Clock } from "../core/ports.ts";

/** One attempt of anybody, at something that makes us reach out. @throws RelaisError `rate_limited`. */
export type Attempt = () => void;

/** At most so many attempts in so many seconds, for this process, whoever makes them and however they end. */
export function attemptsOf({ now }: Pick<Clock, "now">, { most, seconds }: { most: number; seconds: number }): Attempt {
  let times: number[] = [];
  return () => {
    const at = now().getTime();
    times = times.filter((time) => time > at - seconds * 1000);
    if (times.length >= most)
      throw new RelaisError("rate_limited", "Many ask for this at the moment. Try again in a minute.", { retryAfter: seconds });
    times.push(at);
  };
}
