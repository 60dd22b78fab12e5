// Whether this extension is the one that handles the browser's passkey requests.
//
// Chromium allows one such extension per profile, and while one is attached the browser's own handling (security keys,
// phones) rests. Hence the way out: detach for a minute, then come back by an alarm, which outlives this worker. And hence
// an extension that a package installed for all users leaves the browser alone until its user has a PIN or says so.

import { ask } from "./host.js";
import { messageOf, type Attachment } from "./status.js";

/** How long "use a security key instead" lasts. */
export const PAUSE_MINUTES = 1;

/** How often an extension that is not wanted yet looks whether it is. */
const LOOK_MINUTES = 1;

const ALARM = "attach-again";
/** A file that only the package's copy of this extension has. */
const FOR_ALL_USERS = "for-all-users";
/** Kept in the profile: its user wants Claviger here. */
const WANTED = "wanted";

/**
 * Attaches unless the user asked for a pause that still runs, or has not set Claviger up and never asked for it. Called whenever
 * the worker starts: attaching twice is harmless.
 */
export async function attach(): Promise<Attachment> {
  const alarm = await chrome.alarms.get(ALARM);
  if (!(await wanted())) {
    await chrome.alarms.create(ALARM, { delayInMinutes: LOOK_MINUTES });
    return remember({ state: "waiting" });
  }
  if (alarm !== undefined) return remember({ state: "paused", until: alarm.scheduledTime });
  try {
    // A refusal is not a rejection here: the promise resolves with the reason as a string.
    const refusal: unknown = await chrome.webAuthenticationProxy.attach();
    return await remember(typeof refusal === "string" ? { state: "refused", reason: refusal } : { state: "attached" });
  } catch (error) {
    return remember({ state: "refused", reason: messageOf(error) });
  }
}

/** Gives the browser its own handling back for a minute. */
export async function pause(): Promise<Attachment> {
  await chrome.alarms.create(ALARM, { delayInMinutes: PAUSE_MINUTES });
  await chrome.webAuthenticationProxy.detach();
  return attach();
}

/** Attaches for a user who has no PIN yet: the first passkey asks for one. */
export async function use(): Promise<Attachment> {
  await chrome.storage.local.set({ [WANTED]: true });
  return resume();
}

/** Ends the pause, at the user's wish or because the minute is over; and looks again whether Claviger is wanted. */
export async function resume(): Promise<Attachment> {
  await chrome.alarms.clear(ALARM);
  return attach();
}

/** Whether an alarm that went off is this module's. */
export function isOurs(alarm: chrome.alarms.Alarm): boolean {
  return alarm.name === ALARM;
}

/** Whoever loaded the extension wants it. For whom an administrator installed it, the answer is a PIN; it is asked for until there is one. */
async function wanted(): Promise<boolean> {
  if ((await chrome.storage.local.get(WANTED))[WANTED] === true) return true;
  const packaged = await fetch(chrome.runtime.getURL(FOR_ALL_USERS)).then(({ ok }) => ok, () => false);
  const set = !packaged || (await ask({ type: "status" }, "status").then(({ pin }) => pin, () => false));
  if (set) await chrome.storage.local.set({ [WANTED]: true });
  return set;
}

async function remember(attachment: Attachment): Promise<Attachment> {
  await chrome.storage.session.set({ attachment });
  return attachment;
}
