import { setTimeout as sleep } from "node:timers/promises";
import { EXIT, needed, print } from "./command.ts";
import { POLL_MILLISECONDS } from "./platform-application.ts";
import type { Call, Words } from "./platform-call.ts";
import type { RegisterClient } from "./register-client.ts";

interface Check {
  probe: string;
  outcome: string;
  detail: Words;
}

/** Whether it applied already or not: the register knows whom the key stands for. */
async function participantId(client: RegisterClient): Promise<string> {
  return (await client.get<{ participant: string | null }>("/v1/me")).participant ?? "";
}

export async function checks(call: Call): Promise<number> {
  const client = await call.client();
  const path = `/v1/participants/${await participantId(client)}/checks`;
  if (call.values.run) await client.send("POST", path);
  let found = await client.get<{ running: boolean; checks: Check[] }>(path);
  while (call.values.run && found.running) {
    await sleep(POLL_MILLISECONDS);
    found = await client.get(path);
  }
  print(
    call.values.json
      ? JSON.stringify(found, null, 2)
      : found.checks.map(({ probe, outcome, detail }) => `${outcome.padEnd(8)} ${probe.padEnd(32)} ${detail.en}`).join("\n"),
  );
  return found.checks.some(({ outcome }) => outcome === "failed") ? EXIT.checkFailed : EXIT.fine;
}

export async function challenge(call: Call): Promise<number> {
  const client = await call.client();
  const found = await client.get<{ value: string; well_known: string; dns_name: string }>(
    `/v1/participants/${await participantId(client)}/challenge`,
  );
  print(
    call.values.json
      ? JSON.stringify(found, null, 2)
      : `Publish this line at ${found.well_known}\nor as a TXT record of ${found.dns_name}:\n\n${found.value}`,
  );
  return EXIT.fine;
}

export async function invite(call: Call): Promise<number> {
  const client = await call.client();
  const found = await client.send<{ url: string; expires_at: string }>(
    "POST",
    `/v1/participants/${await participantId(client)}/invitations`,
  );
  print(
    call.values.json
      ? JSON.stringify(found, null, 2)
      : `Whoever opens this address first, signed in, acts for you. It works once, until ${found.expires_at}:\n\n${found.url}`,
  );
  return EXIT.fine;
}

export async function leave(call: Call): Promise<number> {
  const client = await call.client();
  const reasons = { fr: needed(call.values, "reason-fr"), en: needed(call.values, "reason-en") };
  const found = await client.send<{ decision: { id: string } }>("POST", `/v1/participants/${await participantId(client)}/departure`, {
    reasons,
  });
  print(
    call.values.json
      ? JSON.stringify(found, null, 2)
      : `${found.decision.id}: the accreditation was given back. Nothing is sent to you any more; people keep the way out.`,
  );
  return EXIT.fine;
}
