// What one test file runs on: a platform of its own, a playground, a browser; and what stays behind of it.
//
//   target/e2e/NAME/logs/        every log line of the file's platform, at the most verbose level
//   target/e2e/NAME/audit.jsonl  its audit log
//   target/e2e/NAME.bus          every message on its bus
//   target/e2e/NAME.jsonl        the ceremonies that the playground recorded
//   target/e2e/secrets.jsonl     what must be in none of the above but the record

import { spawn } from "node:child_process";
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { Browser } from "./browser.mjs";
import { fromRoot } from "./paths.mjs";
import { NOTEBOOK, Platform } from "./platform.mjs";
import { Playground } from "./playground.mjs";
import { Secrets } from "./secrets.mjs";
import * as site from "./site.mjs";

/** The folder of the whole run. */
export const RUN = fromRoot("target/e2e");

/** The PIN of every bed; long and odd, so that it is found nowhere by accident. */
export const PIN = "vexed-Quokka-8317";

/** Says yes to everything, with the right PIN. */
export const YES = { when: {}, do: { approve: true, pin: PIN } };
/** Says no to everything. */
export const NO = { when: {}, do: { refuse: true } };
/** Leaves every question open. */
export const OPEN = { when: {}, do: { hang: true } };

export class Bed {
  /**
   * Makes a bed.
   *
   * @param {string} name of the test file
   * @param {object} [options]
   * @param {boolean} [options.ready] whether the PIN is chosen and both providers are enabled
   * @param {string[]} [options.switches] further switches for Chromium
   * @param {Record<string, string>} [options.before] shell words before a role's command
   */
  static async make(name, { ready = true, switches = [], before = {} } = {}) {
    const bed = new Bed();
    bed.name = name;
    bed.secrets = new Secrets(path.join(RUN, "secrets.jsonl"));
    bed.secrets.add("PIN", PIN);
    const record = path.join(RUN, `${name}.jsonl`);
    rmSync(path.join(RUN, name), { recursive: true, force: true });
    mkdirSync(path.join(RUN, name, "logs"), { recursive: true });
    try {
      bed.platform = await Platform.start({ scripted: true, log: "trace", logs: path.join(RUN, name, "logs"), before });
      bed.monitor = bed.#listen();
      bed.playground = await Playground.start({ record });
      await bed.answers(YES);
      if (ready) {
        const { status, err } = await bed.platform.clavigerAsync("provider", "enable", NOTEBOOK);
        if (status !== 0) throw new Error(`the Notebook cannot be enabled: ${err}`);
      }
      bed.browser = await Browser.open(bed.platform, switches);
      bed.page = await bed.browser.page(bed.playground.origin);
    } catch (error) {
      await bed.clear();
      throw error;
    }
    return bed;
  }

  /** Puts a prompt with these rules into the user's place. */
  async answers(...rules) {
    this.prompt = await this.platform.script(rules);
    return this.prompt;
  }

  /** Registers at the playground; what the site got to see joins the secrets. */
  async register(wish, page = this.page) {
    // Chromium gives an answer only to a page that the user sees.
    await page.bringToFront();
    return this.#keep(await site.register(page, wish));
  }

  async signIn(wish, page = this.page) {
    await page.bringToFront();
    return this.#keep(await site.signIn(page, wish));
  }

  /** One call of the playground's own interface, past the browser. */
  async atPlayground(path, body) {
    const answer = await fetch(this.playground.origin + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    return answer.json();
  }

  /** Sends a ceremony straight to a native host, as a faulty or hostile extension could; `until` is the type of the answer to wait for. */
  async native(kind, request, until = "response") {
    const worker = await this.browser.worker();
    return worker.evaluate(
      ({ kind, request, until }) =>
        new Promise((resolve) => {
          const port = chrome.runtime.connectNative("org.claviger.browser");
          port.onMessage.addListener((message) => {
            if (![until, "error"].includes(message.type)) return;
            port.disconnect();
            resolve(message);
          });
          port.onDisconnect.addListener(() => resolve({ type: "closed", why: chrome.runtime.lastError?.message }));
          port.postMessage({ channel: "c", type: "ceremony", kind, request });
        }),
      { kind, request, until },
    );
  }

  /** The newest audit entry of a kind of ceremony. */
  lastAudit(event) {
    return this.platform.audit(10).filter((entry) => entry.event === event).at(-1);
  }

  /** What a role has logged so far. */
  log(role) {
    return readFileSync(path.join(RUN, this.name, "logs", `${role}.log`), "utf8");
  }

  /** Ends everything and keeps what the checks at the end of the run read. */
  async clear() {
    await this.browser?.close();
    await this.playground?.stop();
    if (this.platform !== undefined) {
      const audit = path.join(this.platform.env.XDG_STATE_HOME, "claviger/broker/audit.jsonl");
      if (existsSync(audit)) copyFileSync(audit, path.join(RUN, this.name, "audit.jsonl"));
      this.#keepNotebookKeys();
    }
    this.monitor?.kill();
    await this.platform?.stop();
  }

  /** Writes down everything that is said on the bus. */
  #listen() {
    const file = openSync(path.join(RUN, `${this.name}.bus`), "w");
    const monitor = spawn("dbus-monitor", ["--address", this.platform.busAddress], { stdio: ["ignore", file, "inherit"] });
    closeSync(file);
    return monitor;
  }

  #keep(outcome) {
    this.secrets.addOutcome(outcome);
    return outcome;
  }

  /** The Notebook keeps its keys in the clear, so its private keys can be looked for too. */
  #keepNotebookKeys() {
    const file = path.join(this.platform.notebookDir, "notebook.json");
    if (!existsSync(file)) return;
    for (const page of JSON.parse(readFileSync(file, "utf8"))) {
      this.secrets.add("private key", Buffer.from(page.secret, "base64url"));
      this.secrets.add("PRF seed", Buffer.from(page.prf_seed, "base64url"));
    }
  }
}
