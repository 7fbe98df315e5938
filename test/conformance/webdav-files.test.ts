import assert from "node:assert/strict";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { webdav } from "../../adapters/webdav/index.ts";
import type { Opening } from "../../src/core/transfer/adapter.ts";
import { networkFor, type Outbound } from "../../src/net/network.ts";
import { openingFor } from "../support/adapter-opening.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { startApache, WEBDAV_PASSWORD, WEBDAV_USER } from "../support/webdav-server.ts";

let server: ServerProcess;
let network: Outbound;
let opening: Opening;
let home = "";

before(async () => {
  server = await startApache();
  network = networkFor({ allowLoopback: true });
  const credentials = { kind: "basic", user: WEBDAV_USER, password: WEBDAV_PASSWORD } as const;
  opening = await openingFor(network, {
    adapter: "webdav",
    url: server.url,
    endpoints: { root: server.url },
    account: "Camille & co",
    credentials,
  });
  home = join(server.folder, "data", "Camille & co");
  await mkdir(join(home, "Photos", "été 2024"), { recursive: true });
  await mkdir(join(home, "empty"));
  await writeFile(join(home, "Photos", "été 2024", "plage n°1.jpg"), "sea");
  await writeFile(join(home, "note.txt"), "note");
  await writeFile(join(home, "back\\slash.txt"), "x");
  await writeFile(join(server.folder, "data", "another person.txt"), "not hers");
});
after(async () => {
  await network[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

test("a person's own folder is the data set `files`, and nothing outside it", async () => {
  await using source = await webdav.openSource(opening);
  assert.deepEqual(await source.inventory(), [{ dataset: "files", items: 3, bytes: 7 }]);
  const { items, omissions, next } = await source.list("files", null);
  assert.deepEqual(
    items.map(({ key, mediaType, bytes }) => [key, mediaType, bytes]),
    [
      ["Photos/été 2024/plage n°1.jpg", "image/jpeg", 3],
      ["note.txt", "text/plain", 4],
    ],
  );
  assert.deepEqual(omissions, [{ dataset: "files", key: "back\\slash.txt", reason: "unsafe_name" }]);
  assert.equal(next, null);
});

test("a link that leads back into its own folder ends", async () => {
  await symlink("..", join(home, "Photos", "loop"));
  await using source = await webdav.openSource(opening);
  const [count] = await source.inventory();
  assert.ok(count?.items !== null && count !== undefined && count.items < 200);
});

test("erasing never touches the person's own files", async () => {
  await using source = await webdav.openSource(opening);
  await source.erase(["files"]);
  assert.equal(await readFile(join(home, "note.txt"), "utf8"), "note");
});

test("a folder named with `..` is refused", async () => {
  await assert.rejects(webdav.openSource({ ...opening, account: "alice/../bob" }), { code: "invalid" });
});
