// Stock Chromium without a display and without any extension.

import { chromium } from "../../e2e/node_modules/playwright-core/index.mjs";
import { chromiumProgram } from "../../e2e/lib/browser.mjs";

const SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export class Chromium {
  #browser;
  #page;

  static async open(origin, _log, ms) {
    const browser = new Chromium();
    // Not Playwright's own headless mode, which is another program than the browser that people use.
    browser.#browser = await chromium.launch({ executablePath: chromiumProgram(), headless: false, args: ["--headless=new", ...SWITCHES], timeout: ms });
    browser.#page = await browser.#browser.newPage();
    await browser.#page.goto(origin, { timeout: ms });
    return browser;
  }

  /** The value of an expression in the page, which may be a promise. */
  evaluate(expression) {
    return this.#page.evaluate(expression);
  }

  version() {
    return this.evaluate("navigator.userAgent");
  }

  close() {
    return this.#browser.close();
  }
}
