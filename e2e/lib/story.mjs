// The story that ./run plays when there is no display: what a person would do, step by step, in a real browser.

import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Browser } from "./browser.mjs";
import { NOTEBOOK, Platform } from "./platform.mjs";
import { Playground } from "./playground.mjs";
import { Screen } from "./screen.mjs";

const PIN = "brisk-Otter-4071";

/** The user's answers at the window that asks. */
const ANSWERS = [
  { name: "a-guessable-pin", sees: ["Choose a PIN"], times: 1, type: "123456", press: "Set PIN" },
  { name: "choose-a-pin", sees: ["Choose a PIN"], type: PIN, press: "Set PIN" },
  { name: "enable-the-notebook", sees: ["keep your passkeys?"], type: PIN, press: "Turn on" },
  { name: "create-for-alice", sees: ["Create a passkey", "alice", "Kept in"], type: PIN, press: "Create passkey" },
  { name: "create-for-bob", sees: ["Create a passkey", "bob"], choose: "Notebook", type: PIN, press: "Create passkey" },
  { name: "refused", sees: ["Create a passkey", "mallory"], press: "Cancel" },
  { name: "a-passkey-already", sees: ["already keeps"], press: "Continue" },
  { name: "sign-in-with-the-pin", sees: ["Sign in to", "PIN"], type: PIN, press: "Sign in" },
  { name: "sign-in", sees: ["Sign in to"], press: "Sign in" },
  { name: "verify", sees: ["PIN"], type: PIN, press: "Confirm" },
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
  const screen = keep(await Screen.start());
  const platform = keep(await Platform.start({ display: screen.env, logs: path.join(pictures, "logs") }));
  const playground = keep(await Playground.start());
  await screen.person(platform, ANSWERS, pictures, (asked) => narrator.asked(asked));
  const status = platform.status();
  detail(`Verification is at the ${status.tier} tier; a PIN ${status.pin.set ? "is" : "is not"} chosen. A program reads the window and presses its keys in the user's place.`);

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
  await page.waitForFunction(() => document.body.ariaBusy !== "true", undefined, { timeout: 120_000 });
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

  /** What the window said and what was done in it. */
  asked({ says: [title, ...more], typed, pressed }) {
    this.#say(`   Claviger asks: ${title}`);
    for (const words of more) this.#say(`                  ${words}`);
    this.#say(`   the user ${typed ? "types a PIN and presses Enter" : "presses"} (${pressed})`);
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
