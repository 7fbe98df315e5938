import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { RelaisError } from "../../src/core/errors.ts";
import { kindOfAddress } from "../../src/net/addresses.ts";
import type { Resolve } from "../../src/net/connector.ts";
import { networkFor } from "../../src/net/network.ts";

const ADDRESSES: [address: string, kind: string][] = [
  ["93.184.215.14", "public"],
  ["2606:2800:21f:cb07::1", "public"],
  ["127.0.0.1", "loopback"],
  ["::1", "loopback"],
  ["::ffff:127.0.0.1", "loopback"],
  ["0.0.0.0", "refused"],
  ["10.1.2.3", "refused"],
  ["172.16.0.1", "refused"],
  ["192.168.1.1", "refused"],
  ["169.254.169.254", "refused"],
  ["100.64.0.1", "refused"],
  ["fe80::1%eth0", "refused"],
  ["fd00::1", "refused"],
  ["64:ff9b::7f00:1", "refused"],
  ["2002:7f00:1::", "refused"],
  ["not an address", "refused"],
];

for (const [address, kind] of ADDRESSES) {
  test(`${address} is ${kind}`, () => assert.equal(kindOfAddress(address), kind));
}

/** Nine ways to write the machine itself. `localhost` ones go through the resolver, the others never reach it. */
const SPELLINGS = ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0x7f.1", "127.1", "localhost."];

const answers =
  (...addresses: string[]): Resolve =>
  (_name, done) =>
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );

const signal = new AbortController().signal;

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "answered",
    (error: unknown) => (error instanceof RelaisError ? error.code : String(error)),
  );
}

describe("a canary on loopback", () => {
  let canary: Server;
  let port = 0;
  let touched = 0;
  before(async () => {
    canary = createServer((_request, response) => response.end("reached"));
    canary.on("connection", () => touched++);
    await new Promise<void>((resolve) => canary.listen(0, "127.0.0.1", resolve));
    port = (canary.address() as AddressInfo).port;
  });
  after(() => new Promise((resolve) => canary.close(resolve)));

  for (const spelling of SPELLINGS) {
    test(`is not reached as ${spelling}`, async () => {
      await using network = networkFor({ allowLoopback: false, resolve: answers("127.0.0.1") });
      const url = `https://${spelling}:${port}`;
      assert.equal(await codeOf(network.fetchOrigin(url, signal)({ method: "GET", url })), "forbidden");
      assert.equal(touched, 0);
    });
  }

  test("is not reached by a name that has one private address among public ones", async () => {
    await using network = networkFor({ allowLoopback: false, resolve: answers("127.0.0.1", "93.184.215.14") });
    // The canary comes first: were the guard to fail, nothing would leave this machine.
    const url = `https://rebind.example:${port}`;
    assert.equal(await codeOf(network.fetchOrigin(url, signal)({ method: "GET", url })), "forbidden");
    assert.equal(touched, 0);
  });

  test("is reached where loopback is allowed: the guard is what refused above", async () => {
    await using network = networkFor({ allowLoopback: true, resolve: answers("127.0.0.1") });
    const url = `http://localhost:${port}/`;
    const answer = await network.fetchOrigin(url, signal)({ method: "GET", url });
    assert.equal(await answer.text(), "reached");
    assert.equal(touched, 1);
  });

  test("0.0.0.0 stays refused where loopback is allowed", async () => {
    await using network = networkFor({ allowLoopback: true });
    const url = `http://0.0.0.0:${port}/`;
    assert.equal(await codeOf(network.fetchOrigin(url, signal)({ method: "GET", url })), "forbidden");
  });
});
