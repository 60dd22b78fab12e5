// Debian's Chromium on a throw-away profile, with the extension, as part of a platform.

import { existsSync, readFileSync, realpathSync } from "node:fs";
import { chromium } from "playwright-core";
import { fromRoot } from "./paths.mjs";
import { EXTENSION_ID } from "./platform.mjs";
import { until } from "./wait.mjs";

const EXTENSION = fromRoot("extension/dist");

/** The switches that make Chromium use the extension and keep it from calling home. */
export function switches({ headless, further = [] }) {
  return [
    ...(headless ? ["--headless=new", "--disable-gpu"] : []),
    // Chromium's own sandbox cannot be had as root.
    ...(process.getuid() === 0 ? ["--no-sandbox"] : []),
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    `--disable-extensions-except=${EXTENSION}`,
    `--load-extension=${EXTENSION}`,
    ...further,
  ];
}

/** The Chromium of this machine, or the one that the variable CHROMIUM names. */
export function chromiumProgram() {
  const found = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find((program) => program !== undefined && existsSync(program));
  if (found === undefined) throw new Error("Chromium is not installed");
  // Ubuntu's package is a snap, which is shut in: it sees neither the extension's folder nor the native host.
  if (realpathSync(found).includes("/snap/") || readFileSync(found).subarray(0, 4096).includes("/snap/bin/chromium")) {
    throw new Error(`${found} is a snap, which cannot start native hosts. Install a Chromium that is none and name it: CHROMIUM=/path/to/chromium ./run`);
  }
  return found;
}

export class Browser {
  /** Opens a headless Chromium whose extension is attached. */
  static async open(platform, further = []) {
    const context = await chromium.launchPersistentContext(platform.userDataDir, {
      executablePath: chromiumProgram(),
      // Playwright's own headless mode has no extensions; the switch below is Chromium's new one, which has.
      headless: false,
      args: switches({ headless: true, further }),
      ignoreDefaultArgs: ["--disable-extensions", "--disable-component-extensions-with-background-pages"],
      env: { ...process.env, ...platform.env },
      viewport: { width: 1100, height: 900 },
    });
    const browser = new Browser(context);
    await until(async () => (await browser.attachment())?.state === "attached", 60_000, "attaching the extension");
    return browser;
  }

  constructor(context) {
    this.context = context;
  }

  /** The extension's service worker. */
  async worker() {
    const known = this.context.serviceWorkers().find((worker) => worker.url().includes(EXTENSION_ID));
    return known ?? this.context.waitForEvent("serviceworker", { timeout: 60_000 });
  }

  /** What the extension knows of its own attachment. */
  async attachment() {
    const worker = await this.worker();
    return worker.evaluate(async () => (await chrome.storage.session.get("attachment")).attachment);
  }

  async page(url) {
    const page = await this.context.newPage();
    await page.goto(url);
    return page;
  }

  async popup() {
    const popup = await this.context.newPage();
    await popup.setViewportSize({ width: 352, height: 480 });
    await popup.goto(`chrome-extension://${EXTENSION_ID}/popup.html`);
    await popup.waitForSelector("li.good, li.bad");
    return popup;
  }

  async close() {
    await this.context.close();
  }
}
