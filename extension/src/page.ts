// Notices that the page which asked has gone.
//
// Chromium 156 tells the extension when a page's script aborts its request, but not when the page is closed or leaves:
// the request then stays open in the browser and the question would stay in front of the user. A request does not say
// which page it is from, so the frames of its origin are looked up, those that the user sees before any others, and
// when the last of them has gone, so has the page.

/** One document in one tab. */
export interface Frame {
  tabId: number;
  frameId: number;
}

/** Watches the frames that a request may have come from. */
export class PageWatch {
  readonly #gone: () => void;
  /** Null until they have been looked up. */
  #frames: Frame[] | null = null;
  /** What ended while the frames were still being looked up. */
  readonly #early: ((frame: Frame) => boolean)[] = [];

  /** @param gone called once, when the last frame has gone */
  constructor(gone: () => void) {
    this.#gone = gone;
  }

  /** The lookup's result. Where it found nothing there is nothing to watch: the request ends by its own time. */
  found(frames: Frame[]): void {
    if (frames.length === 0) return;
    this.#frames = frames;
    for (const ended of this.#early) this.#drop(ended);
  }

  /** A tab was closed. */
  closed(tabId: number): void {
    this.#drop((frame) => frame.tabId === tabId);
  }

  /** A frame holds another document now; a tab's top frame (0) takes its inner frames along. */
  left({ tabId, frameId }: Frame): void {
    this.#drop((frame) => frame.tabId === tabId && (frameId === 0 || frame.frameId === frameId));
  }

  #drop(ended: (frame: Frame) => boolean): void {
    if (this.#frames === null) {
      this.#early.push(ended);
    } else if (this.#frames.length > 0) {
      this.#frames = this.#frames.filter((frame) => !ended(frame));
      if (this.#frames.length === 0) this.#gone();
    }
  }
}

/** The frames of an origin: in the tabs that are in front, else in any. */
export async function framesOf(origin: string): Promise<Frame[]> {
  const inFront = await framesIn(await chrome.tabs.query({ active: true }), origin);
  return inFront.length > 0 ? inFront : framesIn(await chrome.tabs.query({}), origin);
}

async function framesIn(tabs: chrome.tabs.Tab[], origin: string): Promise<Frame[]> {
  const found = await Promise.all(
    tabs.map(async ({ id: tabId }) => {
      if (tabId === undefined) return [];
      const frames = (await chrome.webNavigation.getAllFrames({ tabId })) ?? [];
      return frames.filter(({ url }) => originOf(url) === origin).map(({ frameId }) => ({ tabId, frameId }));
    }),
  );
  return found.flat();
}

function originOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).origin : null;
}
