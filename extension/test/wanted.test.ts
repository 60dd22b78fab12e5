import assert from "node:assert/strict";
import { test } from "node:test";
import { LATEST, SOONEST, Wanted, type Means } from "../src/wanted.js";

/** A profile, with what it keeps and the alarm that is set in it. */
class Profile implements Means {
  kept: Record<string, unknown> = {};
  alarm: { name: string; minutes: number } | null = null;
  pin = false;
  asked = 0;

  storage = {
    get: async (key: string) => (key in this.kept ? { [key]: this.kept[key] } : {}),
    set: async (items: Record<string, unknown>) => void Object.assign(this.kept, items),
  };

  alarms = {
    get: async (name: string) => (this.alarm?.name === name ? { name } : undefined),
    create: async (name: string, { delayInMinutes }: { delayInMinutes: number }) => void (this.alarm = { name, minutes: delayInMinutes }),
    clear: async (name: string) => this.alarm?.name === name && ((this.alarm = null), true),
  };

  async hasPin(): Promise<boolean> {
    this.asked += 1;
    return this.pin;
  }

  /** The alarm goes off. */
  ring(wanted: Wanted): void {
    assert.ok(this.alarm !== null && wanted.owns(this.alarm));
    this.alarm = null;
  }
}

test("whoever loaded it wants it, and the platform is not asked", async () => {
  const profile = new Profile();
  assert.equal(await new Wanted(profile, false).is(), true);
  assert.deepEqual([profile.asked, profile.alarm], [0, null]);
});

test("where it came with the machine the platform is asked for a PIN, again only when it is time, and less and less often", async () => {
  const profile = new Profile();
  const wanted = new Wanted(profile, true);
  const delays: number[] = [];
  for (let times = 1; times <= 5; times += 1) {
    assert.equal(await wanted.is(), false);
    assert.equal(await new Wanted(profile, true).is(), false, "a worker that wakes meanwhile");
    assert.equal(profile.asked, times);
    delays.push(profile.alarm?.minutes ?? 0);
    profile.ring(wanted);
  }
  assert.deepEqual(delays, [SOONEST, 2, 4, LATEST, LATEST]);
});

test("a PIN is a yes for good, and leaves no alarm that somebody could take for a pause", async () => {
  const profile = new Profile();
  const wanted = new Wanted(profile, true);
  assert.equal(await wanted.is(), false);
  profile.pin = true;
  await wanted.look();
  assert.equal(await wanted.is(), true);
  profile.pin = false;
  assert.equal(await new Wanted(profile, true).is(), true);
  assert.deepEqual([profile.asked, profile.alarm], [2, null]);
});

test("a word in the popup is a yes without a PIN", async () => {
  const profile = new Profile();
  const wanted = new Wanted(profile, true);
  assert.equal(await wanted.is(), false);
  await wanted.say();
  assert.equal(await wanted.is(), true);
  assert.deepEqual([profile.asked, profile.alarm], [1, null]);
});
