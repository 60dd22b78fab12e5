// One ceremony: one channel of the native host from request to answer.
//
// The open port below also keeps the browser from putting the service worker to sleep while a person decides; heartbeats show
// both sides that the other is still there.

import { parseFromHost, type CeremonyRequest, type DomError, type JsonObject, type Kind, type ToHost } from "./protocol.js";

/** How often a heartbeat goes out, in ms. A host that has not answered one when the next is due counts as hung. */
export const HEARTBEAT_MS = 5_000;

/** A channel, as a ceremony needs it: like a port of the browser's. */
export interface HostPort {
  postMessage(message: ToHost): void;
  disconnect(): void;
  onMessage: { addListener(listener: (message: unknown) => void): void };
  onDisconnect: { addListener(listener: () => void): void };
}

/** What a ceremony needs from its surroundings. */
export interface Surroundings {
  connect(): HostPort;
  /** Why the port just closed, in the browser's words. */
  lastError(): string | undefined;
  setInterval(callback: () => void, ms: number): number;
  clearInterval(id: number): void;
}

export type Outcome =
  | { type: "ok"; response: JsonObject }
  | { type: "failed"; error: DomError; /** for the user alone */ problem: string | null }
  /** The site gave up first: the browser wants no answer any more. */
  | { type: "abandoned" };

/** All that a site learns of a failure that the standard does not let it learn more about. */
export const NOT_ALLOWED: DomError = {
  name: "NotAllowedError",
  message: "The operation either timed out or was not allowed. See: https://www.w3.org/TR/webauthn-3/#sctn-privacy-considerations-client.",
};

/** Errors that the standard lets a site see as such. */
const VISIBLE_ERRORS = new Set(["ConstraintError", "InvalidStateError", "NotSupportedError", "SecurityError", "SyntaxError", "TypeError"]);

/** What the site may see of an error of the platform. */
export function visibleError(error: DomError): DomError {
  return VISIBLE_ERRORS.has(error.name) ? error : NOT_ALLOWED;
}

export class Ceremony {
  /** Settles exactly once, whatever happens; never rejects. */
  readonly outcome: Promise<Outcome>;
  readonly #request: CeremonyRequest;
  readonly #surroundings: Surroundings;
  readonly #tell: (problem: string) => void;
  #settle: (outcome: Outcome) => void = () => undefined;
  #port: HostPort | null = null;
  #heartbeat: number | null = null;
  #pongDue = false;

  /** @param tell told what is in the request's way while it is open, in words for the user */
  constructor(kind: Kind, request: CeremonyRequest, surroundings: Surroundings, tell: (problem: string) => void) {
    this.#request = request;
    this.#surroundings = surroundings;
    this.#tell = tell;
    this.outcome = new Promise((resolve) => (this.#settle = resolve));
    this.#start(kind);
  }

  /** The site gave its request up: tells the platform and lets go. */
  abandon(): void {
    this.#withdraw({ type: "abandoned" });
  }

  /** The page has gone, but the browser still holds its request open: tells the platform and fails. */
  fail(): void {
    this.#withdraw({ type: "failed", error: NOT_ALLOWED, problem: null });
  }

  /** What became of a good answer: one that did not reach its page left a passkey that the site knows nothing of. */
  delivered(yes: boolean): void {
    if (!yes) this.#send({ type: "undelivered", requestId: this.#request.requestId });
    this.#close();
  }

  #start(kind: Kind): void {
    const port = this.#surroundings.connect();
    this.#port = port;
    port.onMessage.addListener((message) => this.#received(message));
    port.onDisconnect.addListener(() => {
      const why = this.#surroundings.lastError();
      this.#port = null;
      this.#fail(why ?? "the native host ended before it answered");
    });
    this.#heartbeat = this.#surroundings.setInterval(() => this.#beat(), HEARTBEAT_MS);
    this.#send({ type: "ceremony", kind, request: this.#request });
  }

  #beat(): void {
    if (this.#pongDue) return this.#fail("the native host no longer answers");
    this.#pongDue = true;
    this.#send({ type: "ping" });
  }

  #received(value: unknown): void {
    const message = parseFromHost(value);
    if (message?.type === "pong") {
      this.#pongDue = false;
    } else if (message?.type === "problem" && message.requestId === this.#request.requestId) {
      this.#tell(message.problem);
    } else if (message?.type === "response" && message.requestId === this.#request.requestId) {
      // The channel stays: what becomes of the answer is said in it.
      if ("ok" in message) this.#settle({ type: "ok", response: message.ok });
      else this.#finish({ type: "failed", error: visibleError(message.error), problem: message.problem });
    } else {
      this.#fail(message?.type === "error" ? message.message : "the native host and this extension do not understand each other");
    }
  }

  #withdraw(outcome: Outcome): void {
    this.#settle(outcome);
    this.#send({ type: "cancel", requestId: this.#request.requestId });
    this.#finish(outcome);
  }

  #fail(problem: string): void {
    this.#finish({ type: "failed", error: NOT_ALLOWED, problem });
  }

  /** The first outcome counts; later ones find the promise settled. */
  #finish(outcome: Outcome): void {
    this.#close();
    this.#settle(outcome);
  }

  #close(): void {
    if (this.#heartbeat !== null) this.#surroundings.clearInterval(this.#heartbeat);
    this.#heartbeat = null;
    this.#port?.disconnect();
    this.#port = null;
  }

  #send(message: ToHost): void {
    try {
      this.#port?.postMessage(message);
    } catch {
      this.#fail("the connection to the native host is closed");
    }
  }
}
