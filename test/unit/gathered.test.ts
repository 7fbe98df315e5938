import assert from "node:assert/strict";
import { test } from "node:test";
import { RelaisError } from "../../src/core/errors.ts";
import { gathered } from "../../src/postgres/gathered.ts";

test("what is asked meanwhile goes together, and each gets its own answer", async () => {
  const statements: number[][] = [];
  const double = gathered<number, number>(async (numbers) => {
    statements.push(numbers);
    await new Promise((resolve) => void setTimeout(resolve, 5));
    return numbers.map((number) => number * 2);
  });
  const first = double(1);
  await new Promise((resolve) => void setImmediate(resolve));
  assert.deepEqual(await Promise.all([first, double(2), double(3)]), [2, 4, 6]);
  assert.deepEqual(statements, [[1], [2, 3]]);
  assert.equal(await double(4), 8, "and afterwards it goes on");
});

test("a question that the database cannot take fails nobody else's", async () => {
  const ask = gathered<string, string>(async (names) => {
    if (names.includes("broken")) throw new Error("cannot be read");
    return names.map((name) => name.toUpperCase());
  });
  const answers = await Promise.allSettled(["a", "broken", "b"].map(ask));
  assert.deepEqual(
    answers.map((one) => (one.status === "fulfilled" ? one.value : String(one.reason))),
    ["A", "Error: cannot be read", "B"],
  );
});

test("more than fit in one statement are several", async () => {
  const sizes: number[] = [];
  const ask = gathered<number, number>(async (numbers) => {
    sizes.push(numbers.length);
    return numbers;
  });
  const numbers = Array.from({ length: 250 }, (_, index) => index);
  assert.deepEqual(await Promise.all(numbers.map(ask)), numbers);
  assert.deepEqual(sizes, [100, 100, 50]);
});

test("of a database that went away nobody knows what it did: nothing is asked again", async () => {
  let asked = 0;
  const ask = gathered<number, number>(async () => {
    asked += 1;
    throw new RelaisError("unavailable", "The database does not answer.");
  });
  const answers = await Promise.allSettled([ask(1), ask(2), ask(3)]);
  assert.ok(answers.every((one) => one.status === "rejected" && (one.reason as RelaisError).code === "unavailable"));
  assert.equal(asked, 1);
});
