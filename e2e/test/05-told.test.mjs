// What cannot be served is told to the person: in the prompt, and at the extension's icon. The site learns no more than ever.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { Bed, NO, OPEN, PIN, YES } from "../lib/bed.mjs";
import { NOTEBOOK, VAULT } from "../lib/platform.mjs";
import { create, get } from "../lib/site.mjs";
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

/** A site asks for what nobody here can do: the person is told, while the site waits. */
async function isTold(options) {
  const helps = /Use a security key instead/;
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
  return view.problem.code;
}

/** The bit of the authenticator data that says that the user was verified. */
const UV = 4;

/** Options of a site that wants its passkey to hold a large blob. */
const holding = (support) => ({ authenticatorSelection: { residentKey: "required" }, extensions: { largeBlob: { support } } });

test("a site that insists on a security key: the person is told, while the site waits", async () => {
  assert.equal(await isTold({ authenticatorSelection: { authenticatorAttachment: "cross-platform" } }), "security-key-wanted");
});

test("a frame whose top page nobody names: the person is told to open the site by itself", async () => {
  const prompt = await bed.answers(OPEN);
  // What the extension sends where it cannot tell which page the frame is in.
  const request = { requestId: "1", origin: "https://bank.example", sameOriginWithAncestors: false, publicKey: { rpId: "bank.example", challenge } };
  const said = bed.native("get", request, "problem");
  const view = await prompt.view((view) => view.kind === "notice");
  assert.equal(view.problem.code, "unknown-frame");
  const first = await said;
  assert.equal(first.type, "problem");
  assert.match(first.problem, /in a tab of its own/);
});

for (const alg of [-257, -36, -35, 42, 0]) {
  test(`a site that takes algorithm ${alg} alone: the person is told, and the site learns NotAllowedError`, async () => {
    const prompt = await bed.answers(NO);
    await page.bringToFront();
    const outcome = await create(page, creation({ pubKeyCredParams: [{ type: "public-key", alg }] }));
    assert.equal(outcome.error.name, "NotAllowedError");
    assert.equal((await prompt.view((view) => view.kind === "notice")).problem.code, "unsupported");
  });
}

for (const [algorithms, made] of [[[-49, -7], -49], [[-48], -48], [[-35, -7], -7], [[-257, -7, -49], -7]]) {
  test(`of the algorithms ${algorithms} the vault makes a key of ${made}, which works`, async () => {
    await bed.answers({ when: { kind: "create" }, do: { approve: true, pin: PIN, choose: VAULT } }, YES);
    await page.bringToFront();
    const pubKeyCredParams = algorithms.map((alg) => ({ type: "public-key", alg }));
    const { credential, error } = await create(page, creation({ pubKeyCredParams, user: { id: "CCCC", name: `key ${made}`, displayName: "K" } }));
    assert.equal(error, undefined, JSON.stringify(error));
    assert.equal(credential.response.publicKeyAlgorithm, made);
    const used = await get(page, { rpId: "bank.example", challenge, allowCredentials: [{ type: "public-key", id: credential.id }] });
    assert.ok(used.credential, JSON.stringify(used));
  });
}

test("outputs that pages read are there, and a policy that is enforced is kept", async () => {
  await bed.answers(YES);
  await page.bringToFront();
  const extensions = {
    largeBlob: { support: "preferred" },
    credBlob: "AAEC",
    credentialProtectionPolicy: "userVerificationRequired",
    enforceCredentialProtectionPolicy: true,
  };
  const { outputs, error } = await create(page, creation({ authenticatorSelection: { residentKey: "required" }, extensions }));
  assert.equal(error, undefined);
  assert.deepEqual(outputs.largeBlob, { supported: true });
  assert.equal(outputs.credBlob, true);
});

test("what a site leaves with a passkey comes back to it", async () => {
  await bed.answers(YES);
  await page.bringToFront();
  const user = { id: "DDDD", name: "blobs", displayName: "B" };
  const made = await create(page, creation({ authenticatorSelection: { residentKey: "required" }, extensions: { credBlob: "AAEC" }, user }));
  assert.equal(made.outputs.credBlob, true, JSON.stringify(made));
  const allowCredentials = [{ type: "public-key", id: made.credential.id }];
  const used = await get(page, { rpId: "bank.example", challenge, allowCredentials, extensions: { getCredBlob: true } });
  assert.equal(used.outputs.getCredBlob, "AAEC", JSON.stringify(used));
});

test("a page writes a large blob, reads it back and replaces it", async () => {
  await bed.answers(YES);
  await page.bringToFront();
  const user = { id: "EEEE", name: "certificate", displayName: "C" };
  const made = await create(page, creation({ ...holding("required"), user }));
  assert.deepEqual(made.outputs?.largeBlob, { supported: true }, JSON.stringify(made));
  const allowCredentials = [{ type: "public-key", id: made.credential.id }];
  const largeBlob = async (input) => {
    const used = await get(page, { rpId: "bank.example", challenge, allowCredentials, userVerification: "discouraged", extensions: { largeBlob: input } });
    assert.equal(used.error, undefined, JSON.stringify(used));
    const flags = Buffer.from(used.credential.response.authenticatorData, "base64url")[32];
    if (input.write !== undefined) assert.equal(flags & UV, UV, "only the verified user changes what is kept");
    return used.outputs.largeBlob;
  };
  assert.deepEqual(await largeBlob({ read: true }), {}, "there is none yet");
  // Chromium itself passes on no more than 2048 bytes.
  for (const blob of [randomBytes(2048), Buffer.from("a certificate, say; ".repeat(100)), Buffer.from("the ticket of Quokka 5091")]) {
    bed.secrets.add("large blob", blob);
    const bytes = blob.toString("base64url");
    assert.deepEqual(await largeBlob({ write: bytes }), { written: true });
    assert.deepEqual(await largeBlob({ read: true }), { blob: bytes });
  }
});

test("a site that would like large blobs learns that a provider keeps none", async () => {
  await bed.answers({ when: { kind: "create" }, do: { approve: true, pin: PIN, choose: NOTEBOOK } });
  await page.bringToFront();
  const { outputs, error } = await create(page, creation({ ...holding("preferred"), user: { id: "FFFF", name: "notes", displayName: "N" } }));
  assert.equal(error, undefined, JSON.stringify(error));
  assert.deepEqual(outputs.largeBlob, { supported: false });
});

test("a site that insists on large blobs, where no provider keeps them: the person is told, while the site waits", async () => {
  bed.platform.claviger("provider", "disable", VAULT);
  assert.equal(await isTold(holding("required")), "large-blobs-wanted");
  await bed.answers(YES);
  const { status, err } = await bed.platform.clavigerAsync("provider", "enable", VAULT);
  assert.equal(status, 0, err);
});

test("a long challenge and a long exclude list are no fault of the site's", async () => {
  await bed.answers(YES);
  await page.bringToFront();
  const long = Buffer.alloc(20_000, 5).toString("base64url");
  const excludeCredentials = Array.from({ length: 64 }, (_, n) => ({ type: "public-key", id: Buffer.alloc(1023, n + 1).toString("base64url") }));
  const outcome = await create(page, creation({ challenge: long, excludeCredentials, user: { id: "BBBB", name: "mallory", displayName: "M" } }));
  assert.ok(outcome.credential, JSON.stringify(outcome));
});

test("once it works again, the icon is quiet", async () => {
  await bed.answers(YES);
  await page.bringToFront();
  assert.ok((await create(page, creation())).credential);
  await until(async () => (await icon()).text === "", 5_000, "the icon is quiet");
});
