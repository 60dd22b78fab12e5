// What keeps pages from piling up work without end.

/** Most open requests of a profile, those included that wait for their page to be shown. */
export const MAX_OPEN = 64;

/** How long a request may take when its page does not say, at least and at most, in ms: as the platform has it. */
const [DEFAULT_MS, MIN_MS, MAX_MS] = [300_000, 15_000, 600_000];

/** Time for the platform to say by itself that a request's time is over, in ms. */
const GRACE_MS = 2_000;

/** How long a request may be open. */
export function timeOf(publicKey: { [key: string]: unknown }): number {
  const wish = publicKey["timeout"];
  const ms = typeof wish === "number" ? Math.min(Math.max(wish, MIN_MS), MAX_MS) : DEFAULT_MS;
  return ms + GRACE_MS;
}

/** A question that is under way once, however many ask it: whoever asks meanwhile gets the same answer. */
export function shared<Answer>(question: () => Promise<Answer>): () => Promise<Answer> {
  let asked: Promise<Answer> | null = null;
  return () => (asked ??= question().finally(() => (asked = null)));
}
