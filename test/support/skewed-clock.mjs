// Preloaded (`node --import`): this process believes that it is later than it is, by CLOCK_SKEW_MILLISECONDS, or by what CLOCK_SKEW_FILE says at the moment,
// which is a step of its clock while it runs. The file is read whenever the time is asked, so that a step is there for all that comes after it.
// Timers keep their pace.
import { readFileSync } from "node:fs";

const { CLOCK_SKEW_FILE: file, CLOCK_SKEW_MILLISECONDS: milliseconds = "0" } = process.env;
const skew = file === undefined ? () => Number(milliseconds) : () => Number(readFileSync(file, "utf8"));
const RealDate = Date;

globalThis.Date = class Date extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(Date.now());
    else super(...parts);
  }
  static now() {
    return RealDate.now() + skew();
  }
};
