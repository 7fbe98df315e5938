// Keeps the page of one transfer true while it is open. Without it, the page has a link that refreshes.
const SPEAK_EVERY = 10_000;
const place = document.querySelector("[data-live][data-events]");
const voice = document.querySelector("[data-said]");
let spokenAt = 0;
let pending = null;
// The page may be older than the first news.
let revision = place?.dataset.revision;
let stream = null;

function find(name, value) {
  return [...document.querySelectorAll(`[data-${name}]`)].find((element) => value === undefined || element.dataset[name] === value);
}

function show(news) {
  const total = find("total");
  if (total) total.textContent = news.text;
  for (const row of news.rows) {
    const line = find("dataset", row.dataset);
    if (!line) continue;
    const bar = line.querySelector("progress");
    bar.max = row.max;
    bar.value = row.value;
    line.querySelector("[data-text]").textContent = row.text;
  }
}

// Somebody who listens hears the newest news, at most once every ten seconds.
function speak(text) {
  clearTimeout(pending);
  const wait = Math.max(0, spokenAt + SPEAK_EVERY - Date.now());
  pending = setTimeout(() => {
    spokenAt = Date.now();
    voice.textContent = text;
  }, wait);
}

// New words come from the server's own page, so that there is one way to say them. What a person is on is not taken away under them.
async function renew() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("[data-live]");
  const old = document.querySelector("[data-live]");
  if (!fresh || !old) return;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const isPause = focused?.matches(".rl-pause") ?? false;
  if (focused && !isPause) return focused.addEventListener("blur", renew, { once: true });
  old.replaceWith(document.adoptNode(fresh));
  addPause();
  if (isPause) (document.querySelector(".rl-pause") ?? document.querySelector(".govuk-back-link"))?.focus();
}

function listen() {
  stream = new EventSource(place.dataset.events);
  stream.addEventListener("progress", (event) => {
    const news = JSON.parse(event.data);
    show(news);
    speak(`${news.state}. ${news.text}`);
    if (revision !== news.revision) renew();
    revision = news.revision;
  });
  stream.addEventListener("ended", () => {
    stream.close();
    stream = null;
    renew();
  });
}

function addPause() {
  const refresh = find("refresh");
  if (!refresh) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "rl-pause";
  button.textContent = stream ? place.dataset.pause : place.dataset.resume;
  button.addEventListener("click", () => {
    if (stream) {
      stream.close();
      stream = null;
    } else listen();
    button.textContent = stream ? place.dataset.pause : place.dataset.resume;
  });
  refresh.replaceChildren(button);
}

if (place && "EventSource" in window) {
  listen();
  addPause();
}
