import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import { requireAdmin, type Subject } from '../identity/subject.ts';
import { type FaultRule, fits, type NewFaultRule } from './model.ts';

const settingKey = 'faults.rules';
const defaultDelayMs = 5000;
const maxRules = 1000;

/** What a rule may look at. */
export interface Occasion {
  /** Names under which a rule may know it. */
  operations: readonly string[];
  projectId?: string;
  name?: string;
  /** The step of an action that is about to begin, and whether it is the first. */
  step?: { name: string; isFirst: boolean };
}

/** An injected failure: another try would meet it as well. */
class InjectedFault extends CloudError {
  readonly retryable = false;
}

/**
 * Faults that people put in who test their automation against this cloud: what production does to them, on demand. Off
 * unless the cloud was started with them. Rules outlive the control plane.
 */
export class Faults {
  readonly isEnabled: boolean;
  readonly #core: CloudCore;
  readonly #rules = new Map<string, { rule: FaultRule; removed: AbortController }>();

  constructor(core: CloudCore, isEnabled: boolean) {
    this.#core = core;
    this.isEnabled = isEnabled;
  }

  /** Finds the rules again that an earlier control plane had. */
  async start(): Promise<void> {
    if (!this.isEnabled) return;
    const row = await this.#core.db.read
      .selectFrom('settings')
      .select('value')
      .where('key', '=', settingKey)
      .executeTakeFirst();
    for (const rule of row ? (JSON.parse(row.value) as FaultRule[]) : []) this.#keep(rule);
    if (this.#rules.size > 0) this.#core.log.warn({ rules: this.#rules.size }, 'faults are injected');
  }

  list(subject: Subject): FaultRule[] {
    this.#check(subject);
    return [...this.#rules.values()].map(({ rule }) => rule);
  }

  get(subject: Subject, id: string): FaultRule {
    this.#check(subject);
    const known = this.#rules.get(id);
    if (!known) throw notFound('fault', id);
    return known.rule;
  }

  /** Throws `invalid` for a rule that could never happen. */
  async add(subject: Subject, wanted: NewFaultRule): Promise<FaultRule> {
    this.#check(subject);
    if (this.#rules.size >= maxRules) throw new CloudError('quota_exceeded', `There are ${maxRules} faults already.`);
    if (wanted.effect === 'lost_host' && !wanted.host)
      throw new CloudError('invalid', 'A lost host needs the name of the host.', { field: 'host' });
    if (wanted.effect !== 'lost_host' && wanted.host)
      throw new CloudError('invalid', 'Only a host that is lost has a name of a host.', { field: 'host' });
    const rule: FaultRule = {
      id: newId(this.#core.env),
      effect: wanted.effect,
      operation: wanted.operation ?? null,
      projectId: wanted.projectId ?? null,
      name: wanted.name ?? null,
      host: wanted.host ?? null,
      step: wanted.step ?? null,
      delayMs: wanted.delayMs ?? defaultDelayMs,
      code: wanted.code ?? 'unavailable',
      message: wanted.message ?? 'This failure was asked for (fault injection).',
      timesLeft: wanted.times ?? null,
      hits: 0,
      createdAt: this.#core.env.now(),
    };
    this.#keep(rule);
    await this.#save();
    return rule;
  }

  /** What the rule keeps stuck goes on. */
  async remove(subject: Subject, id: string): Promise<void> {
    this.get(subject, id);
    this.#drop(id);
    await this.#save();
  }

  /** Whether anything is to go wrong at all: the only question where nothing is. */
  get isQuiet(): boolean {
    return this.#rules.size === 0;
  }

  isLost(host: string): boolean {
    for (const { rule } of this.#rules.values()) {
      if (rule.effect !== 'lost_host' || !fits(rule.host, host)) continue;
      rule.hits += 1;
      return true;
    }
    return false;
  }

  /** Lets happen what the rules say of the occasion: takes its time, or throws `InjectedFault`. */
  async meet(occasion: Occasion, signal?: AbortSignal): Promise<void> {
    for (const { rule, removed } of [...this.#rules.values()]) {
      if (rule.effect === 'lost_host' || !happensAt(rule, occasion)) continue;
      rule.hits += 1;
      if (rule.timesLeft !== null) {
        rule.timesLeft -= 1;
        if (rule.timesLeft <= 0) this.#rules.delete(rule.id);
        await this.#save();
      }
      await this.#apply(rule, AbortSignal.any(signal ? [signal, removed.signal] : [removed.signal]));
    }
  }

  async #apply(rule: FaultRule, end: AbortSignal): Promise<void> {
    if (rule.effect === 'delay') return await this.#core.env.sleep(rule.delayMs, end);
    if (rule.effect === 'stuck') {
      if (end.aborted) return;
      return await new Promise((resolve) => end.addEventListener('abort', () => resolve(), { once: true }));
    }
    if (rule.code === 'internal') throw Object.assign(new Error(rule.message), { retryable: false });
    throw new InjectedFault(rule.code, rule.message, { reason: 'injected' });
  }

  #keep(rule: FaultRule): void {
    this.#rules.set(rule.id, { rule, removed: new AbortController() });
  }

  #drop(id: string): void {
    this.#rules.get(id)?.removed.abort();
    this.#rules.delete(id);
  }

  #check(subject: Subject): void {
    requireAdmin(subject, 'unkai:faults');
    if (this.isEnabled) return;
    throw new CloudError('conflict', 'Faults are off. Start the cloud with: unkai up --enable-faults', {
      reason: 'faults_off',
    });
  }

  async #save(): Promise<void> {
    const value = JSON.stringify([...this.#rules.values()].map(({ rule }) => rule));
    await this.#core.db.write(async (tx) => {
      await tx
        .insertInto('settings')
        .values({ key: settingKey, value })
        .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
        .execute();
    });
  }
}

function happensAt(rule: FaultRule, { operations, projectId, name, step }: Occasion): boolean {
  if (rule.effect === 'stuck' && !step) return false;
  if (rule.step !== null ? rule.step !== step?.name : step?.isFirst === false) return false;
  if (!operations.some((operation) => fits(rule.operation, operation))) return false;
  return (rule.projectId === null || rule.projectId === projectId) && fits(rule.name, name);
}
