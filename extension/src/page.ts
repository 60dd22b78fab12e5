// Which documents a request may come from, whether they are still there, and whether a person sees them.
//
// Chromium 156 names the origin of a request, not its page, and tells the extension when a page's script aborts its request but not
// when the page is closed, leaves, or takes the frame away that asked. So the documents of the origin are looked up: those that
// are in front before any others. When the last of them has gone, so has the page.

/** How a tab stands to the person. An answer reaches a page only while its tab is shown. */
export enum Rank {
  /** Shown in the window that was used last. */
  Front = 0,
  /** Shown in another window. */
  Shown = 1,
  /** Behind another tab, or in a window that is put away. */
  Behind = 2,
}

/** A document of an origin. */
export interface Place {
  /** The browser's name for the document, which no other ever gets. */
  documentId: string;
  rank: Rank;
}

/** The documents that one request may come from. */
export class Page {
  /** Null until they have been looked up. */
  #documents: Set<string> | null = null;
  #rank: Rank | null = null;
  #doubtful = false;

  /** Takes in where the documents of the origin are now. False when the page has gone. */
  look(places: Place[]): boolean {
    if (this.#documents === null) {
      const best = Math.min(...places.map(({ rank }) => rank));
      this.#documents = new Set(places.filter(({ rank }) => rank === best).map(({ documentId }) => documentId));
    }
    // Where the first look found nothing there is nothing to watch: the request ends by its own time.
    if (this.#documents.size === 0) return true;
    const here = places.filter(({ documentId }) => this.#documents?.has(documentId));
    this.#doubtful ||= new Set(here.map(({ documentId }) => documentId)).size < this.#documents.size;
    this.#rank = here.length === 0 ? null : (Math.min(...here.map(({ rank }) => rank)) as Rank);
    return here.length > 0;
  }

  /** Whether one of them has gone, and it may have been the one that asked. */
  get doubtful(): boolean {
    return this.#doubtful;
  }

  /** How the best of them stands. One that was not looked for yet is held, and one that cannot be found is not. */
  get rank(): Rank {
    if (this.#documents === null) return Rank.Behind;
    return this.#rank ?? Rank.Shown;
  }
}

/** The documents of an origin: in the tabs that are shown, and if there are none, in any. */
export async function placesOf(origin: string): Promise<Place[]> {
  const [shown, windows, last] = await Promise.all([
    chrome.tabs.query({ active: true }),
    chrome.windows.getAll(),
    chrome.windows.getLastFocused().then(({ id }) => id, () => undefined),
  ]);
  const away = new Set(windows.filter(({ state }) => state === "minimized").map(({ id }) => id));
  const rankOf = (tab: chrome.tabs.Tab): Rank => {
    if (!tab.active || away.has(tab.windowId)) return Rank.Behind;
    return tab.windowId === last ? Rank.Front : Rank.Shown;
  };
  const inFront = await placesIn(shown, rankOf, origin);
  return inFront.length > 0 ? inFront : placesIn(await chrome.tabs.query({}), rankOf, origin);
}

async function placesIn(tabs: chrome.tabs.Tab[], rankOf: (tab: chrome.tabs.Tab) => Rank, origin: string): Promise<Place[]> {
  const found = await Promise.all(
    tabs.map(async (tab) => {
      if (tab.id === undefined) return [];
      const frames = (await chrome.webNavigation.getAllFrames({ tabId: tab.id })) ?? [];
      return frames.filter(({ url }) => originOf(url) === origin).map(({ documentId }) => ({ documentId, rank: rankOf(tab) }));
    }),
  );
  return found.flat();
}

function originOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).origin : null;
}
