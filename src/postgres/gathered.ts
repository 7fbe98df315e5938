import { asRelaisError } from "../core/errors.ts";

/** Most questions in one statement. */
const MOST = 100;

interface Asked<Q, A> {
  question: Q;
  resolve: (answer: A) => void;
  reject: (reason: unknown) => void;
}

/**
 * Many callers' questions of one kind as few statements: what is asked while a statement is under way goes with the next one, together. Under little
 * load each goes at once and alone; under much load the way to the database is paid once for many. No answer is older than its question.
 *
 * A statement that fails is asked again for each question alone, so that one which the database cannot take fails nobody else's: `ask` must change
 * nothing where it throws. Only of a database that went away (`unavailable`) nobody knows what it did: nothing is asked again then.
 * `ask` answers in the order of the questions.
 */
export function gathered<Q, A>(ask: (questions: Q[]) => Promise<A[]>): (question: Q) => Promise<A> {
  const waiting: Asked<Q, A>[] = [];
  let underWay = false;
  const carry = async (): Promise<void> => {
    while (waiting.length > 0) await answerAll(ask, waiting.splice(0, MOST));
    underWay = false;
  };
  return (question) =>
    new Promise<A>((resolve, reject) => {
      waiting.push({ question, resolve, reject });
      if (underWay) return;
      underWay = true;
      // Whoever asks in the same turn of the loop goes along.
      setImmediate(() => void carry());
    });
}

async function answerAll<Q, A>(ask: (questions: Q[]) => Promise<A[]>, batch: Asked<Q, A>[]): Promise<void> {
  try {
    const answers = await ask(batch.map(({ question }) => question));
    batch.forEach(({ resolve }, index) => resolve(answers[index] as A));
  } catch (reason) {
    const isKnown = asRelaisError(reason).code !== "unavailable";
    if (batch.length === 1 || !isKnown) return batch.forEach(({ reject }) => reject(reason));
    await Promise.all(batch.map((one) => answerAll(ask, [one])));
  }
}
