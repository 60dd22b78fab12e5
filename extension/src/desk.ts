// Which of the open requests is being asked: one at a time, that of the page in front.
//
// A tab behind another may ask as well as the one in front, and a question of its would stand before the other's. So requests of pages
// that nobody sees are held until they are seen or their time is over, and one that is being asked makes room for the page in front.
// An answer that comes when its page is not shown any more is kept until it is: Chromium would throw it away.

import { NOT_ALLOWED, type Outcome } from "./ceremony.js";
import { Page, Rank, type Place } from "./page.js";

/** How long a request stays open when a frame has gone that may have made it, in ms: the page around it may have, too. */
const DOUBT_MS = 20_000;

/** A ceremony under way. */
export interface Course {
  readonly outcome: Promise<Outcome>;
  abandon(): void;
  fail(): void;
  /** What became of a good answer. */
  delivered(yes: boolean): void;
}

/** What the desk needs from its surroundings. */
export interface Clock {
  setTimeout(callback: () => void, ms: number): number;
  clearTimeout(id: number): void;
}

/** One request, from its arrival to its end. */
export class Visit {
  /** Settles exactly once, whatever happens; never rejects. */
  readonly outcome: Promise<Outcome>;
  readonly page = new Page();
  readonly origin: string;
  readonly begin: () => Course;
  /** What is under way, or has a good answer that waits for its page to be shown. */
  course: Course | null = null;
  answer: Outcome | null = null;
  /** The number of the newest look at its page that has been taken in. */
  seen = 0;
  timer: number | null = null;
  doubt: number | null = null;
  settle: (outcome: Outcome) => void = () => undefined;

  constructor(origin: string, begin: () => Course) {
    this.origin = origin;
    this.begin = begin;
    this.outcome = new Promise((resolve) => (this.settle = resolve));
  }
}

export class Desk {
  readonly #look: (origin: string) => Promise<Place[]>;
  readonly #clock: Clock;
  /** In the order in which they came. */
  readonly #visits = new Set<Visit>();
  /** How many looks at pages have begun. */
  #looks = 0;

  constructor(look: (origin: string) => Promise<Place[]>, clock: Clock) {
    this.#look = look;
    this.#clock = clock;
  }

  /** How many requests are open. */
  get size(): number {
    return this.#visits.size;
  }

  /** Takes a request in. It is begun, perhaps more than once, when it is its page's turn, and fails after `ms`. */
  async enter(visit: Visit, ms: number): Promise<Outcome> {
    this.#visits.add(visit);
    visit.timer = this.#clock.setTimeout(() => this.#end(visit, { type: "failed", error: NOT_ALLOWED, problem: null }), ms);
    await this.lookAgain();
    return visit.outcome;
  }

  /** The site gave its request up. */
  abandon(visit: Visit): void {
    this.#end(visit, { type: "abandoned" });
  }

  /** The site's requests all make room for the browser's own handling. */
  abandonAll(): void {
    for (const visit of [...this.#visits]) this.abandon(visit);
  }

  /** Tabs, windows or documents have changed, or it is time to see whether they have. */
  async lookAgain(): Promise<void> {
    await Promise.all([...this.#visits].map((visit) => this.#lookAt(visit)));
    this.#arrange();
  }

  async #lookAt(visit: Visit): Promise<void> {
    const look = (this.#looks += 1);
    const places = await this.#look(visit.origin);
    // A look that began earlier and took longer tells of tabs as they were.
    if (!this.#visits.has(visit) || look < visit.seen) return;
    visit.seen = look;
    const end = (): void => this.#end(visit, { type: "failed", error: NOT_ALLOWED, problem: null });
    if (!visit.page.look(places)) return end();
    // While the request is open, Chromium refuses every other one of the page.
    if (visit.page.doubtful) visit.doubt ??= this.#clock.setTimeout(end, DOUBT_MS);
  }

  /** Lets the page in front have its turn, and delivers what waited for its page. */
  #arrange(): void {
    for (const visit of [...this.#visits]) {
      if (visit.answer !== null && visit.page.rank !== Rank.Behind) this.#over(visit, visit.answer);
    }
    const open = [...this.#visits].filter(({ answer }) => answer === null);
    const asked = open.find(({ course }) => course !== null);
    const next = open
      .filter(({ page, course }) => course === null && page.rank !== Rank.Behind)
      .reduce<Visit | undefined>((best, one) => (best === undefined || one.page.rank < best.page.rank ? one : best), undefined);
    if (next === undefined || (asked !== undefined && asked.page.rank <= next.page.rank)) return;
    if (asked !== undefined) {
      const { course } = asked;
      asked.course = null;
      course?.abandon();
    }
    this.#start(next);
  }

  #start(visit: Visit): void {
    const course = visit.begin();
    visit.course = course;
    void course.outcome.then(async (outcome) => {
      // It was withdrawn to make room, or its request has ended.
      if (visit.course !== course || !this.#visits.has(visit)) return;
      if (outcome.type !== "ok") return this.#over(visit, outcome);
      visit.answer = outcome;
      await this.#lookAt(visit);
      this.#arrange();
    });
  }

  /** Ends a request from outside: whatever is under way is withdrawn, and an answer is not delivered. */
  #end(visit: Visit, outcome: Outcome): void {
    if (!this.#visits.has(visit)) return;
    const { course, answer } = visit;
    this.#over(visit, outcome);
    if (answer !== null) course?.delivered(false);
    else if (outcome.type === "abandoned") course?.abandon();
    else course?.fail();
  }

  #over(visit: Visit, outcome: Outcome): void {
    this.#visits.delete(visit);
    for (const timer of [visit.timer, visit.doubt]) if (timer !== null) this.#clock.clearTimeout(timer);
    visit.settle(outcome);
    this.#arrange();
  }
}
