import assert from "node:assert/strict";
import { test } from "node:test";
import { PageWatch, type Frame } from "../src/page.js";

function watch(): { page: PageWatch; gone: () => number } {
  let count = 0;
  return { page: new PageWatch(() => (count += 1)), gone: () => count };
}
const top: Frame = { tabId: 1, frameId: 0 };
const inner: Frame = { tabId: 1, frameId: 7 };

test("the page has gone with its tab, and that is said once", () => {
  const { page, gone } = watch();
  page.found([top]);
  page.closed(2);
  assert.equal(gone(), 0);
  page.closed(1);
  page.closed(1);
  assert.equal(gone(), 1);
});

test("a frame that leaves takes what is inside it along, not what is around it", () => {
  const { page, gone } = watch();
  page.found([top, inner]);
  page.left(inner);
  assert.equal(gone(), 0);
  page.left(top);
  assert.equal(gone(), 1);
  const other = watch();
  other.page.found([inner]);
  other.page.left({ tabId: 1, frameId: 8 });
  assert.equal(other.gone(), 0);
  other.page.left(top);
  assert.equal(other.gone(), 1);
});

test("of several possible pages, the last one counts", () => {
  const { page, gone } = watch();
  page.found([top, { tabId: 2, frameId: 0 }]);
  page.closed(1);
  assert.equal(gone(), 0);
  page.left({ tabId: 2, frameId: 0 });
  assert.equal(gone(), 1);
});

test("what goes while it is being looked up is not missed", () => {
  const { page, gone } = watch();
  page.closed(1);
  assert.equal(gone(), 0);
  page.found([top]);
  assert.equal(gone(), 1);
});

test("where no page was found, nothing is said", () => {
  const { page, gone } = watch();
  page.found([]);
  page.closed(1);
  assert.equal(gone(), 0);
});
