import { inspect } from "node:util";
import type { TestEvent } from "node:test/reporters";

/** Lines of a failed test's reason that are worth reading at the end of a long run. */
const REASON_LINES = 24;

/** A reporter of the Node test runner that says only what failed, so that the end of a long run can say it again. */
export default async function* failures(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    if (event.type !== "test:fail") continue;
    const { name, file, line, details, skip, todo } = event.data;
    // A parent fails because a child did: the child says it.
    const isParent = (details.error as { failureType?: string }).failureType === "subtestsFailed";
    if (isParent || skip !== undefined || todo !== undefined) continue;
    const reason = inspect(details.error.cause ?? details.error)
      .split("\n")
      .slice(0, REASON_LINES);
    yield `${file ?? ""}:${line ?? ""} ${name}\n${reason.map((text) => `    ${text}\n`).join("")}`;
  }
}
