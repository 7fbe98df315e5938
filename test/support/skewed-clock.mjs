// Preloaded (`node --import`): this process believes that it is CLOCK_SKEW_MILLISECONDS later than it is. Timers keep their pace.
const skew = Number(process.env.CLOCK_SKEW_MILLISECONDS);
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
