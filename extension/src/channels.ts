// The one native host of this profile, and the channels in it.
//
// Starting a process takes longer than all else in a ceremony, so one host stays for as long as the worker lives. Each ceremony
// and each question has a channel of its own: a name that nobody can guess, which the host puts beside every answer. What comes
// for a channel that is not open, because it is late, crosses another or was made up, is dropped.

import type { HostPort } from "./ceremony.js";
import { isObject, type ToHost } from "./protocol.js";

/** The part of `chrome.runtime.Port` that is needed. */
export interface NativePort {
  postMessage(message: unknown): void;
  disconnect(): void;
  onMessage: { addListener(listener: (message: unknown) => void): void };
  onDisconnect: { addListener(listener: () => void): void };
}

/** What the browser has for it. */
export interface Browser {
  connectNative(): NativePort;
  /** Why the port just closed, in the browser's words. */
  lastError(): string | undefined;
  /** A name that nobody can guess. */
  name(): string;
}

interface Ends {
  message: (message: unknown) => void;
  closed: () => void;
}

export class Channels {
  readonly #browser: Browser;
  readonly #open = new Map<string, Ends>();
  #host: NativePort | null = null;
  #why: string | undefined;

  constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** Starts the host, if none runs, so that the first request does not have to wait for it. */
  warm(): void {
    this.#host ??= this.#start();
  }

  /** Opens a channel. It looks like a port, and closes with the host. */
  connect(): HostPort {
    this.warm();
    const name = this.#browser.name();
    const ends: Ends = { message: () => undefined, closed: () => undefined };
    this.#open.set(name, ends);
    return {
      postMessage: (message) => {
        if (!this.#open.has(name)) throw new Error("the channel is closed");
        this.#send(name, message);
      },
      disconnect: () => {
        if (this.#open.delete(name)) this.#send(name, { type: "close" });
      },
      onMessage: { addListener: (listener) => (ends.message = listener) },
      onDisconnect: { addListener: (listener) => (ends.closed = listener) },
    };
  }

  /** Why the host ended the last time. */
  lastError(): string | undefined {
    return this.#why;
  }

  #start(): NativePort {
    const host = this.#browser.connectNative();
    host.onMessage.addListener((message) => {
      if (isObject(message) && typeof message["channel"] === "string") this.#open.get(message["channel"])?.message(message);
    });
    host.onDisconnect.addListener(() => {
      this.#why = this.#browser.lastError();
      this.#host = null;
      const all = [...this.#open.values()];
      this.#open.clear();
      for (const ends of all) ends.closed();
    });
    return host;
  }

  #send(channel: string, message: ToHost | { type: "close" }): void {
    try {
      this.#host?.postMessage({ channel, ...message });
    } catch {
      // It has just ended, which closes every channel.
    }
  }
}
