import assert from "node:assert/strict";
import { test } from "node:test";
import { shared, timeOf } from "../src/limits.js";

test("a question under way is asked once, and anew when it has been answered", async () => {
  const answers: ((answer: number) => void)[] = [];
  const question = shared(() => new Promise<number>((resolve) => answers.push(resolve)));
  const all = Array.from({ length: 1000 }, () => question());
  assert.equal(answers.length, 1);
  answers[0]?.(7);
  assert.deepEqual(new Set(await Promise.all(all)), new Set([7]));
  const later = question();
  assert.equal(answers.length, 2);
  answers[1]?.(8);
  assert.equal(await later, 8);
});

test("a question that failed is asked again", async () => {
  let asked = 0;
  const question = shared(async () => {
    asked += 1;
    if (asked === 1) throw new Error("no host");
    return asked;
  });
  await assert.rejects(question(), /no host/);
  assert.equal(await question(), 2);
});

test("a request is open as long as the platform would have it, and a moment longer", () => {
  for (const [timeout, seconds] of [[undefined, 302], [1, 17], [60_000, 62], [10_000_000, 602], ["60000", 302]] as const) {
    assert.equal(timeOf({ timeout }), seconds * 1000);
  }
});
