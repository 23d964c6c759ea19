import type { Registry } from 'prom-client';
import type { ActionRunner } from '../actions/runner.ts';
import type { Database } from '../database/database.ts';
import type { Env } from '../env/env.ts';

/** The engine: every resource of the cloud in neutral terms. Dialects call it and nothing below it. */
export interface Cloud {
  readonly env: Env;
  readonly db: Database;
  readonly runner: ActionRunner;
  /** Adds the engine's figures to `/metrics`. */
  registerMetrics(registry: Registry): void;
}
