import type { CloudErrorCode } from '../errors.ts';

/** What is to go wrong, and for whom. */
export interface FaultRule {
  id: string;
  effect: FaultEffect;
  /**
   * What it happens to: the id of API operations (`CreateServer`, `compute.*`) or the kind of actions (`server.create`),
   * with `*` and `?` as in file names. Null for everything.
   */
  operation: string | null;
  /** Only what is asked for in this project. */
  projectId: string | null;
  /** Only what has such a name, with `*` and `?`. */
  name: string | null;
  /** The host that is lost, by its name, with `*` and `?`. */
  host: string | null;
  /** For actions: the step before which it happens, as `startGuest`; the first one if null. */
  step: string | null;
  /** How long a delay is, milliseconds. */
  delayMs: number;
  /** For errors. `internal` is what no client expects. */
  code: FaultCode;
  message: string;
  /** How often it still happens; null for always. */
  timesLeft: number | null;
  /** How often it has happened. */
  hits: number;
  createdAt: number;
}

/**
 * `delay`: it takes longer. `error`: it fails. `stuck`: an action stands still until the rule is removed or the action is
 * cancelled, as by deleting its server. `lost_host`: the control plane reaches the host no more; its guests go on.
 */
export type FaultEffect = 'delay' | 'error' | 'stuck' | 'lost_host';

export const faultEffects: readonly FaultEffect[] = ['delay', 'error', 'stuck', 'lost_host'];

export const faultCodes = [
  'invalid',
  'forbidden',
  'not_found',
  'conflict',
  'quota_exceeded',
  'no_valid_host',
  'unavailable',
  'internal',
] as const satisfies readonly (CloudErrorCode | 'internal')[];

export type FaultCode = (typeof faultCodes)[number];

export type NewFaultRule = Pick<FaultRule, 'effect'> &
  Partial<Pick<FaultRule, 'operation' | 'projectId' | 'name' | 'host' | 'step' | 'delayMs' | 'code' | 'message'>> & {
    /** How often it is to happen; always if not given. */
    times?: number;
  };

/** Whether the text is what the pattern says. A pattern that is null fits everything. */
export function fits(pattern: string | null, text: string | undefined): boolean {
  if (pattern === null) return true;
  if (text === undefined) return false;
  const expression = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${expression}$`, 'i').test(text);
}
