// What must fail because of who asks or what is asked: origins, frames, forged callers, the user, the page.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Bed, NO, OPEN, YES } from "../lib/bed.mjs";
import { create, get } from "../lib/site.mjs";
import { until } from "../lib/wait.mjs";
import { Web } from "../lib/web.mjs";

const challenge = Buffer.alloc(32, 7).toString("base64url");
const creation = (rpId) => ({
  rp: { id: rpId, name: "Any" },
  user: { id: "AAAA", name: "eve", displayName: "Eve" },
  challenge,
  pubKeyCredParams: [{ type: "public-key", alg: -7 }, { type: "public-key", alg: -257 }],
  authenticatorSelection: { residentKey: "required" },
});
const request = (rpId) => ({ rpId, challenge });
/** What the extension would send for a page of this origin. */
const fromOrigin = (origin, publicKey, sameOriginWithAncestors = true) => ({ requestId: "1", origin, sameOriginWithAncestors, publicKey });

let bed, web;
before(async () => {
  web = await Web.start();
  bed = await Bed.make("02-refusals", { switches: web.switches });
});
after(async () => {
  await bed?.clear();
  await web?.stop();
});

test("a passkey of one real domain works there and on its subdomain only", async () => {
  await bed.answers(YES);
  const own = await bed.browser.page("https://bank.example/");
  assert.ok((await create(own, creation("bank.example"))).credential);
  const sub = await bed.browser.page("https://login.bank.example/");
  assert.ok((await get(sub, request("bank.example"))).credential, "a subdomain may name its parent");
  await own.close();
  await sub.close();
});

for (const [what, page, rpId, suffix = false] of [
  ["an RP ID that is not the origin's", "https://bank.example/", "other.example"],
  ["a parent's name that only ends alike", "https://evilbank.example/", "bank.example"],
  ["a public suffix", "https://shop.co.uk/", "co.uk", true],
  ["a private public suffix", "https://eve.github.io/", "github.io", true],
  ["a subdomain of the origin", "https://bank.example/", "login.bank.example"],
]) {
  test(`${what} is a SecurityError, in the browser and, where no list could allow it, in the platform`, async () => {
    const prompt = await bed.answers(YES);
    const tab = await bed.browser.page(page);
    assert.equal((await create(tab, creation(rpId))).error.name, "SecurityError");
    assert.equal((await get(tab, request(rpId))).error.name, "SecurityError");
    await tab.close();
    assert.deepEqual(prompt.views.filter((view) => view.kind !== "idle"), [], "nobody is asked");
    const origin = new URL(page).origin;
    if (suffix) {
      assert.equal((await bed.native("create", fromOrigin(origin, creation(rpId)))).error.name, "SecurityError");
      assert.equal((await bed.native("get", fromOrigin(origin, request(rpId)))).error.name, "SecurityError");
      assert.deepEqual(prompt.views.filter((view) => view.kind !== "idle"), [], "nobody is asked");
    } else {
      // A browser that forwards it has read the other site's list; the person sees both names.
      await bed.answers(NO);
      assert.equal((await bed.native("create", fromOrigin(origin, creation(rpId)))).error.name, "NotAllowedError");
      const { title, site } = await bed.prompt.view((view) => view.kind === "create");
      assert.equal(title.code, "related-create-title");
      assert.deepEqual([title.origin, title.site, site.related], [new URL(page).host, rpId, true]);
    }
  });
}

test("a related origin uses the passkey of the site that lists it, and the person sees both names", async () => {
  await bed.answers(YES);
  const own = await bed.browser.page("https://bank.example/");
  const made = await create(own, { ...creation("bank.example"), user: { id: "BBBB", name: "related", displayName: "R" } });
  assert.ok(made.credential, JSON.stringify(made));
  await own.close();
  const prompt = await bed.answers(YES);
  const shop = await bed.browser.page("https://shop.other/");
  const used = await get(shop, { ...request("bank.example"), allowCredentials: [{ type: "public-key", id: made.credential.id }] });
  assert.ok(used.credential, JSON.stringify(used));
  const view = await prompt.view((view) => view.kind === "sign-in");
  assert.deepEqual([view.title.code, view.title.origin, view.title.site], ["related-sign-in-title", "shop.other", "bank.example"]);
  assert.equal(JSON.parse(Buffer.from(used.credential.response.clientDataJSON, "base64url")).origin, "https://shop.other");
  await shop.close();
});

test("plain http and addresses are no place for a passkey", async () => {
  for (const [origin, rpId] of [["http://bank.example", "bank.example"], ["https://192.0.2.1", "192.0.2.1"], ["null", "bank.example"]]) {
    assert.equal((await bed.native("get", fromOrigin(origin, request(rpId)))).error.name, "SecurityError", origin);
  }
});

test("a look-alike domain is not offered the passkey, and the user sees its true name", async () => {
  const prompt = await bed.answers(YES);
  const tab = await bed.browser.page("https://b\u0430nk.example/");
  assert.equal((await get(tab, request(new URL(tab.url()).hostname))).error.name, "NotAllowedError");
  assert.equal(bed.lastAudit("get").cause, "no-credential");
  assert.match(bed.lastAudit("get").rp_id, /^xn--/);
  await create(tab, creation(new URL(tab.url()).hostname));
  const shown = prompt.views.filter((view) => view.kind === "create");
  assert.ok(shown.length > 0);
  for (const view of shown) assert.match(view.site.rp_id, /^xn--/);
  await tab.close();
});

test("a cross-origin frame without permission never reaches the platform", async () => {
  const prompt = await bed.answers(YES);
  const tab = await bed.browser.page("https://top.example/frame?of=https://bank.example/");
  const frame = await until(() => tab.frames().find((frame) => frame.url().startsWith("https://bank.example")), 5_000);
  assert.equal((await get(frame, request("bank.example"))).error.name, "NotAllowedError");
  assert.deepEqual(prompt.views.filter((view) => view.kind !== "idle"), []);
  await tab.close();
});

test("a cross-origin frame with permission is told of by the platform, which cannot show the page around it", async () => {
  const prompt = await bed.answers(NO);
  const allow = encodeURIComponent("publickey-credentials-get *; publickey-credentials-create *");
  const tab = await bed.browser.page(`https://top.example/frame?allow=${allow}&of=https://bank.example/`);
  const frame = await until(() => tab.frames().find((frame) => frame.url().startsWith("https://bank.example")), 5_000);
  assert.equal((await get(frame, request("bank.example"))).error.name, "NotAllowedError");
  assert.deepEqual(prompt.views.filter((view) => view.kind !== "idle").map((view) => [view.kind, view.problem.code]), [["notice", "unknown-frame"]]);
  await tab.close();
});

test("an origin override that a page forges does not change who asks", async () => {
  const forged = { remoteDesktopClientOverride: { origin: "https://bank.example", sameOriginWithAncestors: true } };
  const prompt = await bed.answers(YES);
  const tab = await bed.browser.page("https://evil.example/");
  const outcome = await tab.evaluate(
    ({ extensions }) =>
      navigator.credentials
        .get({ publicKey: { challenge: new Uint8Array(32), rpId: "evil.example", extensions } })
        .then(() => "a credential", (error) => error.name),
    { extensions: forged },
  );
  assert.equal(outcome, "NotAllowedError");
  for (const view of prompt.views.filter((view) => view.site)) assert.equal(view.site.origin, "https://evil.example");
  await tab.close();
});

test("an origin override that gets past the extension is refused by the platform", async () => {
  const forged = { ...request("evil.example"), extensions: { remoteDesktopClientOverride: { origin: "https://bank.example", sameOriginWithAncestors: true } } };
  assert.equal((await bed.native("get", fromOrigin("https://evil.example", forged))).error.name, "SecurityError");
});

test("a program that is no browser cannot name an origin", async () => {
  const answer = await web.askNativeHost(bed.platform, fromOrigin("https://bank.example", request("bank.example")));
  assert.notEqual(answer?.type === "response" && answer.ok !== undefined, true);
});

test("cancel in the prompt: the site learns NotAllowedError, the log learns the cause", async () => {
  await bed.answers(NO);
  const { error } = await bed.register({ name: "nobody" });
  assert.equal(error.name, "NotAllowedError");
  assert.doesNotMatch(error.message, /cancel|refus|user said/i);
  assert.equal(bed.lastAudit("create").cause, "cancelled-by-user");
});

test("refused, unknown and excluded by the user look alike to the site", async () => {
  await bed.answers(YES);
  const made = await bed.register({ name: "somebody" });
  assert.equal(made.accepted?.user.name, "somebody", JSON.stringify(made));
  await bed.answers(NO);
  const refused = await bed.signIn({ name: "somebody" });
  const unknown = await get(bed.page, { ...request("localhost"), allowCredentials: [{ type: "public-key", id: challenge }] });
  assert.deepEqual(unknown.error, refused.error);
});

test("no prompt: the request waits, the extension says what to start, and once it runs it is asked", async () => {
  await bed.platform.withoutPrompt();
  const outcome = bed.signIn({ name: "somebody" });
  const worker = await bed.browser.worker();
  await until(async () => /claviger prompt/.test(await worker.evaluate(() => chrome.action.getTitle({}))), 5_000, "what to start");
  assert.equal(await worker.evaluate(() => chrome.action.getBadgeText({})), "!", "the icon points at it");
  await bed.answers(YES);
  assert.equal((await outcome).accepted?.user.name, "somebody");
});

test("the page gives up: the prompt goes away and nothing is answered", async () => {
  const prompt = await bed.answers(OPEN);
  const outcome = bed.page.evaluate(() => {
    const controller = new AbortController();
    window.giveUp = () => controller.abort();
    return navigator.credentials.get({ publicKey: { challenge: new Uint8Array(32) }, signal: controller.signal }).catch((error) => error.name);
  });
  await prompt.view((view) => view.kind === "sign-in");
  await bed.page.evaluate(() => window.giveUp());
  assert.equal(await outcome, "AbortError");
  await until(() => prompt.views.at(-1)?.kind === "idle", 5_000, "the end of the question");
  assert.match(bed.lastAudit("get").cause, /^(cancelled-by-caller|caller-gone)$/);
});

test("the page goes away: so does the prompt", async () => {
  const prompt = await bed.answers(OPEN);
  const tab = await bed.browser.page(bed.playground.origin);
  tab.evaluate(() => navigator.credentials.get({ publicKey: { challenge: new Uint8Array(32) } })).catch(() => undefined);
  await prompt.view((view) => view.kind === "sign-in");
  await tab.close();
  await until(() => prompt.views.at(-1)?.kind === "idle", 5_000, "the end of the question");
  assert.match(bed.lastAudit("get").cause, /^(cancelled-by-caller|caller-gone)$/);
  assert.equal(bed.platform.pids("native-host").length, 1, "the one native host of the profile stays");
});

test("the page leaves for another: so does the prompt", async () => {
  const prompt = await bed.answers(OPEN);
  const tab = await bed.browser.page(bed.playground.origin);
  tab.evaluate(() => navigator.credentials.get({ publicKey: { challenge: new Uint8Array(32) } })).catch(() => undefined);
  await prompt.view((view) => view.kind === "sign-in");
  await tab.goto("https://elsewhere.example/");
  await until(() => prompt.views.at(-1)?.kind === "idle", 5_000, "the end of the question");
  await tab.close();
});

test("two requests at once: each gets its own answer, one question after the other", async () => {
  const prompt = await bed.answers(YES);
  const ask = (name, rpId) => bed.native("create", fromOrigin(`https://${rpId}`, { ...creation(rpId), user: { id: "AAAA", name, displayName: name } }));
  const [one, other] = await Promise.all([ask("twin-1", "one.example"), ask("twin-2", "other.example")]);
  assert.ok(one.ok && other.ok);
  assert.notEqual(one.ok.id, other.ok.id);
  const asked = prompt.views.filter((view) => view.kind === "create").map((view) => [view.prompt, view.site.rp_id]);
  assert.equal(new Set(asked.map(([number]) => number)).size, 2, "a question for each");
  assert.deepEqual(new Set(asked.map(([, rpId]) => rpId)), new Set(["one.example", "other.example"]));
});

test("use a security key instead: the extension lets go, and comes back", async () => {
  const popup = await bed.browser.popup();
  await popup.click("#switch");
  await popup.waitForFunction(() => document.querySelector("#switch").textContent.includes("again"));
  assert.equal((await bed.browser.attachment()).state, "paused");
  assert.equal(await bed.page.evaluate(() => PublicKeyCredential.isConditionalMediationAvailable()), true, "the browser's own handling is back");
  const worker = await bed.browser.worker();
  const [alarm] = await worker.evaluate(() => chrome.alarms.getAll());
  const seconds = (alarm.scheduledTime - Date.now()) / 1000;
  assert.ok(seconds > 30 && seconds <= 60, `an alarm ends the pause in ${seconds} s`);
  await popup.click("#switch");
  await popup.waitForFunction(() => document.querySelector("#switch").textContent.includes("instead"));
  assert.equal((await bed.browser.attachment()).state, "attached");
  await popup.close();
});
