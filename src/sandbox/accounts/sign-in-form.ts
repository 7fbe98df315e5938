import type { Language, Words } from "../../core/catalogue/data-set.ts";
import { escaped } from "../pages/page.ts";

const TEXTS = {
  fr: {
    email: "Adresse e-mail",
    password: "Mot de passe",
    send: "Se connecter",
    error: "L’adresse ou le mot de passe ne convient pas. Les deux sont sur la page d’accueil du bac à sable.",
    note: "Bac à sable : ces personnes n’existent pas.",
    cancel: "Je n’ai pas de compte ici : revenir en arrière",
  },
  en: {
    email: "E-mail address",
    password: "Password",
    send: "Sign in",
    error: "The address or the password is not right. Both are on the sandbox's home page.",
    note: "Sandbox: these people do not exist.",
    cancel: "I have no account here: go back",
  },
} as const satisfies Record<Language, object>;

export interface SignInForm {
  language: Language;
  settings: { name: string; title: Words };
  action: string;
  /** Where whoever has no account goes back to; unset where nobody sent them here. */
  cancel?: string;
  /** True after a wrong pair. */
  refused: boolean;
  email?: unknown;
}

/** A form that works without JavaScript; after a refusal the message is tied to its fields. */
export function signInForm({ language, settings, action, cancel, refused, email }: SignInForm): string {
  const text = TEXTS[language];
  const described = refused ? ' aria-describedby="refused" aria-invalid="true"' : "";
  return `<h1>${escaped(settings.name)}</h1>
<p>${escaped(settings.title[language])}</p>
${refused ? `<p id="refused" class="error" role="alert">${text.error}</p>` : ""}
<form method="post" action="${escaped(action)}">
<label for="email">${text.email}</label>
<input id="email" name="email" type="email" autocomplete="username" required value="${escaped(typeof email === "string" ? email : "")}"${described}>
<label for="password">${text.password}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required${described}>
<p><button type="submit">${text.send}</button></p>
</form>
${cancel === undefined ? "" : `<p><a href="${escaped(cancel)}">${text.cancel}</a></p>`}
<p class="note">${text.note}</p>`;
}
