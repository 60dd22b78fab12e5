// The playground's story in a stock browser that finds the security key by itself: browse.mjs firefox | chromium ORIGIN LOG
//
// Drives the playground's own page, as a person would: once for each line of its input, which names the account. Prints one
// JSON line per step, {"step", "error"?, "note"?}, and {"done": true} when it waits for the next line.

import { createInterface } from "node:readline";
import { until } from "../../e2e/lib/wait.mjs";

/** A browser takes its time where everything is computed in software. */
const PATIENCE = 300_000;

const [name, origin, log] = process.argv.slice(2);
const { Chromium, Firefox } = name === "firefox" ? await import("./marionette.mjs") : await import("./chromium.mjs");

let browser = null;
let failed = false;
/** Whether the last step failed. */
let stuck = false;

await step("starts", async () => {
  browser = await (Firefox ?? Chromium).open(log, PATIENCE);
  return browser.version();
});
tell({ done: true });
for await (const account of createInterface({ input: process.stdin })) {
  await story(account);
  tell({ done: true });
}
await browser?.close();
process.exit(failed ? 1 : 0);

/** Every step brings what it needs, so that each says by itself what works. */
async function story(account) {
  let user = null;
  const register = async (name) => {
    await fill("name", name);
    const note = await act("sign-up", "was created and accepted");
    user = name;
    return note;
  };
  const registered = () => user ?? register(`${account}-again`);
  const signedOut = () => act("sign-out", "");
  const signInByName = async () => {
    await fill("name", user);
    return act("sign-in-name", `${user} signed in, verified`);
  };
  const signedIn = async () => {
    await registered();
    if (await browser.evaluate("document.getElementById('member').hidden")) await signInByName();
  };

  await step("shows the playground, without an extension", async () => {
    await visit();
    const own = await browser.evaluate("/native code/.test(CredentialsContainer.prototype.create.toString())");
    if (!own) throw new Error("somebody put himself in the place of navigator.credentials.create");
  });
  await step("registers a passkey", () => register(account));
  await step("signs in without a name (discoverable)", async () => {
    await registered();
    await signedOut();
    return act("sign-in", `${user} signed in, verified`);
  });
  await step("signs in by name (allow list, after a silent probe)", async () => {
    await registered();
    await signedOut();
    return signInByName();
  });
  await step("encrypts and decrypts a note (PRF, hence hmac-secret)", async () => {
    await signedIn();
    await fill("note", "The treasure is under the old oak.");
    await act("lock-note", "was encrypted");
    await act("open-note", "was decrypted");
    const note = await browser.evaluate("document.getElementById('note').value");
    if (note !== "The treasure is under the old oak.") throw new Error(`the note is now ${note}`);
  });
  // Chromium tells the person, in a dialog of its own, and the page nothing until that is closed.
  await step("asks to register the same account on the same key again", async () => {
    await signedIn();
    return act("add", Firefox ? "already a passkey" : "");
  });
}

/** The playground's page, loaded anew: whatever an earlier step has left waiting is withdrawn. */
function visit() {
  if (browser === null) throw new Error("the browser did not start");
  return browser.goTo(origin, PATIENCE);
}

/** One step, which begins on a new page when the one before has failed. */
async function step(what, action) {
  const line = { step: what };
  const started = Date.now();
  try {
    if (stuck) await visit();
    stuck = false;
    const note = await action();
    line.note = `${seconds(started)} s${note === undefined ? "" : `: ${note}`}`;
  } catch (error) {
    failed = stuck = true;
    line.error = `after ${seconds(started)} s: ${error.message}`;
  }
  tell(line);
}

function seconds(started) {
  return ((Date.now() - started) / 1000).toFixed(1);
}

function tell(line) {
  console.log(JSON.stringify(line));
}

function fill(id, text) {
  return browser.evaluate(`void (document.getElementById(${JSON.stringify(id)}).value = ${JSON.stringify(text)})`);
}

/** Presses a button and waits until the page has done what it does; what it reports must contain the text. */
async function act(id, wanted) {
  const seen = await browser.evaluate("document.querySelectorAll('#events li:not(.quiet)').length");
  await browser.evaluate(`void document.getElementById(${JSON.stringify(id)}).click()`);
  if (wanted === "") return undefined;
  const report = await until(
    () => browser.evaluate(`document.body.ariaBusy !== "true" && document.querySelectorAll("#events li:not(.quiet)").length > ${seen} && document.querySelector("#events li").innerText`),
    PATIENCE,
    `a report after ${id}`,
  );
  if (!report.includes(wanted)) throw new Error(`the page says: ${report} ${await browser.evaluate("document.querySelector('#events pre')?.textContent.slice(0, 600)")}`);
  return undefined;
}
