export interface CookiePage {
  status: number;
  location: string | null;
  text: string;
}

/** A browser without a screen: one jar of cookies for a host, whatever the port, and it says where a form comes from. */
export interface CookieBrowser {
  get(url: string): Promise<CookiePage>;
  post(url: string, form: Record<string, string>, headers?: Record<string, string>): Promise<CookiePage>;
  cookie(name: string): string | undefined;
  set(name: string, value: string): void;
}

export function cookieBrowser(): CookieBrowser {
  const jar = new Map<string, string>();
  const send = async (url: string, init: RequestInit, headers: Record<string, string>): Promise<CookiePage> => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, {
      ...init,
      redirect: "manual",
      headers: { "accept-language": "en", accept: "text/html", ...(cookie === "" ? {} : { cookie }), ...headers },
    });
    for (const line of response.headers.getSetCookie()) keep(jar, line);
    const location = response.headers.get("location");
    return { status: response.status, location: location === null ? null : new URL(location, url).href, text: await response.text() };
  };
  return {
    get: (url) => send(url, {}, {}),
    post: (url, form, headers = { "sec-fetch-site": "same-origin" }) =>
      send(url, { method: "POST", body: new URLSearchParams(form) }, headers),
    cookie: (name) => jar.get(name),
    set: (name, value) => void jar.set(name, value),
  };
}

function keep(jar: Map<string, string>, line: string): void {
  const [pair = "", ...attributes] = line.split("; ");
  const [name = "", value = ""] = pair.split("=", 2);
  if (value === "" || attributes.some((attribute) => /^expires=Thu, 01 Jan 1970/i.test(attribute))) jar.delete(name);
  else jar.set(name, value);
}
