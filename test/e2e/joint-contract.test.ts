import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Journey, type Traveller } from "../../src/cli/journey.ts";
import { startRelais, type RunningRelais } from "../support/relais.ts";

/**
 * On the running product, with the sandbox's energy holder: two people on one contract who both have to agree, and one whom the holder protects
 * from the other. What the holder says comes by the real sign-in there.
 */
let relais: RunningRelais;
before(async () => {
  relais = await startRelais({ withSolid: false });
});
after(() => relais[Symbol.asyncDispose]());

const HOLDER = "Énergie du Parc";
const SPACE = "Ancre";

/** Signed in at Relais, with both accounts proved, before the question that decides. */
async function traveller(id: string) {
  const people = (await (await fetch(`${relais.sandbox.home}/personas.json`)).json()) as (Traveller & { id: string })[];
  const journey = new Journey(relais.url, people.find((one) => one.id === id) as Traveller);
  await journey.signIn();
  return { journey, question: await journey.choose("/en/me/copy", HOLDER, SPACE, null) };
}

test("joint consent: nothing moves before the other holder of the contract has approved, then everything does", async () => {
  const [ines, paul] = [await traveller("ines"), await traveller("paul")];
  const waiting = await ines.journey.accept(ines.question);
  assert.match(waiting.url, /\/en\/permissions\/cst_\w+\?news=waiting$/);
  assert.match(waiting.text, /Another holder of the contract[\s\S]*Not answered yet/);
  const me = await paul.journey.read(`${relais.url}/en/me`);
  const asked = /\/en\/me\/contracts\/shared\/cst_\w+/.exec(me.text)?.[0] ?? assert.fail("nothing asks Paul");
  const shared = await paul.journey.read(relais.url + asked);
  assert.doesNotMatch(shared.text, /Inès/);
  await paul.journey.press(shared, "form.rl-choice button[value=approve]", { name: "answer", value: "approve" });
  const page = await ines.journey.transferPage(await ines.journey.read(waiting.url));
  let state = "";
  for await (const news of ines.journey.watch(page)) state = news.state;
  assert.match(state, /Verified/);
});

test("who is at risk shares alone: the transfer begins at once, and the other holder of the contract finds nothing", async () => {
  const [lucie, denis] = [await traveller("lucie"), await traveller("denis")];
  const pages = ["/en/me", "/en/me/contracts", "/en/permissions"];
  const look = async () => Promise.all(pages.map(async (path) => (await denis.journey.read(relais.url + path)).text));
  const before = await look();
  const after = await lucie.journey.accept(lucie.question);
  assert.match(after.url, /\/en\/me\/transfers\/trf_/);
  assert.deepEqual(await look(), before);
  const id = /trf_\w+/.exec(after.url)?.[0] ?? "";
  assert.ok((await look()).every((text) => !text.includes(id)));
});
