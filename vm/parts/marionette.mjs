// Stock Firefox without a display, driven by what is built into it: Marionette, JSON over TCP.

import { spawn } from "node:child_process";
import { mkdtempSync, openSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { until } from "../../e2e/lib/wait.mjs";

/** Nothing that calls home, and no page before the one that is asked for. Nothing of this concerns security keys. */
const PREFERENCES = {
  "app.normandy.enabled": false,
  "app.update.enabled": false,
  "browser.newtabpage.enabled": false,
  "browser.safebrowsing.update.enabled": false,
  "browser.search.update": false,
  "browser.shell.checkDefaultBrowser": false,
  "browser.startup.homepage_override.mstone": "ignore",
  "browser.startup.page": 0,
  "browser.topsites.contile.enabled": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "dom.ipc.processPrelaunch.enabled": false,
  "extensions.getAddons.cache.enabled": false,
  "extensions.systemAddon.update.enabled": false,
  "extensions.update.enabled": false,
  "media.gmp-manager.updateEnabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "places.history.enabled": false,
  "services.settings.server": "data:,",
  "toolkit.telemetry.enabled": false,
};

const PORT = 2828;

export class Firefox {
  #child;
  #socket;
  #received = Buffer.alloc(0);
  #waiting = new Map();
  #next = 1;

  static async open(log, ms) {
    const browser = new Firefox();
    await browser.#start(log, ms);
    await browser.#command("WebDriver:NewSession", { capabilities: { alwaysMatch: { timeouts: { pageLoad: ms, script: ms } } } });
    return browser;
  }

  async goTo(url) {
    await this.#command("WebDriver:Navigate", { url });
  }

  /** The value of an expression in the page, which may be a promise. */
  async evaluate(expression) {
    const script = `const [done] = arguments; (async () => (${expression}))().then((value) => done({ value }), (error) => done({ error: String(error) }));`;
    const { value } = await this.#command("WebDriver:ExecuteAsyncScript", { script, args: [], sandbox: null });
    if (value.error !== undefined) throw new Error(value.error);
    return value.value;
  }

  async version() {
    const { value } = await this.#command("WebDriver:ExecuteScript", { script: "return navigator.userAgent", args: [] });
    return value;
  }

  async close() {
    this.#socket?.destroy();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }

  async #start(log, ms) {
    const profile = mkdtempSync(path.join(os.tmpdir(), "firefox-"));
    const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`);
    writeFileSync(path.join(profile, "user.js"), lines.join(""));
    const output = openSync(log, "a");
    const args = ["--headless", "--marionette", "--no-remote", "--profile", profile];
    this.#child = spawn("nice", ["-n", "15", "firefox-esr", ...args], { stdio: ["ignore", output, output], env: { ...process.env, MOZ_CRASHREPORTER_DISABLE: "1" } });
    let failed = null;
    this.#child.once("error", (error) => (failed = error.message));
    this.#child.once("exit", (status, signal) => (failed = `Firefox ended: ${status ?? signal}`));
    await until(async () => {
      if (failed !== null) throw new Error(failed);
      return (this.#socket = await connect());
    }, ms, "Firefox's start");
    this.#socket.on("data", (data) => this.#take(data));
    // Its greeting has no number.
    await new Promise((resolve) => this.#waiting.set(undefined, { resolve }));
  }

  #take(data) {
    this.#received = Buffer.concat([this.#received, data]);
    for (;;) {
      const colon = this.#received.indexOf(":");
      const end = colon + 1 + Number(this.#received.subarray(0, colon));
      if (colon < 0 || this.#received.length < end) return;
      const message = JSON.parse(this.#received.subarray(colon + 1, end));
      this.#received = this.#received.subarray(end);
      const [, number, error, result] = Array.isArray(message) ? message : [];
      const { resolve, reject } = this.#waiting.get(number) ?? {};
      this.#waiting.delete(number);
      if (error) reject?.(new Error(`${error.error}: ${error.message}`));
      else resolve?.(result);
    }
  }

  #command(name, parameters) {
    const number = this.#next++;
    const message = JSON.stringify([0, number, name, parameters]);
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      this.#socket.write(`${Buffer.byteLength(message)}:${message}`);
    });
  }
}

function connect() {
  return new Promise((resolve) => {
    const socket = net.connect(PORT, "127.0.0.1");
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => resolve(null));
  });
}
