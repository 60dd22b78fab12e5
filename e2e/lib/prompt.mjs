// A scripted prompt: `claviger prompt --script FILE`, and what it saw.

import { spawn } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { program } from "./paths.mjs";
import { until } from "./wait.mjs";

export class Prompt {
  /** Every event that the prompt reported: `attached`, `view`, `action`, `refused`. */
  events = [];
  /** Told of each event as it comes. */
  onEvent = () => undefined;
  #child;
  #ended;

  /** Starts a prompt with these rules on a platform; it has taken over when this resolves. */
  static async start(platform, rules) {
    const file = path.join(platform.dir, "script.json");
    writeFileSync(file, JSON.stringify(rules), { mode: 0o600 });
    const prompt = new Prompt(platform, file);
    await until(() => prompt.#ended !== undefined || prompt.events.some((event) => event.event === "attached"), 60_000, "attaching the prompt");
    if (prompt.#ended !== undefined) throw new Error(`the prompt ended with status ${prompt.#ended}: see prompt.log`);
    return prompt;
  }

  constructor(platform, file) {
    const env = { ...process.env, ...platform.env, CLAVIGER_LOG: platform.log };
    this.#child = spawn(program("claviger"), ["prompt", "--script", file], { env, stdio: ["ignore", "pipe", "pipe"] });
    const log = path.join(platform.logs, "prompt.log");
    this.#child.stderr.on("data", (data) => appendFileSync(log, data));
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      appendFileSync(log, `${line}\n`);
      const event = JSON.parse(line);
      this.events.push(event);
      this.onEvent(event);
    });
    this.#child.on("exit", (status, signal) => (this.#ended = status ?? signal));
  }

  get pid() {
    return this.#child.pid;
  }

  /** The views that were shown, oldest first. */
  get views() {
    return this.events.filter((event) => event.event === "view").map((event) => event.view);
  }

  /** Resolves with the first view, past or future, that fits. */
  view(fits, ms = 60_000) {
    return until(() => this.views.find(fits), ms, "the awaited view");
  }

  async stop() {
    if (this.#ended === undefined) this.#child.kill("SIGTERM");
    await until(() => this.#ended !== undefined, 5_000, "the end of the prompt").catch(() => this.#child.kill("SIGKILL"));
  }
}
