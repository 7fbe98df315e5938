// Passkeys: the dialog of the browser, between the options that Relais gives and the form that answers. Without it these forms stay hidden.
const { startRegistration, startAuthentication, browserSupportsWebAuthn } = SimpleWebAuthnBrowser;

for (const place of document.querySelectorAll("[data-passkey-place]")) {
  const name = browserSupportsWebAuthn() ? "passkeyForms" : "passkeyUnsupported";
  place.querySelector("[data-passkey-script]").hidden = true;
  for (const part of place.children) if (name in part.dataset) part.hidden = false;
}
for (const form of document.querySelectorAll("form[data-passkey]")) form.addEventListener("submit", (event) => ask(event, form));

async function ask(event, form) {
  event.preventDefault();
  const button = form.querySelector("button");
  const said = form.querySelector("[data-said]");
  said.hidden = true;
  button.disabled = true;
  try {
    form.elements.response.value = JSON.stringify(await answerTo(form));
    form.submit();
  } catch (error) {
    said.textContent = form.dataset[wordFor(error)];
    said.hidden = false;
    button.disabled = false;
  }
}

async function answerTo(form) {
  const { passkey: purpose } = form.dataset;
  const wish = { purpose, name: form.elements.name?.value ?? "", lang: form.elements.lang.value };
  const answer = await fetch("/passkeys/options", { method: "POST", body: new URLSearchParams(wish) });
  if (answer.status === 403) location.assign((await answer.json()).again);
  if (!answer.ok) throw new Error(String(answer.status));
  const optionsJSON = await answer.json();
  return purpose === "sign-in" || purpose === "again" ? startAuthentication({ optionsJSON }) : startRegistration({ optionsJSON });
}

function wordFor(error) {
  const names = { NotAllowedError: "cancelled", AbortError: "cancelled", InvalidStateError: "known" };
  return names[error.name] ?? names[error.cause?.name] ?? "failed";
}
