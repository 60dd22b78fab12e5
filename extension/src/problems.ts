// What the user is told when a request cannot be served: the last problem for the popup, and whether the icon has to point at it.
//
// The session's storage holds both, because the worker may sleep between the problem and the user's look at it.

/** The part of `chrome.storage.session` that is needed. */
export interface Storage {
  get(key: string): Promise<Record<string, unknown>>;
  set(items: Record<string, unknown>): Promise<void>;
}

export interface Noted {
  /** What went wrong the last time; null when things work. */
  last: string | null;
  /** The same, until the user has opened the popup. */
  unread: string | null;
}

const KEY = "problems";

export class Problems {
  readonly #storage: Storage;
  readonly #changed: () => Promise<void>;
  /** What the storage holds, once it has been read: nobody else writes it. */
  #noted: Noted | null = null;

  /** @param changed called whenever what is noted has changed */
  constructor(storage: Storage, changed: () => Promise<void>) {
    this.#storage = storage;
    this.#changed = changed;
  }

  async read(): Promise<Noted> {
    if (this.#noted !== null) return this.#noted;
    const { [KEY]: noted } = await this.#storage.get(KEY);
    this.#noted ??= (noted as Noted | undefined) ?? { last: null, unread: null };
    return this.#noted;
  }

  /** Something stands in the way of a request, or ended it. */
  async met(problem: string): Promise<void> {
    const { last, unread } = await this.read();
    // Told at once and again at the end: once read, it stays read.
    await this.#write(problem === last ? { last, unread } : { last: problem, unread: problem });
  }

  /** The user has opened the popup. */
  async seen(): Promise<void> {
    const { last } = await this.read();
    await this.#write({ last, unread: null });
  }

  /** It works again. */
  async over(): Promise<void> {
    const { last, unread } = await this.read();
    if (last !== null || unread !== null) await this.#write({ last: null, unread: null });
  }

  async #write(noted: Noted): Promise<void> {
    this.#noted = noted;
    await this.#storage.set({ [KEY]: noted });
    await this.#changed();
  }
}
