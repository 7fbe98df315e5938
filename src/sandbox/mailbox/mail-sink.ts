import { once } from "node:events";
import { text } from "node:stream/consumers";
import { callbackify } from "node:util";
import { SMTPServer } from "smtp-server";
import { readLetter, type Letter } from "./letter.ts";

/** A letter that somebody would have got. */
export interface KeptLetter extends Letter {
  id: number;
  at: Date;
  to: string;
}

export interface MailSink extends AsyncDisposable {
  /** Newest first. */
  list(): readonly KeptLetter[];
  find(id: number): KeptLetter | null;
}

/** In memory alone, so that an address that somebody tries with is nowhere once the sandbox stops. */
const MOST = 200;
const MOST_BYTES = 1_000_000;
const THIS_MACHINE = "127.0.0.1";

/** Takes every mail for everybody and hands none on. It listens on this machine alone, in the clear. */
export async function startMailSink(port: number): Promise<MailSink> {
  const letters: KeptLetter[] = [];
  let last = 0;
  const server = new SMTPServer({
    disabledCommands: ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    logger: false,
    size: MOST_BYTES,
    onData: (stream, { envelope }, done) => {
      const take = async (): Promise<void> => {
        const letter = readLetter(await text(stream));
        for (const { address } of envelope.rcptTo) letters.unshift({ id: ++last, at: new Date(), to: address, ...letter });
        letters.splice(MOST);
      };
      callbackify(take)((failure: Error | null) => done(failure));
    },
  });
  // Who hangs up in the middle of a mail sends it again.
  server.on("error", () => undefined);
  server.listen(port, THIS_MACHINE);
  await once(server.server, "listening");
  return {
    list: () => letters,
    find: (id) => letters.find((one) => one.id === id) ?? null,
    [Symbol.asyncDispose]: () => new Promise<void>((ended) => server.close(() => ended())),
  };
}
