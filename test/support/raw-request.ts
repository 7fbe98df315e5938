import { request } from "node:http";

export interface RawAnswer {
  status: number;
  text: string;
  headers: Record<string, string | string[] | undefined>;
}

/** A request whose header fields go out as they are written: names in their letters, several of one name. */
export function rawRequest(
  url: string,
  {
    method = "GET",
    headers = [],
    body,
    localAddress,
  }: { method?: string; headers?: [string, string][]; body?: string; localAddress?: string },
): Promise<RawAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
  const flat = ["Host", new URL(url).host, ...headers.flat()];
  const sent = request(url, { method, headers: flat, agent: false, ...(localAddress === undefined ? {} : { localAddress }) }, (answer) => {
    const parts: Buffer[] = [];
    answer.on("data", (part: Buffer) => parts.push(part));
    answer.on("error", reject);
    answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString(), headers: answer.headers }));
  });
  sent.on("error", reject);
  sent.end(body);
  return promise;
}
