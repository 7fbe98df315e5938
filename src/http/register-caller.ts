import type { Request } from "express";
import { noteAccess } from "../core/person/note-access.ts";
import type { CallerTokens, Ports } from "../core/ports.ts";
import type { RegisterCaller } from "../core/register/register-caller.ts";

/** Who acts in the register, by a token of its own key. What the authority looks at is written down. */
export async function registerCallerOf(
  ports: Pick<Ports, "store" | "clock" | "issuer"> & { callers: CallerTokens },
  req: Request,
): Promise<RegisterCaller> {
  const caller = await ports.callers.verifyRegister({
    peer: { address: req.socket.remoteAddress, header: (name) => req.get(name) },
    authorization: req.get("authorization"),
    dpop: req.get("dpop"),
    method: req.method,
    url: `${ports.issuer}${req.originalUrl.split("?")[0]}`,
  });
  if (caller.kind === "authority")
    await ports.store.write((w) =>
      w.cases.addAuthorityView({ viewer: caller.name, what: `${req.method} ${req.path}`, at: ports.clock.now() }),
    );
  await noteAccess(ports, caller, `${req.method} ${req.path}`);
  return caller;
}
