// Many pages at once: whose question is asked, what becomes of the others', and of a passkey that reached no page.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Bed, OPEN, PIN, YES } from "../lib/bed.mjs";
import { create } from "../lib/site.mjs";
import { until } from "../lib/wait.mjs";
import { Web } from "../lib/web.mjs";

const challenge = Buffer.alloc(32, 7).toString("base64url");
const creation = (rpId, name) => ({
  rp: { id: rpId, name: "Any" },
  user: { id: Buffer.from(name).toString("base64url"), name, displayName: name },
  challenge,
  pubKeyCredParams: [{ type: "public-key", alg: -7 }],
  authenticatorSelection: { residentKey: "required" },
});

let bed, web;
before(async () => {
  web = await Web.start();
  bed = await Bed.make("06-pages", { switches: web.switches });
});
after(async () => {
  await bed?.clear();
  await web?.stop();
});

// What a test leaves open would be asked for in the next one.
afterEach(async () => {
  for (const page of bed.browser.context.pages()) if (page !== bed.page) await page.close();
});

/** Has the page ask for a new passkey, without waiting for it; the outcome is kept in the page. */
function askIn(page, rpId, name) {
  return page.evaluate((publicKey) => {
    window.outcome = navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) }).then(
      () => "made",
      (error) => error.name,
    );
    return null;
  }, creation(rpId, name));
}

const passkeys = (rpId) => JSON.parse(bed.platform.claviger("passkey", "list", "--json")).filter((passkey) => passkey.rp_id === rpId);
const asked = (prompt) => prompt.views.filter((view) => view.kind === "create").map((view) => view.site.rp_id);

test("tabs in the background ask, and only the one in front is asked for; nothing is left behind", async () => {
  const prompt = await bed.answers(YES);
  const tabs = [];
  for (let n = 0; n < 6; n += 1) tabs.push(await bed.browser.page(`https://tab-${n}.example/`));
  await tabs[2].bringToFront();
  // The one in front asks last.
  for (const n of [0, 1, 3, 4, 5, 2]) await askIn(tabs[n], `tab-${n}.example`, "alice");
  assert.equal(await tabs[2].evaluate(() => window.outcome), "made");
  assert.deepEqual(new Set(asked(prompt)), new Set(["tab-2.example"]));
  for (let n = 0; n < 6; n += 1) assert.equal(passkeys(`tab-${n}.example`).length, n === 2 ? 1 : 0, `tab ${n}`);
  // One of the others comes to the front: now it is its turn.
  await tabs[4].bringToFront();
  assert.equal(await tabs[4].evaluate(() => window.outcome), "made");
  assert.equal(passkeys("tab-4.example").length, 1);
  for (const tab of tabs) await tab.close();
  assert.ok(passkeys("tab-4.example").every((passkey) => passkey.confirmed));
});

test("the question of the tab in front takes the place of another's", async () => {
  const prompt = await bed.answers(OPEN);
  const first = await bed.browser.page("https://first.example/");
  await askIn(first, "first.example", "alice");
  await prompt.view((view) => view.site?.rp_id === "first.example");
  const second = await bed.browser.page("https://second.example/");
  await askIn(second, "second.example", "alice");
  await prompt.view((view) => view.site?.rp_id === "second.example");
  await second.close();
  // The first comes again as soon as it is seen.
  await bed.answers(YES);
  await first.bringToFront();
  assert.equal(await first.evaluate(() => window.outcome), "made");
});

test("a passkey that is made while its page is behind another reaches it when it is shown again", async () => {
  const prompt = await bed.answers({ when: { kind: "create" }, do: { approve: true, pin: PIN, delay_ms: 1_500 } });
  const page = await bed.browser.page("https://patient.example/");
  await askIn(page, "patient.example", "alice");
  await prompt.view((view) => view.kind === "create");
  await bed.browser.page("https://other.example/");
  await until(() => passkeys("patient.example").length === 1, 60_000, "the passkey");
  await page.bringToFront();
  assert.equal(await page.evaluate(() => window.outcome), "made");
  assert.equal(passkeys("patient.example")[0].confirmed, true);
});

test("a passkey whose page has gone is marked, told and replaced by the next one for the account", async () => {
  const prompt = await bed.answers({ when: { kind: "create" }, do: { approve: true, pin: PIN, delay_ms: 1_500 } });
  const page = await bed.browser.page("https://orphan.example/");
  await askIn(page, "orphan.example", "alice");
  await prompt.view((view) => view.kind === "create");
  const other = await bed.browser.page("https://other.example/");
  await until(() => passkeys("orphan.example").length === 1, 60_000, "the passkey");
  await page.close();
  await until(() => !passkeys("orphan.example")[0].confirmed, 60_000, "the mark");
  assert.match(bed.platform.claviger("passkey", "list"), /never confirmed by the site/);
  assert.equal(bed.lastAudit("create").cause, "undelivered");
  await bed.answers(YES);
  await other.close();
  const again = await bed.browser.page("https://orphan.example/");
  assert.ok((await create(again, creation("orphan.example", "alice"))).credential);
  const [left, ...more] = passkeys("orphan.example");
  assert.deepEqual(more, []);
  assert.equal(left.confirmed, true);
});

test("a frame that asked and is taken away takes its question along", async () => {
  const prompt = await bed.answers(OPEN);
  const allow = encodeURIComponent("publickey-credentials-get *");
  const page = await bed.browser.page(`https://around.example/frame?allow=${allow}&of=https://frames.example/inner`);
  const frame = await until(() => page.frames().find((one) => one.url() === "https://frames.example/inner"), 5_000);
  await page.bringToFront();
  await frame.evaluate(() => {
    navigator.credentials.get({ publicKey: { challenge: new Uint8Array(32) } }).catch(() => undefined);
  });
  await prompt.view((view) => view.site?.rp_id === "frames.example");
  await page.evaluate(() => document.querySelector("iframe").remove());
  await until(() => prompt.views.at(-1)?.kind === "idle", 60_000, "the end of the question");
});

test("a closed tab takes its question along although another tab shows the same site", async () => {
  const prompt = await bed.answers(OPEN);
  const twin = await bed.browser.page("https://twin.example/");
  const page = await bed.browser.page("https://twin.example/");
  await askIn(page, "twin.example", "alice");
  await prompt.view((view) => view.site?.rp_id === "twin.example");
  await page.close();
  await until(() => prompt.views.at(-1)?.kind === "idle", 60_000, "the end of the question");
});
