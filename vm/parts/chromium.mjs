// Stock Chromium without a display and without any extension, driven by its own DevTools protocol: JSON over two pipes.
//
// Playwright, which drives it elsewhere, takes longer to load here than all of this file has to do.

import { spawn } from "node:child_process";
import { mkdtempSync, openSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { until } from "../../e2e/lib/wait.mjs";

/** Nothing that calls home, and nothing that costs time where everything is computed in software. Nothing of this concerns
 * security keys. */
const SWITCHES = [
  "--headless=new",
  "--no-sandbox",
  "--remote-debugging-pipe",
  "--disable-background-networking",
  "--disable-breakpad",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-extensions",
  "--disable-gpu",
  // Its drawing process ends itself when it was too slow, and the sixth time takes the browser along.
  "--disable-gpu-process-crash-limit",
  "--disable-gpu-watchdog",
  "--disable-quic",
  "--disable-sync",
  "--force-prefers-reduced-motion",
  "--js-flags=--jitless",
  "--mute-audio",
  "--no-default-browser-check",
  "--no-first-run",
  "--password-store=basic",
  // What it says to security keys, and hears from them, goes to its log.
  "--enable-logging=stderr",
  "--vmodule=device_event_log_impl=1",
];

export class Chromium {
  #child;
  #ended = null;
  #received = Buffer.alloc(0);
  #waiting = new Map();
  #next = 1;
  #page;

  static async open(log) {
    const browser = new Chromium();
    const output = openSync(log, "a");
    const profile = mkdtempSync(path.join(os.tmpdir(), "chromium-"));
    // Its animations leave the one processor to whoever has something to do; as root it would give itself priority.
    const command = ["--bounding-set=-sys_nice", "nice", "-n", "15", "chromium", ...SWITCHES, `--user-data-dir=${profile}`, "about:blank"];
    browser.#child = spawn("setpriv", command, { stdio: ["ignore", output, output, "pipe", "pipe"] });
    browser.#child.once("error", (error) => browser.#end(error.message));
    browser.#child.once("exit", (status, signal) => browser.#end(`Chromium ended: ${status ?? signal}`));
    browser.#child.stdio[3].on("error", (error) => browser.#end(error.message));
    browser.#child.stdio[4].on("data", (data) => browser.#take(data));
    const { targetInfos } = await browser.#command("Target.getTargets");
    const { targetId } = targetInfos.find(({ type }) => type === "page") ?? (await browser.#command("Target.createTarget", { url: "about:blank" }));
    browser.#page = (await browser.#command("Target.attachToTarget", { targetId, flatten: true })).sessionId;
    return browser;
  }

  async goTo(url, ms) {
    const { errorText } = await this.#command("Page.navigate", { url });
    if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
    await until(() => this.evaluate(`document.URL.startsWith(${JSON.stringify(url)}) && document.readyState === "complete"`), ms, `showing ${url}`);
  }

  /** The value of an expression in the page, which may be a promise. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.#command("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  version() {
    return this.evaluate("navigator.userAgent");
  }

  async close() {
    if (this.#ended !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }

  /** Each message ends with a zero. */
  #take(data) {
    this.#received = Buffer.concat([this.#received, data]);
    for (let end; (end = this.#received.indexOf(0)) >= 0; this.#received = this.#received.subarray(end + 1)) {
      const { id, error, result } = JSON.parse(this.#received.subarray(0, end));
      const { resolve, reject } = this.#waiting.get(id) ?? {};
      this.#waiting.delete(id);
      if (error) reject?.(new Error(error.message));
      else resolve?.(result);
    }
  }

  #command(method, params = {}) {
    if (this.#ended !== null) return Promise.reject(new Error(this.#ended));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId: this.#page })}\0`);
    });
  }

  #end(why) {
    this.#ended ??= why;
    for (const { reject } of this.#waiting.values()) reject(new Error(why));
    this.#waiting.clear();
  }
}
