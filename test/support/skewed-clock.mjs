// Preloaded (`node --import`): this process believes that it is later than it is, by CLOCK_SKEW_MILLISECONDS, or by what CLOCK_SKEW_FILE says at the moment,
// which is a step of its clock while it runs. Timers keep their pace.
import { readFileSync } from "node:fs";

let skew = Number(process.env.CLOCK_SKEW_MILLISECONDS ?? 0);
const file = process.env.CLOCK_SKEW_FILE;
if (file !== undefined) {
  const read = () => (skew = Number(readFileSync(file, "utf8")));
  read();
  setInterval(read, 20).unref();
}
const RealDate = Date;

globalThis.Date = class Date extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(RealDate.now() + skew);
    else super(...parts);
  }
  static now() {
    return RealDate.now() + skew;
  }
};
