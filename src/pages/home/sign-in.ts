import type { WaysIn } from "../../core/person/ways-in.ts";
import type { Tongue } from "../tongue.ts";

const ONE_PROVIDER: WaysIn = { providers: [{ id: "default", issuer: "", name: null }], passkeys: "off" };

/** Every way in that this installation offers, providers first: they work without JavaScript. */
export function viewOfSignIn(tongue: Tongue, { providers, passkeys }: WaysIn = ONE_PROVIDER, next: string) {
  return { providers: signInButtons(tongue, providers, { next }), passkeys, next };
}

export function signInButtons({ t, lang }: Tongue, providers: WaysIn["providers"], query: Record<string, string>) {
  return providers.map(({ id, name }) => ({
    text: name === null ? t("signIn.button") : t("signIn.with", { name }),
    href: `/sign-in/start?${new URLSearchParams({ ...query, lang, ...(id === "default" ? {} : { provider: id }) })}`,
  }));
}
