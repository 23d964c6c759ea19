import { oneOf, pauseOf } from '../env/seeded-random.ts';
import type { SimulatedEnv } from '../env/simulated.ts';

/** What can be wrong with a host and the way to it, each as a probability for one call. */
export interface Weather {
  /** Milliseconds that a call takes on average. */
  latency: number;
  /** The call does not arrive. */
  lostRequest: number;
  /** It is done, and the answer does not arrive. */
  lostAnswer: number;
  /** It arrives twice. */
  duplicate: number;
  /** A guest does not start. */
  failedStart: number;
  /** Anything else fails. */
  failure: number;
  /** There is no room for bytes. */
  isFull: boolean;
  /** A guest's change is not told. */
  lostChange: number;
}

const fairWeather: Weather = {
  latency: 20,
  lostRequest: 0,
  lostAnswer: 0,
  duplicate: 0,
  failedStart: 0,
  failure: 0,
  isFull: false,
  lostChange: 0,
};

/** Faults that were put in, by kind. */
export type FaultCounts = Record<string, number>;

/** The weather of one host, as it is now. */
export interface HostCondition {
  weather: Weather;
  /** Nobody reaches it. */
  isLost: boolean;
}

const minute = 60_000;

/** Makes the weather, by chance, from one hour to the next; and ends it where all is to come to rest. */
export class Adversity {
  readonly hosts: readonly HostCondition[];
  readonly counts: FaultCounts = {};
  readonly #random: () => number;
  readonly #env: SimulatedEnv;
  readonly #effects: Effects;
  #round = 0;

  constructor(hostCount: number, random: () => number, env: SimulatedEnv, effects: Effects) {
    this.hosts = Array.from({ length: hostCount }, () => ({ weather: fairWeather, isLost: false }));
    this.#random = random;
    this.#env = env;
    this.#effects = effects;
  }

  /** Things go wrong from now on. */
  begin(): void {
    this.#round += 1;
    const round = this.#round;
    for (const _host of this.hosts) this.#turn();
    const repeat = (mean: number, event: () => void) => void this.#repeat(round, mean, event);
    repeat(1.5 * minute, () => this.#turn());
    repeat(4 * minute, () => this.#effects.kill());
    repeat(12 * minute, () => this.#loseHost(round));
    repeat(5 * minute, () => this.#effects.endGuest());
    repeat(15 * minute, () => this.#fillStore(round));
  }

  /** Nothing goes wrong any more, and what was lost is back. */
  end(): void {
    this.#round += 1;
    for (const host of this.hosts) Object.assign(host, { weather: fairWeather, isLost: false });
    this.#effects.fillStore(false);
  }

  count(fault: string): void {
    this.counts[fault] = (this.counts[fault] ?? 0) + 1;
  }

  async #repeat(round: number, mean: number, event: () => void): Promise<void> {
    for (;;) {
      await this.#env.sleep(pauseOf(this.#random, mean));
      if (round !== this.#round) return;
      event();
    }
  }

  /** Another weather over one of the hosts. */
  #turn(): void {
    const random = this.#random;
    const often = random() < 0.3 ? 0.3 : 0.04;
    const some = () => (random() < 0.4 ? 0 : random() * often);
    oneOf(random, this.hosts).weather = {
      latency: oneOf(random, [1, 50, 500, 5000]),
      lostRequest: some(),
      lostAnswer: some(),
      duplicate: some(),
      failedStart: 3 * some(),
      failure: some(),
      isFull: random() < 0.1,
      lostChange: random() < 0.5 ? 0 : 0.5,
    };
  }

  /** A host is cut off, or loses its power, and is back after a while. */
  #loseHost(round: number): void {
    const index = Math.floor(this.#random() * this.hosts.length);
    const host = this.hosts[index]!;
    if (host.isLost) return;
    host.isLost = true;
    const losesPower = this.#random() < 0.5;
    this.count(losesPower ? 'hosts without power' : 'hosts cut off');
    if (losesPower) this.#effects.powerOff(index);
    void this.#env.sleep(pauseOf(this.#random, 3 * minute)).then(() => {
      if (round === this.#round) host.isLost = false;
    });
  }

  #fillStore(round: number): void {
    this.count('full image stores');
    this.#effects.fillStore(true);
    void this.#env.sleep(pauseOf(this.#random, 2 * minute)).then(() => {
      if (round === this.#round) this.#effects.fillStore(false);
    });
  }
}

/** What it has done to others. */
export interface Effects {
  kill(): void;
  endGuest(): void;
  powerOff(host: number): void;
  fillStore(isFull: boolean): void;
}
