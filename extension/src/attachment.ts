// Whether this extension is the one that handles the browser's passkey requests.
//
// Chromium allows one such extension per profile, and while one is attached the browser's own handling (security keys,
// phones) rests. Hence the way out: detach for a minute, then come back by an alarm, which outlives this worker.

import { messageOf, type Attachment } from "./status.js";

/** How long "use a security key instead" lasts. */
export const PAUSE_MINUTES = 1;

const ALARM = "attach-again";

/** Attaches unless the user asked for a pause that still runs. Called whenever the worker starts: attaching twice is harmless. */
export async function attach(): Promise<Attachment> {
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

/** Ends the pause, at the user's wish or because the minute is over. */
export async function resume(): Promise<Attachment> {
  await chrome.alarms.clear(ALARM);
  return attach();
}

/** Whether an alarm that went off is the end of the pause. */
export function endsPause(alarm: chrome.alarms.Alarm): boolean {
  return alarm.name === ALARM;
}

async function remember(attachment: Attachment): Promise<Attachment> {
  await chrome.storage.session.set({ attachment });
  return attachment;
}
