// Waiting for something to become true, with an end.

/** Resolves with the first truthy value of `probe`, which is asked every few milliseconds; rejects after `ms`. */
export async function until(probe, ms, what = "what was waited for") {
  const end = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what} did not happen within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
