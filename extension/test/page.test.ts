import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, Rank, type Place } from "../src/page.js";

const place = (documentId: string, rank: Rank): Place => ({ documentId, rank });

test("a request comes from the page in front, where that has one", () => {
  const page = new Page();
  assert.ok(page.look([place("behind", Rank.Behind), place("front", Rank.Front), place("beside", Rank.Shown)]));
  assert.equal(page.rank, Rank.Front);
  // The tab is closed, and another window shows the same site.
  assert.ok(!page.look([place("behind", Rank.Behind), place("beside", Rank.Front)]));
});

test("a frame that is taken away is gone, whatever stays around it", () => {
  const page = new Page();
  assert.ok(page.look([place("frame", Rank.Front)]));
  assert.ok(!page.look([place("another", Rank.Front)]));
  assert.ok(!page.look([]));
});

test("of several possible documents, the last one counts", () => {
  const page = new Page();
  page.look([place("one", Rank.Front), place("two", Rank.Front)]);
  assert.ok(page.look([place("two", Rank.Behind)]));
  assert.equal(page.rank, Rank.Behind);
  assert.ok(page.doubtful, "the other one may have asked");
  assert.ok(!page.look([place("three", Rank.Front)]));
});

test("a page that was not looked for yet is held", () => {
  assert.equal(new Page().rank, Rank.Behind);
});

test("a page that cannot be found is neither held back nor taken for gone", () => {
  const page = new Page();
  assert.ok(page.look([]));
  assert.equal(page.rank, Rank.Shown);
  assert.ok(page.look([place("later", Rank.Front)]));
});
