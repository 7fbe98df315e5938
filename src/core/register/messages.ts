import { RelaisError } from "../errors.ts";
import type { Ports } from "../ports.ts";
import type { ApplicationId, Message } from "./application.ts";
import { mustActFor, type RegisterCaller } from "./register-caller.ts";

const LONGEST = 4000;

/** A message about an application, between its participant and the accreditors. Appeals are made here. */
export async function sendMessage(
  ports: Pick<Ports, "store" | "clock">,
  caller: RegisterCaller,
  id: ApplicationId,
  text: string,
): Promise<Message> {
  if (text.trim() === "" || text.length > LONGEST)
    throw new RelaisError("invalid", `A message has 1 to ${LONGEST} characters.`, { pointers: ["/text"] });
  return ports.store.write(async (w) => {
    const application = await w.accreditations.getApplication(id);
    if (caller.kind !== "accreditor") mustActFor(caller, application.participantId);
    const author = caller.kind === "accreditor" ? "accreditor" : "participant";
    const message: Message = { applicationId: id, author, name: caller.name, text: text.trim(), at: ports.clock.now() };
    await w.cases.addMessage(message);
    return message;
  });
}
