// The service worker: wires the browser's events to the ceremonies.
//
// Every listener is registered while this file is first evaluated: the browser wakes a sleeping worker for an event and
// drops the event if its listener is not there by then.

import { attach, isOurs, lookForPin, pause, resume, use } from "./attachment.js";
import { Ceremony, HEARTBEAT_MS, NOT_ALLOWED, type Outcome } from "./ceremony.js";
import { Desk, Visit } from "./desk.js";
import { ask, browser, channels } from "./host.js";
import { MAX_OPEN, shared, timeOf } from "./limits.js";
import { placesOf } from "./page.js";
import type { Kind } from "./protocol.js";
import { readRequest } from "./request.js";
import { Problems } from "./problems.js";
import { badge, messageOf, type Attachment, type Badge, type Situation } from "./status.js";

/** How long the icon may be behind the number of open requests, in ms: one that ends at once is not worth the browser's work. */
const ICON_MS = 100;

const proxy = chrome.webAuthenticationProxy;
const desk = new Desk(placesOf, {
  setTimeout: (callback, ms) => setTimeout(callback, ms) as unknown as number,
  clearTimeout: (id) => clearTimeout(id),
});
const running = new Map<number, Visit>();
const capabilities = shared(() => ask({ type: "capabilities" }, "capabilities"));
const problems = new Problems(chrome.storage.session, showBadge);
let attachment: Promise<Attachment> = attach();
let shown: Badge | null = null;
let showing: number | null = null;
void showBadge();
void attachment.then(({ state }) => {
  if (state !== "waiting") channels.warm();
});
// A frame that is taken away and a window that is put away tell nobody.
setInterval(() => {
  if (desk.size > 0) void desk.lookAgain();
}, HEARTBEAT_MS);

proxy.onCreateRequest.addListener((details) => {
  void perform("create", details, (answer) => proxy.completeCreateRequest(answer));
});
proxy.onGetRequest.addListener((details) => {
  void perform("get", details, (answer) => proxy.completeGetRequest(answer));
});
proxy.onRequestCanceled.addListener((requestId) => {
  const visit = running.get(requestId);
  if (visit !== undefined) desk.abandon(visit);
});
const lookAgain = (): void => void desk.lookAgain();
chrome.tabs.onActivated.addListener(lookAgain);
chrome.tabs.onRemoved.addListener(lookAgain);
chrome.windows.onFocusChanged.addListener(lookAgain);
chrome.webNavigation.onCommitted.addListener(lookAgain);
chrome.webNavigation.onErrorOccurred.addListener(lookAgain);
proxy.onIsUvpaaRequest.addListener(({ requestId }) => {
  void capabilities()
    .then((answer) => answer.userVerifyingPlatformAuthenticator, () => false)
    .then((isUvpaa) => proxy.completeIsUvpaaRequest({ requestId, isUvpaa }));
});
chrome.alarms.onAlarm.addListener((alarm) => {
  if (isOurs(alarm)) change(resume());
});
// A worker that has just been installed or whose browser has just started has nothing to do but what the top of this
// file did; the listeners make the browser start it at all.
chrome.runtime.onStartup.addListener(() => undefined);
chrome.runtime.onInstalled.addListener(() => undefined);
chrome.runtime.onMessage.addListener((message: unknown, _sender, respond) => {
  void answerPopup(message).then(respond);
  return true;
});

/** What the browser takes as the end of a request. */
interface Answer {
  requestId: number;
  responseJson?: string;
  error?: { name: string; message: string };
}

async function perform(
  kind: Kind,
  details: { requestId: number; requestDetailsJson: string },
  complete: (answer: Answer) => Promise<void>,
): Promise<void> {
  const { requestId } = details;
  const { outcome, visit } = await begin(kind, details);
  if (outcome.type === "failed" && outcome.problem !== null) await problems.met(outcome.problem);
  // An abandoned request is gone from the browser's list: completing it would only throw.
  if (outcome.type === "failed") await complete({ requestId, error: outcome.error }).catch(() => undefined);
  if (outcome.type !== "ok") return;
  const refusal = await complete({ requestId, responseJson: JSON.stringify(outcome.response) }).then(() => null, messageOf);
  visit?.course?.delivered(refusal === null);
  if (refusal === null) return problems.over();
  // The request is over already, or the browser does not take this answer; then the page would wait for ever.
  await complete({ requestId, error: NOT_ALLOWED }).catch(() => undefined);
  await problems.met(`The browser did not take the answer: ${refusal}`);
}

async function begin(
  kind: Kind,
  details: { requestId: number; requestDetailsJson: string },
): Promise<{ outcome: Outcome; visit: Visit | null }> {
  if (desk.size >= MAX_OPEN) {
    return { outcome: { type: "failed", error: NOT_ALLOWED, problem: "Too many sites ask for passkeys at the same time." }, visit: null };
  }
  try {
    const request = readRequest(details.requestId, details.requestDetailsJson);
    const tell = (problem: string): void => void problems.met(problem);
    const visit = new Visit(request.origin, () => new Ceremony(kind, request, browser, tell));
    running.set(details.requestId, visit);
    showBadgeSoon();
    return { outcome: await desk.enter(visit, timeOf(request.publicKey)), visit };
  } catch (error) {
    return { outcome: { type: "failed", error: NOT_ALLOWED, problem: messageOf(error) }, visit: null };
  } finally {
    running.delete(details.requestId);
    showBadgeSoon();
  }
}

function change(next: Promise<Attachment>): void {
  attachment = next;
  void showBadge();
}

function showBadgeSoon(): void {
  showing ??= setTimeout(() => {
    showing = null;
    void showBadge();
  }, ICON_MS) as unknown as number;
}

async function showBadge(): Promise<void> {
  const next = badge(await attachment, running.size, (await problems.read()).unread);
  if (shown?.text === next.text && shown.title === next.title) return;
  shown = next;
  const { text, color, title } = next;
  await Promise.all([
    chrome.action.setBadgeText({ text }),
    chrome.action.setBadgeBackgroundColor({ color }),
    chrome.action.setTitle({ title }),
  ]);
}

/** The popup's wishes: see how things are, rest for a minute, come back, be used by somebody who has no PIN yet. */
async function answerPopup(message: unknown): Promise<Situation> {
  if (message === "pause") {
    await problems.over();
    desk.abandonAll();
    change(pause());
  }
  if (message === "resume") change(resume());
  if (message === "use") change(use());
  if (message === "status" && (await attachment).state === "waiting") change(lookForPin());
  const { last } = await problems.read();
  await problems.seen();
  const host = await ask({ type: "status" }, "status").catch((error: unknown) => ({ missing: messageOf(error) }));
  return { attachment: await attachment, host, running: running.size, lastProblem: last };
}
