import assert from "node:assert/strict";
import { test } from "node:test";
import { NOT_ALLOWED, type Outcome } from "../src/ceremony.js";
import { Desk, Visit, type Course } from "../src/desk.js";
import { Rank, type Place } from "../src/page.js";

const OK: Outcome = { type: "ok", response: { id: "AA" } };
const HELD: Outcome = { type: "failed", error: NOT_ALLOWED, problem: null };

/** A ceremony that the test plays by hand. */
class Played implements Course {
  readonly outcome: Promise<Outcome>;
  end: (outcome: Outcome) => void = () => undefined;
  readonly said: string[] = [];

  constructor() {
    this.outcome = new Promise((resolve) => (this.end = resolve));
  }
  abandon(): void {
    this.said.push("abandon");
    this.end({ type: "abandoned" });
  }
  fail(): void {
    this.said.push("fail");
    this.end(HELD);
  }
  delivered(yes: boolean): void {
    this.said.push(`delivered ${yes}`);
  }
}

/** A browser with one document per origin. */
class World {
  readonly places = new Map<string, Place[]>();
  readonly timers = new Map<number, () => void>();
  readonly begun: Record<string, Played[]> = {};
  readonly desk = new Desk(async (origin) => this.places.get(origin) ?? [], {
    setTimeout: (callback) => (this.timers.set(this.timers.size + 1, callback), this.timers.size),
    clearTimeout: (id) => void this.timers.delete(id),
  });

  stands(origin: string, rank: Rank): void {
    this.places.set(origin, [{ documentId: origin, rank }]);
  }
  ask(origin: string): { visit: Visit; outcome: Promise<Outcome> } {
    const visit = new Visit(origin, () => {
      const course = new Played();
      (this.begun[origin] ??= []).push(course);
      return course;
    });
    return { visit, outcome: this.desk.enter(visit, 1000) };
  }
  /** The ceremonies that were begun for an origin. */
  of(origin: string): Played[] {
    return this.begun[origin] ?? [];
  }
}

/** Until everything that follows by itself has followed. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a page behind another is held, and asked for when it is seen", async () => {
  const world = new World();
  world.stands("b", Rank.Behind);
  const { outcome } = world.ask("b");
  await settled();
  assert.equal(world.of("b").length, 0);
  world.stands("b", Rank.Front);
  await world.desk.lookAgain();
  world.of("b")[0]?.end(OK);
  assert.deepEqual(await outcome, OK);
});

test("a page behind another is held while it is looked for, whatever else changes meanwhile", async () => {
  const waiting: (() => void)[] = [];
  const desk = new Desk(
    (origin) => new Promise((resolve) => waiting.push(() => resolve([{ documentId: origin, rank: Rank.Behind }]))),
    { setTimeout: () => 0, clearTimeout: () => undefined },
  );
  const begun: string[] = [];
  for (const origin of ["a", "b"]) {
    void desk.enter(new Visit(origin, () => (begun.push(origin), new Played())), 1000);
  }
  // The first is found, which lets the next page have its turn; the second is still being looked for.
  waiting.shift()?.();
  await settled();
  assert.deepEqual(begun, []);
  for (const found of waiting) found();
  await settled();
  assert.deepEqual(begun, []);
});

test("a look that took longer than a later one changes nothing", async () => {
  const answers: ((places: Place[]) => void)[] = [];
  const desk = new Desk(() => new Promise((resolve) => answers.push(resolve)), { setTimeout: () => 0, clearTimeout: () => undefined });
  let begun = 0;
  void desk.enter(new Visit("a", () => ((begun += 1), new Played())), 1000);
  answers.shift()?.([{ documentId: "a", rank: Rank.Behind }]);
  await settled();
  void desk.lookAgain();
  void desk.lookAgain();
  const [older, newer] = answers;
  newer?.([{ documentId: "a", rank: Rank.Behind }]);
  await settled();
  older?.([{ documentId: "a", rank: Rank.Front }]);
  await settled();
  assert.equal(begun, 0);
});

test("fifty tabs ask at once: only the one in front is asked for", async () => {
  const world = new World();
  for (let n = 0; n < 50; n += 1) {
    world.stands(`tab-${n}`, n === 37 ? Rank.Front : Rank.Behind);
    void world.ask(`tab-${n}`);
  }
  await settled();
  assert.deepEqual(Object.keys(world.begun), ["tab-37"]);
});

test("the page in front goes before one that was asked for already, which comes again after it", async () => {
  const world = new World();
  world.stands("a", Rank.Front);
  const first = world.ask("a");
  await settled();
  world.stands("a", Rank.Behind);
  world.stands("b", Rank.Front);
  const second = world.ask("b");
  await world.desk.lookAgain();
  await settled();
  assert.deepEqual(world.of("a")[0]?.said, ["abandon"]);
  world.of("b")[0]?.end(OK);
  assert.deepEqual(await second.outcome, OK);
  world.stands("b", Rank.Behind);
  world.stands("a", Rank.Front);
  await world.desk.lookAgain();
  assert.equal(world.of("a").length, 2, "nobody has answered the first site");
  world.of("a")[1]?.end(OK);
  assert.deepEqual(await first.outcome, OK);
});

test("looking at another tab does not take a question away", async () => {
  const world = new World();
  world.stands("a", Rank.Front);
  void world.ask("a");
  await settled();
  world.stands("a", Rank.Behind);
  await world.desk.lookAgain();
  assert.deepEqual(world.of("a")[0]?.said, []);
});

test("two requests of one page are asked one after the other", async () => {
  const world = new World();
  world.stands("a", Rank.Front);
  const first = world.ask("a");
  void world.ask("a");
  await settled();
  assert.equal(world.of("a").length, 1);
  world.of("a")[0]?.end(OK);
  await first.outcome;
  await settled();
  assert.equal(world.of("a").length, 2);
});

test("an answer waits until its page is shown", async () => {
  const world = new World();
  world.stands("a", Rank.Front);
  const { visit, outcome } = world.ask("a");
  await settled();
  world.stands("a", Rank.Behind);
  world.of("a")[0]?.end(OK);
  await settled();
  assert.notEqual(visit.answer, null);
  world.stands("a", Rank.Shown);
  await world.desk.lookAgain();
  assert.deepEqual(await outcome, OK);
});

test("an answer whose page goes away meanwhile is not delivered, and that is said", async () => {
  const world = new World();
  world.stands("a", Rank.Front);
  const { outcome } = world.ask("a");
  await settled();
  world.stands("a", Rank.Behind);
  world.of("a")[0]?.end(OK);
  await settled();
  world.places.clear();
  await world.desk.lookAgain();
  assert.deepEqual(await outcome, HELD);
  assert.deepEqual(world.of("a")[0]?.said, ["delivered false"]);
});

test("a page that has gone takes its question along, and the next one is asked for", async () => {
  const world = new World();
  world.stands("a", Rank.Front);
  world.stands("b", Rank.Front);
  const { outcome } = world.ask("a");
  void world.ask("b");
  await settled();
  assert.equal(world.of("b").length, 0);
  world.places.delete("a");
  await world.desk.lookAgain();
  assert.deepEqual(await outcome, HELD);
  assert.deepEqual(world.of("a")[0]?.said, ["fail"]);
  assert.equal(world.of("b").length, 1);
});

test("what is held to the end of its time fails as if it had been declined", async () => {
  const world = new World();
  world.stands("a", Rank.Behind);
  const { outcome } = world.ask("a");
  await settled();
  for (const ring of [...world.timers.values()]) ring();
  assert.deepEqual(await outcome, HELD);
  assert.equal(world.desk.size, 0);
});

test("a site that gives up is forgotten, and a failure is told", async () => {
  const world = new World();
  world.stands("a", Rank.Front);
  const given = world.ask("a");
  await settled();
  world.desk.abandon(given.visit);
  assert.deepEqual(await given.outcome, { type: "abandoned" });
  assert.deepEqual(world.of("a")[0]?.said, ["abandon"]);
  const failed = world.ask("a");
  await settled();
  world.of("a")[1]?.end({ type: "failed", error: NOT_ALLOWED, problem: "no prompt" });
  assert.equal((await failed.outcome).type, "failed");
  assert.equal(world.timers.size, 0);
});

test("a request of a frame that was taken away, or of the page around it, is not open for long", async () => {
  const world = new World();
  const top = { documentId: "top", rank: Rank.Front };
  world.places.set("a", [top, { documentId: "frame", rank: Rank.Front }]);
  const { outcome } = world.ask("a");
  await settled();
  world.places.set("a", [top]);
  await world.desk.lookAgain();
  await world.desk.lookAgain();
  assert.deepEqual(world.of("a")[0]?.said, [], "it may have been the page itself that asked");
  assert.equal(world.timers.size, 2, "its own time, and that for the doubt");
  [...world.timers.values()].at(-1)?.();
  assert.deepEqual(await outcome, HELD);
  assert.equal(world.timers.size, 0);
});
