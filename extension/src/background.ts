// The service worker: wires the browser's events to the ceremonies.
//
// Every listener is registered while this file is first evaluated: the browser wakes a sleeping worker for an event and
// drops the event if its listener is not there by then.

import { attach, endsPause, pause, resume } from "./attachment.js";
import { Ceremony, NOT_ALLOWED, type Outcome } from "./ceremony.js";
import { ask, browser } from "./host.js";
import { MAX_RUNNING, shared } from "./limits.js";
import { framesOf, PageWatch } from "./page.js";
import type { Kind } from "./protocol.js";
import { readRequest } from "./request.js";
import { Problems } from "./problems.js";
import { badge, messageOf, type Attachment, type Situation } from "./status.js";

const proxy = chrome.webAuthenticationProxy;
const running = new Map<number, { ceremony: Ceremony; page: PageWatch }>();
const capabilities = shared(() => ask({ type: "capabilities" }, "capabilities"));
const problems = new Problems(chrome.storage.session, showBadge);
let attachment: Promise<Attachment> = attach();
void showBadge();

proxy.onCreateRequest.addListener((details) => {
  void perform("create", details, (answer) => proxy.completeCreateRequest(answer));
});
proxy.onGetRequest.addListener((details) => {
  void perform("get", details, (answer) => proxy.completeGetRequest(answer));
});
proxy.onRequestCanceled.addListener((requestId) => running.get(requestId)?.ceremony.abandon());
chrome.tabs.onRemoved.addListener((tabId) => {
  for (const { page } of running.values()) page.closed(tabId);
});
chrome.webNavigation.onCommitted.addListener((frame) => {
  for (const { page } of running.values()) page.left(frame);
});
chrome.webNavigation.onErrorOccurred.addListener((frame) => {
  // An error page replaces the document; what is only aborted (a download, an empty answer) leaves it where it is.
  if (frame.error === "net::ERR_ABORTED") return;
  for (const { page } of running.values()) page.left(frame);
});
proxy.onIsUvpaaRequest.addListener(({ requestId }) => {
  void capabilities()
    .then((answer) => answer.userVerifyingPlatformAuthenticator, () => false)
    .then((isUvpaa) => proxy.completeIsUvpaaRequest({ requestId, isUvpaa }));
});
chrome.alarms.onAlarm.addListener((alarm) => {
  if (endsPause(alarm)) change(resume());
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
  const outcome = await begin(kind, details);
  if (outcome.type === "ok") await problems.over();
  if (outcome.type === "failed" && outcome.problem !== null) await problems.met(outcome.problem);
  // An abandoned request is gone from the browser's list: completing it would only throw.
  if (outcome.type === "ok") await complete({ requestId, responseJson: JSON.stringify(outcome.response) });
  if (outcome.type === "failed") await complete({ requestId, error: outcome.error });
}

async function begin(kind: Kind, details: { requestId: number; requestDetailsJson: string }): Promise<Outcome> {
  if (running.size >= MAX_RUNNING) {
    return { type: "failed", error: NOT_ALLOWED, problem: "Too many sites ask for passkeys at the same time." };
  }
  try {
    const request = readRequest(details.requestId, details.requestDetailsJson);
    const ceremony = new Ceremony(kind, request, browser, (problem) => void problems.met(problem));
    const page = new PageWatch(() => ceremony.fail());
    running.set(details.requestId, { ceremony, page });
    void showBadge();
    void framesOf(request.origin).then((frames) => page.found(frames));
    return await ceremony.outcome;
  } catch (error) {
    return { type: "failed", error: NOT_ALLOWED, problem: messageOf(error) };
  } finally {
    running.delete(details.requestId);
    void showBadge();
  }
}

function change(next: Promise<Attachment>): void {
  attachment = next;
  void showBadge();
}

async function showBadge(): Promise<void> {
  const { text, color, title } = badge(await attachment, running.size, (await problems.read()).unread);
  await Promise.all([
    chrome.action.setBadgeText({ text }),
    chrome.action.setBadgeBackgroundColor({ color }),
    chrome.action.setTitle({ title }),
  ]);
}

/** The popup's three wishes: see how things are, rest for a minute, come back. */
async function answerPopup(message: unknown): Promise<Situation> {
  if (message === "pause") {
    await problems.over();
    for (const { ceremony } of running.values()) ceremony.abandon();
    change(pause());
  }
  if (message === "resume") change(resume());
  const { last } = await problems.read();
  await problems.seen();
  const host = await ask({ type: "status" }, "status").catch((error: unknown) => ({ missing: messageOf(error) }));
  return { attachment: await attachment, host, running: running.size, lastProblem: last };
}
