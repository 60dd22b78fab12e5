// Whether this extension is the one that handles the browser's passkey requests.
//
// Chromium allows one such extension per profile, and while one is attached the browser's own handling (security keys,
// phones) rests. Hence the way out: detach for a minute, then come back by an alarm, which outlives this worker. And hence
// an extension that a package installed for all users leaves the browser alone until its user has a PIN or says so.

import { ask } from "./host.js";
import { FOR_ALL_USERS } from "./install.js";
import { messageOf, type Attachment } from "./status.js";
import { Wanted } from "./wanted.js";

/** How long "use a security key instead" lasts. */
export const PAUSE_MINUTES = 1;

const ALARM = "attach-again";

const wanted = new Wanted(
  {
    storage: chrome.storage.local,
    alarms: chrome.alarms,
    hasPin: () => ask({ type: "status" }, "status").then(({ pin }) => pin, () => false),
  },
  FOR_ALL_USERS,
);

/**
 * Attaches unless the user asked for a pause that still runs, or has not set Claviger up and never asked for it. Called whenever
 * the worker starts: attaching twice is harmless.
 */
export async function attach(): Promise<Attachment> {
  if (!(await wanted.is())) return remember({ state: "waiting" });
  const pause = await chrome.alarms.get(ALARM);
  if (pause !== undefined) return remember({ state: "paused", until: pause.scheduledTime });
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
  await wanted.say();
  return attach();
}

/** Ends the pause, at the user's wish or because the minute is over. */
export async function resume(): Promise<Attachment> {
  await chrome.alarms.clear(ALARM);
  return attach();
}

/** Asks anew whether Claviger is wanted: the user may have set it up a moment ago. */
export async function lookForPin(): Promise<Attachment> {
  await wanted.look();
  return attach();
}

/** Whether an alarm that went off is this module's. */
export function isOurs(alarm: chrome.alarms.Alarm): boolean {
  return alarm.name === ALARM || wanted.owns(alarm);
}

async function remember(attachment: Attachment): Promise<Attachment> {
  await chrome.storage.session.set({ attachment });
  return attachment;
}
