import type { ActionRunner } from '../actions/runner.ts';
import type { Database } from '../database/database.ts';
import type { Env } from '../env/env.ts';
import type { CloudSettings } from './settings.ts';

/** What every part of the engine is made with. */
export interface CloudCore {
  readonly env: Env;
  readonly db: Database;
  readonly runner: ActionRunner;
  readonly settings: CloudSettings;
  readonly log: Log;
}

/** The part of pino that the engine uses. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
