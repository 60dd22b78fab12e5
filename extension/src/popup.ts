// The popup: draws the situation that the worker describes.

import { lines, type Line, type Situation } from "./status.js";

const list = element("lines", HTMLUListElement);
const problem = element("problem", HTMLParagraphElement);
const button = element("switch", HTMLButtonElement);
const hint = element("hint", HTMLParagraphElement);

type Wish = "pause" | "resume" | "use";

/** What the button says and does in each state, and what is said below it. */
const CHOICES: { [state in Situation["attachment"]["state"]]: { wish: Wish; button: string; hint: string } } = {
  attached: { wish: "pause", button: "Use a security key instead", hint: "Gives the browser its own handling back for one minute" },
  refused: { wish: "pause", button: "Use a security key instead", hint: "Gives the browser its own handling back for one minute" },
  paused: { wish: "resume", button: "Use Claviger again", hint: "Try again on the site: the browser now asks for a key or a phone." },
  waiting: { wish: "use", button: "Use Claviger in this browser", hint: "The first passkey will ask you to choose a PIN." },
};

void show("status");

async function show(wish: Wish | "status"): Promise<void> {
  button.disabled = true;
  draw(await chrome.runtime.sendMessage<string, Situation>(wish));
}

function draw(situation: Situation): void {
  list.replaceChildren(...lines(situation).map(item));
  problem.textContent = situation.lastProblem === null ? "" : `Last problem: ${situation.lastProblem}`;
  const { wish, button: label, hint: below } = CHOICES[situation.attachment.state];
  button.textContent = label;
  button.onclick = () => void show(wish);
  button.disabled = false;
  const ends = situation.running > 0 ? " and ends the question that waits now." : ".";
  hint.textContent = wish === "pause" ? below + ends : below;
}

function item({ good, title, detail }: Line): HTMLLIElement {
  const line = document.createElement("li");
  line.className = good ? "good" : "bad";
  const strong = document.createElement("strong");
  strong.textContent = title;
  const text = document.createElement("span");
  text.textContent = detail;
  line.append(strong, text);
  return line;
}

function element<Type extends HTMLElement>(id: string, type: new () => Type): Type {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`popup.html has no #${id}`);
  return found;
}
