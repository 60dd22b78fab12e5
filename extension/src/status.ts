// What the popup and the badge say, as plain data.

import type { HostStatus } from "./protocol.js";

export type Attachment =
  | { state: "attached" }
  /** Installed for all users of the machine, and this one has not set Claviger up. */
  | { state: "waiting" }
  /** The user asked for the browser's own handling until then (ms since the epoch). */
  | { state: "paused"; until: number }
  /** The browser refused, e.g. because another extension is attached. */
  | { state: "refused"; reason: string };

export interface Situation {
  attachment: Attachment;
  /** What the native host said, or why it could not be asked. */
  host: HostStatus | { missing: string };
  /** How many sites wait for an answer right now. */
  running: number;
  /** What went wrong the last time, or is in the way now, for the user; null once a ceremony has worked again. */
  lastProblem: string | null;
}

export interface Line {
  good: boolean;
  title: string;
  detail: string;
}

export interface Badge {
  text: string;
  color: string;
  title: string;
}

/** The three questions a user has: does the browser ask us, are we there, can we ask you? */
export function lines(situation: Situation): Line[] {
  return [attachmentLine(situation.attachment), hostLine(situation.host), promptLine(situation.host)];
}

/** @param unread a problem that the user has not opened the popup for since it came up */
export function badge(attachment: Attachment, running: number, unread: string | null): Badge {
  if (attachment.state === "attached" && unread !== null) return { text: "!", color: "#b3261e", title: `Claviger: ${unread}` };
  switch (attachment.state) {
    case "refused":
      return { text: "!", color: "#b3261e", title: `Claviger is not in charge of passkeys: ${attachment.reason}` };
    case "paused":
      return { text: "KEY", color: "#5f6368", title: "Claviger rests: the browser's own passkey handling is on" };
    case "waiting":
      return { text: "", color: "#5f6368", title: "Claviger is not set up yet: the browser's own passkey handling is on" };
    case "attached":
      return running > 0
        ? { text: String(running), color: "#1a56b0", title: "Claviger: a site waits for your answer" }
        : { text: "", color: "#1a56b0", title: "Claviger" };
  }
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function attachmentLine(attachment: Attachment): Line {
  switch (attachment.state) {
    case "attached":
      return { good: true, title: "In charge of passkeys", detail: "This browser hands passkey requests to Claviger." };
    case "paused":
      return { good: false, title: "Resting", detail: "Security keys and phones work now. Claviger comes back by itself within a minute." };
    case "waiting":
      return { good: false, title: "Not set up yet", detail: "Security keys and phones work as before. Claviger takes over once you have chosen a PIN or say so below." };
    case "refused":
      return {
        good: false,
        title: "Not in charge of passkeys",
        detail: `The browser said: ${attachment.reason} Only one extension can do this; turn off other password managers' or remote desktops' passkey handling, then reload this extension.`,
      };
  }
}

function hostLine(host: Situation["host"]): Line {
  if ("missing" in host) {
    return { good: false, title: "Platform not found", detail: `The browser said: ${host.missing} Run “claviger setup” in a terminal, then restart the browser.` };
  }
  if (!host.platform) {
    return { good: false, title: "Platform not running", detail: host.problem ?? "Run “claviger doctor” in a terminal to see why." };
  }
  return { good: true, title: "Platform found", detail: host.pin ? "A PIN has been chosen." : "The first passkey will ask you to choose a PIN." };
}

function promptLine(host: Situation["host"]): Line {
  if ("missing" in host || !host.platform) return { good: false, title: "No prompt", detail: "Without the platform nothing can ask you." };
  if (host.prompt === null) {
    return { good: false, title: "No prompt", detail: "Nothing could ask you for consent. Run “claviger prompt” in a terminal." };
  }
  if (host.prompt === "scripted") {
    return { good: false, title: "Scripted prompt", detail: "A script answers in your place. This is for tests only." };
  }
  return { good: true, title: "Prompt running", detail: `Questions appear in the ${host.prompt} prompt.` };
}
