import type { FastifyInstance } from 'fastify';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createApiServer } from '../../../api/server.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import { adminAccountId } from '../../../cloud/identity/model.ts';
import { adminPassword, testIdentity } from '../../../cloud/identity/test-identity.ts';
import { Keypairs } from '../../../cloud/keypairs/keypairs.ts';
import { openstackDialect } from '../common/openstack-dialect.ts';
import { keypairOperations } from './keypairs.ts';

const public_key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl someone';
const shared = { service: 'compute', title: 'Compute', version: '2.1', operations: keypairOperations } as const;
const microversions = { type: 'compute', min: { major: 2, minor: 1 }, max: { major: 2, minor: 96 } } as const;

let made: Awaited<ReturnType<typeof testIdentity>>;
let app: FastifyInstance;
let token: string;

beforeEach(async () => {
  made = await testIdentity();
  const { core, identity } = made;
  const parts = { identity, keypairs: new Keypairs(core), faults: { isQuiet: true }, registerMetrics: () => {} };
  const cloud = { ...core, ...parts } as unknown as Cloud;
  const newest = openstackDialect({ ...shared, mounts: ['/compute/v2.1'], microversions });
  const legacy = openstackDialect({ ...shared, mounts: ['/compute/v2'], unknownMembers: 'drop' });
  const dialects = [newest, { ...legacy, name: 'k5' as const }];
  app = createApiServer({ cloud, dialects, log: pino({ level: 'silent' }), isReady: () => true });
  const user = { name: 'admin', domain: { id: 'default' } };
  token = (await identity.authentication.authenticate({ method: 'password', user, password: adminPassword })).token;
});

afterEach(async () => {
  await app.close();
  made.identity.stop();
  await made.db.close();
});

async function call(method: 'GET' | 'POST' | 'DELETE', url: string, version?: string, body?: unknown) {
  const headers = { 'x-auth-token': token, ...(version ? { 'openstack-api-version': `compute ${version}` } : {}) };
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const answer = await app.inject({ method, url: `/compute${url}`, headers, payload });
  return { status: answer.statusCode, json: answer.body === '' ? undefined : JSON.parse(answer.body) };
}

const create = (name: string, version?: string, more: object = { public_key }) =>
  call('POST', '/v2.1/os-keypairs', version, { keypair: { name, ...more } });

describe('key pairs', () => {
  test('at 2.1: 200, no type, 202', async () => {
    const created = await create('laptop');
    expect(created.status).toBe(200);
    const { fingerprint } = created.json.keypair;
    expect(created.json.keypair).toEqual({ name: 'laptop', public_key, fingerprint, user_id: adminAccountId });
    expect((await call('GET', '/v2.1/os-keypairs')).json).toEqual({
      keypairs: [{ keypair: { name: 'laptop', public_key, fingerprint } }],
    });
    const shown = await call('GET', '/v2.1/os-keypairs/laptop');
    expect(shown.json.keypair).toMatchObject({ name: 'laptop', deleted: false, deleted_at: null, updated_at: null });
    expect(Number.isInteger(shown.json.keypair.id)).toBe(true);
    expect(shown.json.keypair.type).toBeUndefined();
    expect(await call('DELETE', '/v2.1/os-keypairs/laptop')).toEqual({ status: 202, json: undefined });
    expect((await call('GET', '/v2.1/os-keypairs/laptop')).json.itemNotFound.code).toBe(404);
  });

  test('at 2.2: 201, type, 204', async () => {
    const created = await create('laptop', '2.2', { public_key, type: 'ssh' });
    expect(created.status).toBe(201);
    expect(created.json.keypair.type).toBe('ssh');
    expect((await call('GET', '/v2.1/os-keypairs', '2.2')).json.keypairs[0].keypair.type).toBe('ssh');
    expect((await call('DELETE', '/v2.1/os-keypairs/laptop', '2.2')).status).toBe(204);
  });

  test('a generated pair gives its private key once, up to 2.91', async () => {
    const created = await create('made', undefined, {});
    expect(created.json.keypair.private_key).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/);
    expect(JSON.stringify((await call('GET', '/v2.1/os-keypairs/made')).json)).not.toContain('PRIVATE');
    const refused = await create('other', '2.92', {});
    expect(refused.json.badRequest.message).toContain("'public_key' is a required property");
  });

  test('members that a version does not have are refused, and dropped at v2', async () => {
    const early = await create('laptop', '2.1', { public_key, type: 'ssh' });
    expect(early.json.badRequest.message).toContain("Additional properties are not allowed ('type' was unexpected)");
    const never = await create('laptop', '2.1', { public_key, colour: 'red' });
    expect(never.json.badRequest.message).toContain("Additional properties are not allowed ('colour' was unexpected)");
    const keypair = { name: 'laptop', public_key, type: 'ssh', colour: 'red' };
    expect((await call('POST', '/v2/os-keypairs', undefined, { keypair })).status).toBe(200);
  });

  test('taken names are 409, bad keys and names 400', async () => {
    await create('laptop');
    expect((await create('laptop')).json).toEqual({
      conflictingRequest: { code: 409, message: "Key pair 'laptop' already exists." },
    });
    const badKey = await create('other', undefined, { public_key: 'no key' });
    expect(badKey.json.badRequest.message).toBe('Keypair data is invalid: failed to generate fingerprint');
    expect((await create('a/b')).status).toBe(400);
  });

  test('are paged from 2.35 on', async () => {
    for (const name of ['a', 'b', 'c']) await create(name);
    const first = await call('GET', '/v2.1/os-keypairs?limit=2', '2.35');
    expect(first.json.keypairs).toHaveLength(2);
    expect(first.json.keypairs_links[0].href).toMatch(/\/compute\/v2\.1\/os-keypairs\?limit=2&marker=b$/);
    const second = await call('GET', '/v2.1/os-keypairs?limit=2&marker=b', '2.35');
    expect(second.json.keypairs).toHaveLength(1);
    expect(second.json.keypairs_links).toBeUndefined();
    expect((await call('GET', '/v2.1/os-keypairs?marker=x', '2.35')).status).toBe(400);
    expect((await call('GET', '/v2.1/os-keypairs?limit=2', '2.34')).json.keypairs).toHaveLength(3);
  });
});
