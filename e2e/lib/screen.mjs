// A screen in memory with a window manager, and a person in front of it who answers what Claviger's window asks.

import { spawn } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { fromRoot } from "./paths.mjs";
import { until } from "./wait.mjs";

export class Screen {
  #programs = [];

  /** Starts the screen; `env` has what a window needs to know of it. */
  static async start() {
    const screen = new Screen();
    const server = screen.#run("Xvfb", ["-displayfd", "3", "-screen", "0", "1280x900x24", "-nolisten", "tcp", "-noreset"], { stdio: ["ignore", "ignore", "ignore", "pipe"] });
    let number = "";
    server.stdio[3].on("data", (data) => (number += data));
    await until(() => number.endsWith("\n"), 20_000, "the screen in memory");
    screen.env = { DISPLAY: `:${number.trim()}`, GDK_BACKEND: "x11" };
    screen.#run("openbox", [], { stdio: "ignore", env: { ...process.env, ...screen.env } });
    return screen;
  }

  /**
   * A person who answers by these rules (see e2e/prompt/person.py).
   *
   * @param {import("./platform.mjs").Platform} platform whose window it is
   * @param {object[]} rules
   * @param {string} pictures where a picture of each screen goes
   * @param {(screen: {says: string[], typed: boolean, pressed: string}) => void} onScreen told of each screen that was answered
   */
  async person(platform, rules, pictures, onScreen) {
    const file = path.join(platform.dir, "rules.json");
    writeFileSync(file, JSON.stringify(rules), { mode: 0o600 });
    const env = { ...process.env, ...platform.env, ...this.env };
    const person = this.#run("/usr/bin/python3", ["-W", "ignore", fromRoot("e2e/prompt/person.py"), file, pictures], { stdio: ["pipe", "pipe", "pipe"], env });
    person.stderr.on("data", (data) => appendFileSync(path.join(platform.logs, "person.log"), data));
    let ready = false;
    createInterface({ input: person.stdout }).on("line", (line) => {
      const said = JSON.parse(line);
      if (said.ready) ready = true;
      else onScreen(said);
    });
    await until(() => ready || person.exitCode !== null, 60_000, "the person");
    if (!ready) throw new Error("the person at the window ended: see person.log");
  }

  async stop() {
    for (const program of this.#programs.reverse()) {
      if (program.exitCode !== null || program.signalCode !== null) continue;
      program.kill("SIGTERM");
      await new Promise((resolve) => program.once("exit", resolve));
    }
  }

  #run(program, args, options) {
    const child = spawn(program, args, options);
    child.on("error", () => undefined);
    this.#programs.push(child);
    return child;
  }
}
