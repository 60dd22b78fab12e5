// What cannot be served is told to the person: in the prompt, and at the extension's icon. The site learns no more than ever.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Bed, NO, OPEN, YES } from "../lib/bed.mjs";
import { create } from "../lib/site.mjs";
import { until } from "../lib/wait.mjs";
import { Web } from "../lib/web.mjs";

const challenge = Buffer.alloc(32, 7).toString("base64url");
const creation = (changes = {}) => ({
  rp: { id: "bank.example", name: "Any" },
  user: { id: "AAAA", name: "eve", displayName: "Eve" },
  challenge,
  pubKeyCredParams: [{ type: "public-key", alg: -7 }],
  ...changes,
});

let bed, web, page;
before(async () => {
  web = await Web.start();
  bed = await Bed.make("05-told", { switches: web.switches });
  page = await bed.browser.page("https://bank.example/");
});
after(async () => {
  await bed?.clear();
  await web?.stop();
});

/** What the extension's icon shows. */
async function icon() {
  const worker = await bed.browser.worker();
  return worker.evaluate(async () => ({ text: await chrome.action.getBadgeText({}), title: await chrome.action.getTitle({}) }));
}

/** Opens and closes the popup, as somebody who reads what it says. */
async function readPopup() {
  const popup = await bed.browser.popup();
  const text = await popup.innerText("body");
  await popup.close();
  await page.bringToFront();
  return text;
}

for (const [what, options, helps] of [
  ["a security key", { authenticatorSelection: { authenticatorAttachment: "cross-platform" } }, /Use a security key instead/],
  ["large blobs", { authenticatorSelection: { residentKey: "required" }, extensions: { largeBlob: { support: "required" } } }, /Use a security key instead/],
]) {
  test(`a site that insists on ${what}: the person is told, while the site waits`, async () => {
    const prompt = await bed.answers(OPEN);
    await page.bringToFront();
    const outcome = create(page, creation(options));
    const view = await prompt.view((view) => view.kind === "notice");
    assert.equal(view.site.rp_id, "bank.example");
    await until(async () => (await icon()).text === "!", 5_000, "the icon points at it");
    assert.match((await icon()).title, helps);
    assert.match(await readPopup(), helps);
    assert.notEqual((await icon()).text, "!", "it has been read");
    await bed.answers(NO);
    assert.equal((await outcome).error.name, "NotAllowedError");
  });
}

test("a frame whose top page nobody names: the person is told to open the site by itself", async () => {
  const prompt = await bed.answers(OPEN);
  // What the extension sends where it cannot tell which page the frame is in.
  const request = { requestId: "1", origin: "https://bank.example", sameOriginWithAncestors: false, publicKey: { rpId: "bank.example", challenge } };
  const said = bed.native("get", request);
  const view = await prompt.view((view) => view.kind === "notice");
  assert.equal(view.problem.code, "unknown-frame");
  const first = await said;
  assert.equal(first.type, "problem");
  assert.match(first.problem, /in a tab of its own/);
});

test("once it works again, the icon is quiet", async () => {
  await bed.answers(YES);
  await page.bringToFront();
  assert.ok((await create(page, creation())).credential);
  assert.equal((await icon()).text, "");
});
