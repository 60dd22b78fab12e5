// The story that ./run plays when there is no display: what a person would do, step by step, in a real browser.

import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Browser } from "./browser.mjs";
import { NOTEBOOK, Platform, VAULT } from "./platform.mjs";
import { Playground } from "./playground.mjs";

const PIN = "brisk-Otter-4071";

/** The user's answers, as a scripted prompt gives them. */
const ANSWERS = [
  { when: { kind: "choose-pin", problem: "none" }, times: 1, do: { approve: true, pin: "123456" } },
  { when: { kind: "choose-pin" }, do: { approve: true, pin: PIN } },
  { when: { kind: "create", account: "alice" }, do: { approve: true, choose: VAULT, pin: PIN, remember: true } },
  { when: { kind: "create", account: "bob" }, do: { approve: true, choose: NOTEBOOK, pin: PIN } },
  { when: { kind: "create", account: "mallory" }, do: { refuse: true } },
  { when: {}, do: { approve: true, pin: PIN } },
];

/**
 * Plays the story; resolves with whether all of it went as it should.
 *
 * @param {object} options
 * @param {string} options.pictures the folder for screenshots and transcript; what was in it is removed
 * @param {(thing: {stop(): Promise<void>}) => any} options.keep told of everything that has to end
 */
export async function play({ pictures, keep }) {
  const narrator = new Narrator(pictures);
  const { step, detail } = narrator;

  step("Starting a platform of its own: a private message bus and an empty store. Nothing of yours is touched.");
  const platform = keep(await Platform.start({ scripted: true, logs: path.join(pictures, "logs") }));
  const playground = keep(await Playground.start());
  const prompt = await platform.script(ANSWERS);
  prompt.onEvent = (event) => narrator.prompt(event);
  const status = platform.status();
  detail(`Verification is at the ${status.tier} tier; a PIN ${status.pin.set ? "is" : "is not"} chosen. A script answers in the user's place.`);

  step("Letting a second provider in: the Notebook, a separate program with its own storage. That takes a PIN, so one is chosen first.");
  narrator.check("the Notebook is enabled", (await platform.clavigerAsync("provider", "enable", NOTEBOOK)).status === 0);

  step("Opening Chromium with the extension.");
  const browser = await Browser.open(platform);
  keep({ stop: () => browser.close() });
  const popup = await browser.popup();
  await narrator.picture(popup, "extension");
  await popup.close();
  const page = await browser.page(playground.origin);
  await narrator.picture(page, "playground");
  const available = await page.evaluate(() => PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable());
  narrator.check("the website sees that this device can keep passkeys", available);

  step("Alice signs up. Claviger asks which provider shall keep the passkey, and for the PIN; she picks the vault and has it remembered.");
  await page.fill("#name", "alice");
  await act(page, "#sign-up");
  narrator.check("the website accepted the registration", await worked(page));
  await narrator.picture(page, "signed-up");

  step("She leaves a note that only her passkey can read (PRF).");
  await page.fill("#note", "The treasure is under the old oak.");
  await act(page, "#lock-note");
  await act(page, "#open-note");
  narrator.check("the note came back", (await page.inputValue("#note")) === "The treasure is under the old oak.");
  await narrator.picture(page, "note");

  step("She signs out, and in again without typing a name.");
  await act(page, "#sign-out");
  await act(page, "#sign-in");
  narrator.check("the website knows her", (await page.innerText("#who")) === "alice");
  await narrator.picture(page, "signed-in");

  step("She tries to register again: she has a passkey for this account already.");
  await act(page, "#add");
  narrator.check("the website learns just that", (await lastEvent(page)).includes("already a passkey"));

  step("Bob signs up at the same site; his passkey goes into the Notebook.");
  await act(page, "#sign-out");
  await page.fill("#name", "bob");
  await act(page, "#sign-up");
  narrator.check("the website accepted the registration", await worked(page));
  await act(page, "#sign-out");
  await act(page, "#sign-in-name");
  narrator.check("Bob signs in by name", (await page.innerText("#who")) === "bob");

  step("Mallory tries too, and the user says no.");
  await act(page, "#sign-out");
  await page.fill("#name", "mallory");
  await act(page, "#sign-up");
  narrator.check("the website is not told why", (await lastEvent(page)).includes("not told which"));
  await narrator.picture(page, "refused");

  step("What the user sees afterwards:");
  for (const line of platform.claviger("passkey", "list").trimEnd().split("\n")) detail(line);
  for (const line of platform.claviger("audit").trimEnd().split("\n")) detail(line);
  return narrator.end();
}

/** Presses a button and waits until the page has said what came of it. */
async function act(page, button) {
  await page.click(button);
  await page.waitForFunction(() => document.body.ariaBusy !== "true", undefined, { timeout: 30_000 });
}

async function worked(page) {
  return (await page.locator("#events > li").first().getAttribute("class")) === "good";
}

function lastEvent(page) {
  return page.locator("#events > li").first().innerText();
}

/** Tells the story on the terminal, in the transcript and in pictures. */
class Narrator {
  #count = 0;
  #pictures = 0;
  #failed = 0;
  #started = Date.now();

  constructor(folder) {
    this.folder = folder;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    this.transcript = path.join(folder, "transcript.txt");
    writeFileSync(this.transcript, "");
    this.step = this.step.bind(this);
    this.detail = this.detail.bind(this);
  }

  step(text) {
    this.#count += 1;
    this.#say(`\n${this.#count}. ${text}`);
  }

  detail(text) {
    this.#say(`   ${text}`);
  }

  check(text, good) {
    if (!good) this.#failed += 1;
    this.#say(`   ${good ? "✓" : "✗ NOT:"} ${text}`);
  }

  /** What the user was shown and what the script answered. */
  prompt(event) {
    if (event.event === "view" && event.view.kind !== "idle") {
      const { title, problem, choices } = event.says;
      this.#say(`   Claviger asks: ${title}`);
      if (problem) this.#say(`                  ${problem}`);
      for (const [label, ...details] of choices) this.#say(`                  – ${label}${details.length > 0 ? ` (${details.join(" · ")})` : ""}`);
    }
    if (event.event === "action") this.#say(`   the user: ${event.action.action === "approve" ? "yes" : "no"}${event.pin ? ", and types a PIN" : ""}`);
  }

  async picture(page, name) {
    this.#pictures += 1;
    await page.screenshot({ path: path.join(this.folder, `${String(this.#pictures).padStart(2, "0")}-${name}.png`), fullPage: true });
  }

  end() {
    const seconds = ((Date.now() - this.#started) / 1000).toFixed(1);
    this.#say(`\n${this.#failed === 0 ? "All of it worked" : `${this.#failed} steps did not go as they should`}, in ${seconds} s. Pictures, transcript and logs are in ${path.relative(process.cwd(), this.folder)}/.`);
    return this.#failed === 0;
  }

  #say(text) {
    console.log(text);
    appendFileSync(this.transcript, `${text}\n`);
  }
}
