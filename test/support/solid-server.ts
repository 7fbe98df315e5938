import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { freePort } from "./ports.ts";
import { startProcess, temporaryFolder, type ServerProcess } from "./server-process.ts";

const EMAIL = "camille@pods.example";
const PASSWORD = "not a secret";

export interface SolidServer extends ServerProcess {
  pod: string;
  clientId: string;
  clientSecret: string;
}

/** A Community Solid Server on files, with one person, one pod, and client credentials of that person. */
export async function startSolidServer(): Promise<SolidServer> {
  const port = await freePort();
  const folder = await temporaryFolder("solid");
  const url = `http://localhost:${port}/`;
  await mkdir(join(folder, "data"));
  await writeFile(join(folder, "seed.json"), JSON.stringify([{ email: EMAIL, password: PASSWORD, pods: [{ name: "camille" }] }]));
  const bin = join(dirname(createRequire(import.meta.url).resolve("@solid/community-server/package.json")), "bin/server.js");
  const args = [
    bin,
    "-c",
    "@css:config/file.json",
    "-p",
    String(port),
    "-b",
    url,
    "-f",
    join(folder, "data"),
    "-l",
    "error",
    "--seedConfig",
    join(folder, "seed.json"),
  ];
  const server = await startProcess(process.execPath, args, { url, folder, seconds: 90 });
  return { ...server, pod: `${url}camille/`, ...(await makeCredentials(url)) };
}

async function makeCredentials(url: string): Promise<{ clientId: string; clientSecret: string }> {
  const index = await json(`${url}.account/`);
  const login = await json(index.controls.password.login, { email: EMAIL, password: PASSWORD });
  const authorization = `CSS-Account-Token ${login.authorization}`;
  const { controls } = await json(`${url}.account/`, undefined, authorization);
  const webId = `${url}camille/profile/card#me`;
  const { id, secret } = await json(controls.account.clientCredentials, { name: "relais", webId }, authorization);
  return { clientId: id, clientSecret: secret };
}

// The shape of the account API is the server's own; a wrong member fails the start.
// oxlint-disable-next-line typescript/no-explicit-any
async function json(url: string, body?: object, authorization?: string): Promise<any> {
  const answer = await fetch(url, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(authorization === undefined ? {} : { authorization }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
  return answer.json();
}
