import { execFileSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { createServer, request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";

/** A self-signed certificate and its key, made by openssl. */
export interface TestCertificate {
  cert: string;
  key: string;
  /** base64 of its DER, as in `x5c`. */
  der: string;
  /** `x5t#S256`. */
  hash: string;
  jwk: Record<string, unknown>;
}

export function selfSigned(folder: string, name: string): TestCertificate {
  const [keyFile, certFile] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const subject = ["-subj", `/CN=${name}`, "-days", "2", "-addext", "subjectAltName=IP:127.0.0.1"];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  execFileSync("openssl", ["req", "-x509", ...curve, "-keyout", keyFile, "-out", certFile, ...subject], { stdio: "ignore" });
  const cert = readFileSync(certFile, "utf8");
  const { raw, publicKey } = new X509Certificate(cert);
  return {
    cert,
    key: readFileSync(keyFile, "utf8"),
    der: raw.toString("base64"),
    hash: createHash("sha256").update(raw).digest("base64url"),
    jwk: publicKey.export({ format: "jwk" }),
  };
}

export interface TlsFront extends AsyncDisposable {
  origin: string;
}

/** How a proxy writes the certificate: RFC 9440, or as nginx does. */
export const WRITTEN = {
  rfc9440: (der: Buffer) => `:${der.toString("base64")}:`,
  nginx: (der: Buffer) =>
    encodeURIComponent(`-----BEGIN CERTIFICATE-----\n${der.toString("base64").replace(/(.{64})/g, "$1\n")}\n-----END CERTIFICATE-----\n`),
};

/** A proxy that asks every client for a certificate, takes any, and hands it on in `client-cert`: what others sent under this name it takes away. */
export async function startTlsFront(target: string, own: TestCertificate, written: (der: Buffer) => string): Promise<TlsFront> {
  const server = createServer({ cert: own.cert, key: own.key, requestCert: true, rejectUnauthorized: false }, (req, res) => {
    const { raw } = (req.socket as TLSSocket).getPeerCertificate() as { raw?: Buffer };
    const { "client-cert": _forged, ...headers } = req.headers;
    const passed = { ...headers, ...(raw === undefined ? {} : { "client-cert": written(raw) }) };
    const onward = httpRequest(`${target}${req.url}`, { method: req.method ?? "GET", headers: passed }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(res);
    });
    onward.on("error", () => res.writeHead(502).end());
    req.pipe(onward);
  });
  await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  return {
    origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

interface TlsCall {
  front: { cert: string };
  by: TestCertificate | null;
  method?: string;
  form?: Record<string, string>;
  headers?: Record<string, string>;
}

export function overTls(
  url: string,
  { front, by, method = "POST", form, headers = {} }: TlsCall,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: Record<string, unknown> }>();
  const typed = form === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" };
  const own = by === null ? {} : { cert: by.cert, key: by.key };
  const sent = httpsRequest(
    url,
    { method, ca: front.cert, agent: false, headers: { accept: "application/json", ...typed, ...headers }, ...own },
    (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("end", () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: answer.statusCode ?? 0, body: (text.startsWith("{") ? JSON.parse(text) : { text }) as Record<string, unknown> });
      });
    },
  );
  sent.on("error", reject);
  sent.end(form === undefined ? undefined : new URLSearchParams(form).toString());
  return promise;
}
