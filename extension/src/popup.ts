// The popup: draws the situation that the worker describes.

import { lines, type Line, type Situation } from "./status.js";

const list = element("lines", HTMLUListElement);
const problem = element("problem", HTMLParagraphElement);
const button = element("switch", HTMLButtonElement);
const hint = element("hint", HTMLParagraphElement);

void show("status");

async function show(wish: "status" | "pause" | "resume"): Promise<void> {
  button.disabled = true;
  draw(await chrome.runtime.sendMessage<string, Situation>(wish));
}

function draw(situation: Situation): void {
  list.replaceChildren(...lines(situation).map(item));
  problem.textContent = situation.lastProblem === null ? "" : `Last problem: ${situation.lastProblem}`;
  const paused = situation.attachment.state === "paused";
  button.textContent = paused ? "Use Claviger again" : "Use a security key instead";
  button.onclick = () => void show(paused ? "resume" : "pause");
  button.disabled = false;
  hint.textContent = paused
    ? "Try again on the site: the browser now asks for a key or a phone."
    : "Gives the browser its own handling back for one minute" + (situation.running > 0 ? " and ends the question that waits now." : ".");
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
