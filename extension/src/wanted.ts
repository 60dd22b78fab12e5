// Whether the user of this profile wants Claviger at all.
//
// Whoever loaded the extension does. Where a package installed it for all users of the machine, the answer is a PIN, or a word in the
// popup; the platform is asked for the PIN now and then until one of the two is there, and never afterwards.

/** How long until it is looked again, in minutes: at first, and at most. */
export const SOONEST = 1;
export const LATEST = 5;

const WANTED = "wanted";
const DELAY = "look-delay";
const ALARM = "look-for-a-pin";

/** What it needs of the browser and of the platform. */
export interface Means {
  storage: {
    get(key: string): Promise<Record<string, unknown>>;
    set(items: Record<string, unknown>): Promise<void>;
  };
  alarms: {
    get(name: string): Promise<{ name: string } | undefined>;
    create(name: string, info: { delayInMinutes: number }): Promise<void>;
    clear(name: string): Promise<boolean>;
  };
  hasPin(): Promise<boolean>;
}

export class Wanted {
  #means: Means;
  #forAllUsers: boolean;

  constructor(means: Means, forAllUsers: boolean) {
    this.#means = means;
    this.#forAllUsers = forAllUsers;
  }

  /** Whether it is, as far as is known. The platform is asked when it is time to; a platform that is not there is no yes. */
  async is(): Promise<boolean> {
    if (!this.#forAllUsers || (await this.#kept(WANTED)) === true) return true;
    if ((await this.#means.alarms.get(ALARM)) !== undefined) return false;
    if (await this.#means.hasPin()) {
      await this.say();
      return true;
    }
    const before = await this.#kept(DELAY);
    const delayInMinutes = typeof before === "number" ? Math.min(2 * before, LATEST) : SOONEST;
    await this.#means.storage.set({ [DELAY]: delayInMinutes });
    await this.#means.alarms.create(ALARM, { delayInMinutes });
    return false;
  }

  /** It is time to ask. */
  async look(): Promise<void> {
    await this.#means.alarms.clear(ALARM);
  }

  /** The user says so, for good. */
  async say(): Promise<void> {
    await this.#means.storage.set({ [WANTED]: true });
    await this.#means.alarms.clear(ALARM);
  }

  /** Whether an alarm that went off means that it is time to ask. */
  owns(alarm: { name: string }): boolean {
    return alarm.name === ALARM;
  }

  async #kept(key: string): Promise<unknown> {
    return (await this.#means.storage.get(key))[key];
  }
}
