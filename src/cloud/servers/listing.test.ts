import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { Database } from '../../database/database.ts';
import type { ServersTable } from '../../database/schema.ts';
import { operator } from '../identity/subject.ts';
import { listServers, type ServerFilter, type ServerPage, serverSortKeys } from './listing.ts';
import { serverRow } from './server-row.fixture.ts';

const mine = 'a'.repeat(32);
const others = 'b'.repeat(32);
const admin = { ...operator(), projectId: mine };
const member = { ...admin, isAdmin: false, roles: ['member'] };

const row = (number: number, columns: Partial<ServersTable>) =>
  serverRow(number, { project_id: mine, user_id: mine, ...columns });

const rows: ServersTable[] = [
  row(1, { name: 'web-1', key_name: 'mine', locked: 1 }),
  row(2, { name: 'WEB-2', host_id: 'h1', vm_state: 'stopped' }),
  row(3, { name: 'db_1', host_id: 'h1', task_state: 'rebuilding', created_at: 20 }),
  row(4, { name: '100%', launched_at: 5 }),
  row(5, { name: 'theirs', project_id: others }),
  row(6, { name: 'gone', vm_state: 'deleted', deleted_at: 60, updated_at: 99 }),
  row(7, { name: 'a.b\\c', launched_at: 7 }),
];

eachDatabase('a list of servers', (open) => {
  let db: Database;

  beforeAll(async () => {
    db = await open();
    await db.write(async (tx) => void (await tx.insertInto('servers').values(rows).execute()));
  });

  afterAll(async () => {
    await db.close();
  });

  const newestFirst: ServerPage = { limit: 100, sort: [{ key: 'created_at', direction: 'desc' }] };
  const numbers = async (filter: ServerFilter = {}, page: Partial<ServerPage> = {}, subject = admin) => {
    const servers = await listServers(db, subject, filter, { ...newestFirst, ...page });
    return servers.map(({ id }) => Number(id));
  };

  it("shows the project's own, newest first, then by id", async () => {
    expect(await numbers()).toEqual([7, 4, 3, 2, 1]);
    expect(await numbers({}, {}, member)).toEqual([7, 4, 3, 2, 1]);
  });

  it('shows those of all projects to administrators alone', async () => {
    expect(await numbers({ allProjects: true })).toEqual([7, 5, 4, 3, 2, 1]);
    expect(await numbers({ allProjects: true, projectId: others })).toEqual([5]);
    await expect(numbers({ allProjects: true }, {}, member)).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('does not let a project be named without all of them', async () => {
    expect(await numbers({ projectId: others })).toEqual([7, 4, 3, 2, 1]);
  });

  it.each<[string, number[]]>([
    ['web', [2, 1]],
    ['^web-', [2, 1]],
    ['1$', [3, 1]],
    ['^web.1$', [1]],
    ['^web.*$', [2, 1]],
    ['db_1', [3]],
    ['d__1', []],
    ['%', [4]],
    ['100%$', [4]],
    ['a\\.b', [7]],
    ['b\\\\c', [7]],
    ['\\', [7]],
    ['nothing', []],
    ['', [7, 4, 3, 2, 1]],
  ])('matches names with the pattern %j', async (name, expected) => {
    expect(await numbers({ name })).toEqual(expected);
  });

  it.each<[ServerFilter, number[]]>([
    [{ vmStates: ['stopped'] }, [2]],
    [{ vmStates: ['stopped', 'active'] }, [7, 4, 3, 2, 1]],
    [{ vmStates: [] }, []],
    [{ taskState: 'rebuilding' }, [3]],
    [{ hostId: 'h1' }, [3, 2]],
    [{ keyName: 'mine' }, [1]],
    [{ locked: true }, [1]],
    [{ locked: false }, [7, 4, 3, 2]],
    [{ ids: [rows[0]!.id, rows[4]!.id] }, [1]],
    [{ ids: [] }, []],
    [{ deleted: true }, [6]],
    [{ changesSince: 40 }, [7, 6, 4]],
    [{ changesSince: 40, changesBefore: 70 }, [7, 4]],
    [{ changesBefore: 20 }, [2, 1]],
    [{ flavorId: '42', zoneId: 'zone', reservationId: 'r-1' }, [7, 4, 3, 2, 1]],
  ])('filters by %j', async (filter, expected) => {
    expect(await numbers(filter)).toEqual(expected);
  });

  describe('in pages', () => {
    async function inPages(page: Partial<ServerPage>, limit: number): Promise<number[]> {
      const found: number[] = [];
      for (let marker: string | undefined; ; ) {
        const part = await numbers({}, { ...page, limit, marker });
        found.push(...part);
        if (part.length < limit) return found;
        marker = String(part.at(-1)).padStart(32, '0');
      }
    }

    it.each(serverSortKeys)('comes to the same as at once, sorted by %s', async (key) => {
      for (const direction of ['asc', 'desc'] as const) {
        const page = { sort: [{ key, direction }] };
        const whole = await numbers({}, page);
        expect([...whole].sort()).toEqual([1, 2, 3, 4, 7]);
        for (const limit of [1, 2, 3]) expect(await inPages(page, limit), `${direction}, ${limit}`).toEqual(whole);
      }
    });

    it('sorts by several keys', async () => {
      const sort = [
        { key: 'vm_state', direction: 'desc' },
        { key: 'name', direction: 'asc' },
      ] as const;
      const whole = await numbers({}, { sort });
      expect(whole[0]).toBe(2);
      expect(await inPages({ sort }, 2)).toEqual(whole);
    });

    it('tells nothing by a marker of another project', async () => {
      const sort = [{ key: 'name', direction: 'asc' }] as const;
      const theirs = { sort, marker: rows[4]!.id };
      await expect(numbers({}, theirs, member)).rejects.toMatchObject({ code: 'invalid' });
      expect(await numbers({ allProjects: true }, theirs)).toContain(1);
    });

    it('goes on after a marker that was deleted since, and refuses one that never was', async () => {
      expect(await numbers({}, { marker: rows[5]!.id })).toEqual([4, 3, 2, 1]);
      await expect(numbers({}, { marker: 'f'.repeat(32) })).rejects.toMatchObject({
        code: 'invalid',
        message: `marker [${'f'.repeat(32)}] not found`,
      });
    });

    it('may be empty', async () => {
      expect(await numbers({}, { limit: 0 })).toEqual([]);
    });
  });
});
