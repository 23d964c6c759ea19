import pg from 'pg';

/**
 * Names a PostgreSQL server to the tests by the URL of any of its databases, with the right to make others. `unkai test`
 * starts one and sets this.
 */
export const postgresVariable = 'UNKAI_TEST_POSTGRES';

/** The URL of another database of the server. */
export function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

/** Runs statements over a connection of their own. */
export async function onServer(url: string, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}
