import { type InsertObject, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../../database/database.ts';
import type { Schema, ServersTable } from '../../../database/schema.ts';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import { vmNic } from '../inventories/network.ts';
import { SettledAccount } from '../settled-account.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';
import { inventoriesWith } from './query.ts';

/** A hundred thousand where times are to be measured, which only says something on a machine that does nothing else. */
const isMeasured = Boolean(process.env['UNKAI_TEST_LARGE']);
const count = isMeasured ? 100_000 : 2_000;
const rounds = isMeasured ? 21 : 1;
const limitMs = isMeasured ? 20 : 10_000;
const broadLimitMs = isMeasured ? 2000 : 10_000;
if (!isMeasured) {
  console.warn(`Queries are asked of ${count} servers and not measured: UNKAI_TEST_LARGE=1 takes 100,000.`);
}

const env = realEnv();
/** The parameters of a statement of SQLite. */
const maxParameters = 30_000;

/** Gives each server what the first one has: an interface with an address, a disk, a tag. */
async function fillAround(db: Database, first: string, servers: readonly ServersTable[]): Promise<void> {
  const port = await db.read.selectFrom('ports').selectAll().where('device_id', '=', first).executeTakeFirstOrThrow();
  const address = db.read.selectFrom('port_addresses').selectAll().where('port_id', '=', port.id);
  const own = await address.executeTakeFirstOrThrow();
  const disk = db.read.selectFrom('volumes').selectAll().where('server_id', '=', first).where('kind', '=', 'root');
  const volume = await disk.executeTakeFirstOrThrow();
  const tags = db.read.selectFrom('resource_tags').selectAll().where('resource_id', '=', first);
  const tag = await tags.where('kind', '=', 'user').executeTakeFirstOrThrow();
  const ports = servers.map(({ id, name, created_at }, index) => {
    const mac = `fe:${(index + 2 ** 32)
      .toString(16)
      .slice(-8)
      .replaceAll(/(..)(?=.)/g, '$1:')}`;
    return { ...port, id: newId(env), name, device_id: id, host_id: null, mac_address: mac, created_at };
  });
  await insert(db, 'ports', ports);
  const addressOf = (index: number) => `10.${77 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
  const addresses = ports.map(({ id }, index) => ({
    ...own,
    id: newId(env),
    port_id: id,
    ip_address: addressOf(index + 1000),
  }));
  await insert(db, 'port_addresses', addresses);
  const volumes = servers.map(({ id, name, created_at }) => {
    return { ...volume, id: newId(env), name, server_id: id, disk_id: null, host_id: null, created_at };
  });
  await insert(db, 'volumes', volumes);
  const labels = servers.map(({ id, name }) => ({ ...tag, id: newId(env), resource_id: id, tag: `label-${name}` }));
  await insert(db, 'resource_tags', labels);
}

async function insert<Table extends keyof Schema>(
  db: Database,
  table: Table,
  rows: readonly InsertObject<Schema, Table>[],
): Promise<void> {
  const batch = Math.floor(maxParameters / Object.keys(rows[0]!).length);
  for (let at = 0; at < rows.length; at += batch) {
    const some = rows.slice(at, at + batch);
    await db.write(async (tx): Promise<void> => {
      await tx.insertInto(table).values(some).execute();
    });
  }
}

/** How long the work takes, of several times the one in the middle: milliseconds. */
async function medianOf(times: number, work: () => Promise<void>): Promise<number> {
  const took: number[] = [];
  for (let round = 0; round < times; round += 1) {
    const started = performance.now();
    await work();
    took.push(performance.now() - started);
  }
  return took.toSorted((a, b) => a - b)[Math.floor(times / 2)]!;
}

describe(`queries of ${count} servers`, () => {
  let test: TestZStack;
  let first: string;
  const middle = `many-${count / 2}`;
  const address = '10.77.4.10';
  const anotherAddress = '10.77.4.11';

  beforeAll(async () => {
    test = await TestZStack.start();
    first = (await SettledAccount.settle(test, 'alice')).own['vm']!;
    const { db } = test.cloud;
    const pattern = await db.read.selectFrom('servers').selectAll().where('id', '=', first).executeTakeFirstOrThrow();
    const rows = Array.from({ length: count }, (_, index): ServersTable => {
      const name = `many-${index}`;
      const about = { id: newId(env), name, hostname: name, root_volume_id: null, host_id: null };
      return { ...pattern, ...about, number: pattern.number + index + 1, created_at: pattern.created_at + index };
    });
    await insert(db, 'servers', rows);
    await fillAround(db, first, rows);
    await sql`analyze`.execute(db.read).catch(() => undefined);
  }, 300_000);
  afterAll(async () => {
    await test?.stop();
  }, 300_000);

  const questions: ReadonlyArray<readonly [what: string, conditions: () => string, expected: number]> = [
    ['by uuid', () => `q=uuid=${first}`, 1],
    ['by name', () => `q=name=${middle}`, 1],
    ['by name and state', () => `q=name=${middle}&q=state=Running`, 1],
    ['by the address of an interface', () => `q=vmNics.ip=${address}`, 1],
    ['by several addresses', () => `q=vmNics.ip?=${address},${anotherAddress}`, 2],
    ['by the hardware address of an interface', () => 'q=vmNics.mac=fe:00:00:00:07', 1],
    ['by the name of a disk', () => `q=allVolumes.name=${middle}`, 1],
    ['by a tag', () => `q=__userTag__=label-${middle}`, 1],
    [
      'by a tag and what others have too',
      () => `q=__userTag__=label-${middle}&q=zone.state=Enabled&q=state=Running`,
      1,
    ],
    ['by name and the state of the zone', () => `q=name=${middle}&q=zone.state=Enabled`, 1],
    ['by name and the network', () => `q=name=${middle}&q=vmNics.l3Network.name=alice`, 1],
  ];
  it.each(questions)('answer %s, with how many there are, quickly', async (_, conditions, expected) => {
    const median = await medianOf(rounds, async () => {
      const { json } = await test.call('GET', `/vm-instances?${conditions()}&replyWithCount=true`);
      expect(json['total']).toBe(expected);
      expect(json['inventories']).toHaveLength(expected);
    });
    if (isMeasured) console.log(`${conditions()}: ${median.toFixed(1)} ms`);
    expect(median).toBeLessThan(limitMs);
  });

  it('answer what an index can hardly narrow: all servers that have hosts', async () => {
    const { json } = await test.call('GET', '/vm-instances?q=host.state=Enabled&q=cluster.state=Enabled&count=true');
    expect(json['total']).toBe(1);
  });

  const all = count + 1;
  const withOne = Array.from({ length: count }, (_, index) => `${index}`).filter((one) => one.startsWith('1')).length;
  /** What nearly all rows fit, or what has to be looked for in all of them: this takes a while, and not too long. */
  const broad: ReadonlyArray<readonly [conditions: string, expected: number]> = [
    ['q=zone.name=nova&q=state=Running', all],
    ['q=image.state=Enabled', all],
    ['q=vmNics.l3Network.name=alice', all],
    ['q=allVolumes.size>=1', all],
    ['q=vmNics.ip!=10.0.0.1', all],
    // Those before 10.78.0.0.
    ['q=vmNics.ip~=10.77.%25', Math.min(count, 65_536 - 1000) + 1],
    ['q=__userTag__~=label-many-1%25', withOne],
    ['q=name~=many-1%25&q=vmNics.l3Network.zone.name=nova', withOne],
  ];
  it.each(broad)('answer what no index narrows: %s', async (conditions, expected) => {
    const median = await medianOf(isMeasured ? 3 : 1, async () => {
      const { json } = await test.call('GET', `/vm-instances?${conditions}&limit=10&replyWithCount=true`);
      expect(json['total']).toBe(expected);
      expect(json['inventories']).toHaveLength(10);
    });
    if (isMeasured) console.log(`${conditions}: ${median.toFixed(0)} ms`);
    expect(median).toBeLessThan(broadLimitMs);
  });

  it('gives a page of all of them, and how many there are', async () => {
    const { json } = await test.call('GET', '/vm-instances?limit=10&start=5&sort=-createDate&replyWithCount=true');
    expect(json['total']).toBe(count + 1);
    expect(json['inventories']).toHaveLength(10);
  });

  it('gives operations all of them, however many fit', async () => {
    const found = await inventoriesWith(test.cloud, vmNic, { isAdmin: true }, ['l3Network.name=alice']);
    expect(new Set(found.map(({ uuid }) => uuid)).size).toBe(all);
    const { json } = await test.call('GET', '/vm-instances/nics?q=l3Network.name=alice&count=true');
    expect(json['total']).toBe(all);
  });
});
