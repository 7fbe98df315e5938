import { asRelaisError } from "../../core/errors.ts";
import { asId } from "../../core/ids.ts";
import { localPath } from "../../core/person/local-path.ts";
import { makeRecoveryCodes, removePasskey, renamePasskey } from "../../core/person/ways-in.ts";
import { pathOf, type Answer, type PagesPorts, type PersonVisit } from "../visit.ts";
import { account } from "./account.ts";

const LONGEST_NAME = 60;

export async function nameAnew(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { personId, params, form, tongue } = visit;
  const id = asId("passkey", params["id"]);
  const name = form.one("name").replaceAll(/\p{C}/gu, " ").trim();
  if (name === "" || name.length > LONGEST_NAME)
    return account(ports, visit, [{ field: `name-${id}`, text: tongue.t("account.error.name") }]);
  await renamePasskey(ports, { personId, id, name });
  return { kind: "redirect", to: pathOf(visit, "/me/account?news=passkeyRenamed") };
}

export async function dropPasskey(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const id = asId("passkey", visit.params["id"]);
  try {
    await removePasskey(ports, { personId: visit.personId, id, ways: ports.ways ?? { providers: [], passkeys: "off" } });
    return { kind: "redirect", to: pathOf(visit, "/me/account?news=passkeyRemoved") };
  } catch (error) {
    if (asRelaisError(error).code !== "conflict") throw error;
    return account(ports, visit, [{ field: "passkeys", text: visit.tongue.t("account.error.last") }]);
  }
}

export function showCodes(_ports: PagesPorts, visit: PersonVisit): Answer {
  return codesPage(visit, null, localPath(visit.query.one("next")));
}

/** With where the person goes on to afterwards. */
export function pageOfCodes({ query, form }: PersonVisit): string {
  const next = localPath(query.one("next") || form.one("next"));
  return next === null ? "/me/account/codes" : `/me/account/codes?${new URLSearchParams({ next })}`;
}

/** Shown in this one answer; what is kept are digests. */
export async function makeCodes(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  return codesPage(visit, await makeRecoveryCodes(ports, visit.personId), localPath(visit.form.one("next")));
}

function codesPage(visit: PersonVisit, codes: string[] | null, next: string | null): Answer {
  const model = { codes, next: next ?? pathOf(visit, "/me/account") };
  return { kind: "page", template: "recovery-codes", title: visit.tongue.t("codes.title"), model };
}
