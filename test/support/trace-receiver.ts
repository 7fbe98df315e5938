import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface Value {
  stringValue?: string;
  intValue?: number | string;
  doubleValue?: number;
}

export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string | null;
  name: string;
  kind: number;
  facts: Record<string, string | number>;
  links: { traceId: string; spanId: string }[];
  hasFailed: boolean;
  roles: string;
}

/** Takes traces as OTLP over HTTP in JSON, and keeps every byte. */
export interface TraceReceiver extends AsyncDisposable {
  url: string;
  spans(): ReceivedSpan[];
  /** All that came, as it came, headers too. */
  text(): string;
}

interface Sent {
  resourceSpans: {
    resource: { attributes: { key: string; value: { arrayValue?: { values: Value[] } } }[] };
    scopeSpans: {
      spans: {
        traceId: string;
        spanId: string;
        parentSpanId?: string;
        name: string;
        kind: number;
        attributes?: { key: string; value: Value }[];
        links?: { traceId: string; spanId: string }[];
        status?: { code?: number };
      }[];
    }[];
  }[];
}

/** `answer` decides what is said to each request; it is asked with the number of requests so far. */
export async function startTraceReceiver(answer: (count: number) => number = () => 200): Promise<TraceReceiver> {
  const bodies: string[] = [];
  const heads: string[] = [];
  let count = 0;
  const take = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const status = answer(++count);
    heads.push(`${req.method} ${req.url} ${JSON.stringify(req.headers)}`);
    if (status === 200) bodies.push(Buffer.concat(chunks).toString("utf8"));
    res.writeHead(status, { "content-type": "application/json" }).end("{}");
  };
  const server = createServer((req, res) => void take(req, res).catch(() => res.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: () => bodies.flatMap((body) => spansIn(JSON.parse(body) as Sent)),
    text: () => [...heads, ...bodies].join("\n"),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function spansIn({ resourceSpans }: Sent): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const roles = resource.attributes.find(({ key }) => key === "relais.roles")?.value.arrayValue?.values ?? [];
    return scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId || null,
        name: span.name,
        kind: span.kind,
        facts: Object.fromEntries((span.attributes ?? []).map(({ key, value }) => [key, valueOf(value)])),
        links: span.links ?? [],
        hasFailed: span.status?.code === 2,
        roles: roles.map(({ stringValue }) => stringValue).join(","),
      })),
    );
  });
}

function valueOf({ stringValue, intValue, doubleValue }: Value): string | number {
  return stringValue ?? Number(intValue ?? doubleValue);
}
