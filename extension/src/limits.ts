// What keeps a page from making the browser start native hosts without end: each port is a process.

/** Most ceremonies at a time. The platform takes four of one browser, so more than these would only be refused there. */
export const MAX_RUNNING = 8;

/** A question that is under way once, however many ask it: whoever asks meanwhile gets the same answer. */
export function shared<Answer>(question: () => Promise<Answer>): () => Promise<Answer> {
  let asked: Promise<Answer> | null = null;
  return () => (asked ??= question().finally(() => (asked = null)));
}
