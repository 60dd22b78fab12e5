import assert from "node:assert/strict";
import { test } from "node:test";
import { Problems } from "../src/problems.js";

function problems(kept: Record<string, unknown> = {}): { problems: Problems; changes: () => number } {
  let count = 0;
  const storage = {
    get: async (key: string) => (key in kept ? { [key]: kept[key] } : {}),
    set: async (items: Record<string, unknown>) => void Object.assign(kept, items),
  };
  return { problems: new Problems(storage, async () => void (count += 1)), changes: () => count };
}

test("a problem is unread until the popup was opened, and stays the last one after that", async () => {
  const { problems: noted, changes } = problems();
  assert.deepEqual(await noted.read(), { last: null, unread: null });
  await noted.met("no prompt");
  assert.deepEqual(await noted.read(), { last: "no prompt", unread: "no prompt" });
  await noted.seen();
  assert.deepEqual(await noted.read(), { last: "no prompt", unread: null });
  assert.equal(changes(), 2, "the icon follows");
});

test("what was read already is not news when its request ends, and another problem is", async () => {
  const { problems: noted } = problems();
  await noted.met("no prompt");
  await noted.seen();
  await noted.met("no prompt");
  assert.equal((await noted.read()).unread, null);
  await noted.met("the site wants a security key");
  assert.equal((await noted.read()).unread, "the site wants a security key");
});

test("once it works again there is no problem", async () => {
  const { problems: noted } = problems();
  await noted.met("no prompt");
  await noted.over();
  assert.deepEqual(await noted.read(), { last: null, unread: null });
});

test("a worker that wakes up knows the problem, and a request that works where none was noted bothers nobody", async () => {
  const kept = {};
  await problems(kept).problems.met("no prompt");
  const { problems: woken, changes } = problems(kept);
  assert.equal((await woken.read()).unread, "no prompt");
  await woken.over();
  await woken.over();
  assert.equal(changes(), 1);
});
