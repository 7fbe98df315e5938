import { RelaisError } from "../errors.ts";
import type { Writer } from "../ports.ts";
import { EDITABLE, type Application, type ApplicationId } from "./application.ts";
import { mustActFor, type RegisterCaller } from "./register-caller.ts";

/** The caller's own application, locked until the transaction ends. @throws RelaisError `not_found`. */
export async function lockOwn(w: Writer, caller: RegisterCaller, id: ApplicationId): Promise<Application> {
  const application = await w.cases.lockApplication(id);
  mustActFor(caller, application.participantId);
  return application;
}

/** @throws RelaisError `conflict` where nothing may be changed now. */
export async function lockEditable(w: Writer, caller: RegisterCaller, id: ApplicationId): Promise<Application> {
  const application = await lockOwn(w, caller, id);
  if (!EDITABLE.includes(application.state))
    throw new RelaisError(
      "conflict",
      `The application is ${application.state}: it can be changed while it is ${EDITABLE.join(", ")}. Wait for the result, or withdraw it.`,
      { actor: "platform" },
    );
  return application;
}
