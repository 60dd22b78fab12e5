// The native host as the browser gives it to us, and the questions that are no ceremony.

import type { Surroundings } from "./ceremony.js";
import { Channels } from "./channels.js";
import { HOST_NAME, parseFromHost, type FromHost, type ToHost } from "./protocol.js";

/** How long a question that no human has to answer may take, in ms. */
const ANSWER_MS = 3_000;

/** The host of this profile. */
export const channels = new Channels({
  connectNative: () => chrome.runtime.connectNative(HOST_NAME),
  lastError: () => chrome.runtime.lastError?.message,
  name: () => crypto.randomUUID(),
});

export const browser: Surroundings = {
  connect: () => channels.connect(),
  lastError: () => channels.lastError(),
  setInterval: (callback, ms) => setInterval(callback, ms) as unknown as number,
  clearInterval: (id) => clearInterval(id),
};

/** Asks the host one question in a channel of its own. Rejects with a text for the user. */
export function ask<Type extends FromHost["type"]>(question: ToHost, expected: Type): Promise<Extract<FromHost, { type: Type }>> {
  return new Promise((resolve, reject) => {
    const port = browser.connect();
    const timer = setTimeout(() => end(() => reject(new Error("The Claviger platform does not answer."))), ANSWER_MS);
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      port.disconnect();
      settle();
    };
    port.onMessage.addListener((value) => {
      const message = parseFromHost(value);
      if (message?.type === expected) end(() => resolve(message as Extract<FromHost, { type: Type }>));
      else end(() => reject(new Error(message?.type === "error" ? message.message : "The Claviger platform speaks another version.")));
    });
    port.onDisconnect.addListener(() => {
      const why = browser.lastError();
      end(() => reject(new Error(why ?? "The native host ended before it answered.")));
    });
    port.postMessage(question);
  });
}
