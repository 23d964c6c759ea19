import type { TestProject } from 'vitest/node';
import { openPostgres } from '../../src/database/postgres.ts';
import { databaseUrl, onServer, postgresVariable } from './postgres-server.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A database with all tables and no rows, which those of the tests are copies of. */
    postgresTemplate: string;
  }
}

/** Vitest's global setup: makes the template once for all test files, and removes it and its copies afterwards. */
export default async function setUp(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const server = process.env[postgresVariable];
  const template = `unkai_test_${process.pid}`;
  project.provide('postgresTemplate', template);
  if (!server) return undefined;
  await onServer(server, `drop database if exists ${template}`);
  await onServer(server, `create database ${template}`);
  const db = await openPostgres(databaseUrl(server, template));
  await db.close();
  return async () => {
    const pattern = template.replaceAll('_', '\\_');
    const { rows } = await onServer(server, `select datname from pg_database where datname like '${pattern}%'`);
    for (const { datname } of rows) await onServer(server, `drop database "${datname}" with (force)`);
  };
}
