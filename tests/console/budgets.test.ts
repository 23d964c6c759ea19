import { sql } from 'kysely';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tinyLinuxId } from '../../src/assembly/tinylinux.ts';
import type { Database } from '../../src/database/database.ts';
import { buildLimit, ConsoleTest } from './browser.ts';

const limit = 300_000;
const manyServers = 10_000;
/** Those that the explorer has documents of. */
const apis = 9;
/** Times want a machine that does nothing else, which tests never have: they are measured where this says that it is so. */
const isQuiet = Boolean(process.env['UNKAI_BUDGETS']);
const tries = 5;

let tour: ConsoleTest;
let page: Page;
let database: Database;

beforeAll(async () => {
  tour = await ConsoleTest.start({
    wrapDatabase(opened) {
      database = opened;
      return opened;
    },
  });
  page = await tour.open();
}, buildLimit);

afterAll(() => tour?.[Symbol.asyncDispose]());

/** The best of some tries: what the console needs, without what else the machine did meanwhile. */
async function best(what: string, budgetMs: number, measure: () => Promise<number>): Promise<void> {
  const times: number[] = [];
  for (let turn = 0; turn < tries; turn++) times.push(await measure());
  const fastest = Math.min(...times);
  console.log(`${what}: ${Math.round(fastest)} ms (budget ${budgetMs} ms; ${times.map(Math.round).join(', ')})`);
  expect(fastest, what).toBeLessThan(budgetMs);
}

/** What a browser that was never here loads of JavaScript, as it comes over the wire, and when one can sign in. */
async function firstVisit(): Promise<{ bytes: number; usableMs: number }> {
  const visitor = await tour.open();
  await visitor.addInitScript(() => {
    const observer = new MutationObserver(() => {
      if (!document.querySelector('#name')) return;
      observer.disconnect();
      (globalThis as { usableAt?: number }).usableAt = performance.now();
    });
    observer.observe(document, { childList: true, subtree: true });
  });
  await visitor.goto(tour.cloud.origin);
  await visitor.locator('#name').waitFor();
  const measured = await visitor.evaluate(() => ({
    usableMs: (globalThis as { usableAt?: number }).usableAt!,
    bytes: performance
      .getEntriesByType('resource')
      .filter(({ name }) => name.endsWith('.js'))
      .reduce((sum, entry) => sum + (entry as PerformanceResourceTiming).encodedBodySize, 0),
  }));
  await visitor.context().close();
  return measured;
}

/** Milliseconds from what `begin` does until an element that fits `selector` is new or changed, and painted. */
function untilPainted(begin: { click?: string; type?: [string, string] }, selector: string): Promise<number> {
  return page.evaluate(
    ({ begin: { click, type }, selector: wanted }) =>
      new Promise<number>((resolve) => {
        const started = performance.now();
        const observer = new MutationObserver(() => {
          if (!document.querySelector(wanted)) return;
          observer.disconnect();
          requestAnimationFrame(() => resolve(performance.now() - started));
        });
        observer.observe(document.body, { childList: true, subtree: true, characterData: true });
        if (click) document.querySelector<HTMLElement>(click)!.click();
        if (!type) return;
        const input = document.querySelector<HTMLInputElement>(type[0])!;
        Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!.call(input, type[1]);
        input.dispatchEvent(new Event('input', { bubbles: true }));
      }),
    { begin, selector },
  );
}

test(
  'the first load is 450 KB of JavaScript at most',
  async () => {
    const { bytes } = await firstVisit();
    console.log(`first load: ${Math.round(bytes / 1024)} KiB of JavaScript`);
    expect(bytes).toBeGreaterThan(50_000);
    expect(bytes).toBeLessThan(450 * 1024);
    if (!isQuiet)
      console.log('Times of the console are measured with UNKAI_BUDGETS=1, on a machine that does nothing else.');
  },
  limit,
);

test.runIf(isQuiet)(
  'the console can be used within 1.5 seconds',
  () => best('interactive', 1500, async () => (await firstVisit()).usableMs),
  limit,
);

test.runIf(isQuiet)(
  'of 10,000 servers the first are seen within 300 ms, and one is found within 50 ms',
  async () => {
    const client = await tour.cloud.openstack();
    const server = { name: 'first', imageRef: tinyLinuxId, flavorRef: '1', networks: 'none' };
    const version = { 'OpenStack-API-Version': 'compute 2.37' };
    const { id } = (await client.call('POST', '/compute/v2.1/servers', { server }, version)).server;
    await expect.poll(async () => (await client.get(`/compute/v2.1/servers/${id}`)).server.status).toBe('ACTIVE');
    await multiply(id.replaceAll('-', ''), manyServers - 1);
    await tour.signIn(page);
    await best('first rows of 10,000 servers', 300, async () => {
      await page.goto(`${tour.cloud.origin}/ui/r/flavors`);
      await page.locator('.rows [role=row]').first().waitFor();
      return await untilPainted({ click: 'nav a[href="/ui/servers"]' }, '[role=row] a.name[href^="/ui/servers/"]');
    });
    await page.getByText(/10,?000 of 10,?000/).waitFor({ timeout: 120_000 });
    let turn = 0;
    await best('a search in 10,000 servers', 50, () => {
      const wanted = `clone-${7000 + turn++}`;
      return untilPainted({ type: ['.toolbar input[type=search]', wanted] }, '.rows [role=row]:only-child');
    });
  },
  limit,
);

test.runIf(isQuiet)(
  'an operation is found among all of them within 50 ms',
  async () => {
    await page.goto(`${tour.cloud.origin}/explorer/en/compute`);
    // All documents are there when every API stands in the choice of them.
    await expect.poll(() => page.locator('.explorer-nav select').first().locator('option').count()).toBe(apis);
    const queries = ['rebuild server', 'recover image', 'security group rule', 'volume snapshot', 'floating ip'];
    let turn = 0;
    await best('a search in the explorer', 50, async () => {
      await untilPainted({ type: ['.explorer-nav input', 'nothing of the kind'] }, '.explorer-nav p');
      return await untilPainted(
        { type: ['.explorer-nav input', queries[turn++ % queries.length]!] },
        '.explorer-nav details[open] li',
      );
    });
    expect(tour.complaints).toEqual([]);
  },
  limit,
);

/** Adds copies of a server to the database: as many as no test has the time to make. */
async function multiply(id: string, count: number): Promise<void> {
  await database.write(async (tx) => {
    const { rows } = await sql<{ name: string }>`SELECT name FROM pragma_table_info('servers')`.execute(tx);
    const own: Record<string, string> = {
      id: "printf('%032x', n)",
      name: "'clone-' || n",
      number: 'servers.number + n',
    };
    const values = rows.map(({ name }) => own[name] ?? `servers."${name}"`).join(', ');
    await sql
      .raw(`
        WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})
        INSERT INTO servers (${rows.map(({ name }) => `"${name}"`).join(', ')})
        SELECT ${values} FROM servers, numbers WHERE servers.id = '${id}'`)
      .execute(tx);
  });
}
