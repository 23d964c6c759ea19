import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newId } from '../../env/env.ts';
import { operator, type Subject } from '../identity/subject.ts';
import { testCore } from '../identity/test-identity.ts';
import { Quotas } from './quotas.ts';

const admin = operator();
const project = 'a'.repeat(32);
const member: Subject = { ...admin, projectId: project, isAdmin: false, roles: ['member'] };

let made: Awaited<ReturnType<typeof testCore>>;
let quotas: Quotas;

beforeEach(async () => {
  made = await testCore();
  quotas = new Quotas(made.core);
});

afterEach(() => made.db.close());

function addNetwork(projectId: string) {
  const { db, env } = made;
  const now = env.now();
  return db.write((tx) =>
    tx
      .insertInto('networks')
      .values({
        id: newId(env),
        project_id: projectId,
        name: '',
        description: '',
        shared: 0,
        external: 0,
        is_default: 0,
        admin_state_up: 1,
        status: 'ACTIVE',
        mtu: 1500,
        port_security: 1,
        dns_domain: '',
        qos_policy_id: null,
        segmentation_id: null,
        created_at: now,
        updated_at: now,
        revision: 0,
      })
      .execute(),
  );
}

describe('quotas', () => {
  test("a project's own limits stand over the defaults until they are reset", async () => {
    expect(await quotas.limits(member, project)).toEqual(quotas.defaults);
    await quotas.setLimits(admin, project, { instances: 3, networks: 0 });
    await quotas.setLimits(admin, project, { instances: 4 });
    expect(await quotas.limits(member, project)).toEqual({ ...quotas.defaults, instances: 4, networks: 0 });
    expect(await quotas.limits(admin, 'b'.repeat(32))).toEqual(quotas.defaults);
    await quotas.resetLimits(admin, project);
    expect(await quotas.limits(member, project)).toEqual(quotas.defaults);
  });

  test('only administrators set them, or see those of others', async () => {
    const forbidden = expect.objectContaining({ code: 'forbidden' });
    await expect(quotas.setLimits(member, project, { instances: 3 })).rejects.toEqual(forbidden);
    await expect(quotas.limits(member, 'b'.repeat(32))).rejects.toEqual(forbidden);
    const invalid = expect.objectContaining({ code: 'invalid' });
    await expect(quotas.setLimits(admin, project, { instances: -2 })).rejects.toEqual(invalid);
  });

  test('the last one fits, the next one does not, and another project does not count', async () => {
    await quotas.setLimits(admin, project, { networks: 2 });
    await addNetwork(project);
    await addNetwork('b'.repeat(32));
    const check = (networks: number) => made.db.write((tx) => quotas.check(tx, project, { networks }));
    await check(1);
    await addNetwork(project);
    await check(0);
    await expect(check(1)).rejects.toMatchObject({
      code: 'quota_exceeded',
      message: 'Quota exceeded for networks: Requested 1, but already used 2 of 2 networks',
      details: { reason: 'networks' },
    });
  });

  test('counts nothing where nothing is limited', async () => {
    await made.db.write((tx) => quotas.check(tx, project, { instances: 1000, cores: 1000, ram_mb: 1e9 }));
  });

  test('names every quota that does not suffice, as Nova does', async () => {
    await quotas.setLimits(admin, project, { instances: 1, cores: 2, ram_mb: 512 });
    const check = made.db.write((tx) => quotas.check(tx, project, { instances: 1, cores: 4, ram_mb: 1024 }));
    await expect(check).rejects.toThrow(
      'Quota exceeded for cores, ram: Requested 4, 1024, but already used 0, 0 of 2, 512 cores, ram',
    );
  });

  test('what is not counted per project is compared by itself', async () => {
    await quotas.setLimits(admin, project, { metadata_items: 2 });
    const check = (count: number) => made.db.write((tx) => quotas.check(tx, project, { metadata_items: count }));
    await check(2);
    await expect(check(3)).rejects.toMatchObject({ code: 'quota_exceeded' });
  });

  test('usage is zero for an empty project', async () => {
    const used = await quotas.usage(member, project);
    expect(new Set(Object.values(used))).toEqual(new Set([0]));
    expect(Object.keys(used)).toHaveLength(23);
  });
});
