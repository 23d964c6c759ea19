import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApiServer } from '../../../api/server.ts';
import { inPieces, TestCloud, testSubject } from '../../../cloud/images/test-cloud.ts';
import type { ImagesTable } from '../../../database/schema.ts';
import { parseId } from '../../../env/env.ts';
import { k5ImageOperations } from '../../k5/images.ts';
import { openstackDialect } from '../common/openstack-dialect.ts';
import { imageMetadataOperations } from './image-metadata.ts';
import { imageProxyOperations } from './images.ts';

const alice = testSubject('alice');
const admin = testSubject('admin', { isAdmin: true });
const raw = { diskFormat: 'raw', containerFormat: 'bare' } as const;

const mounted = { title: 'Images', version: '2', service: 'compute', unknownMembers: 'drop' } as const;
const dialects = [
  openstackDialect({
    ...mounted,
    mounts: ['/compute/v2.1'],
    operations: [...imageProxyOperations, ...imageMetadataOperations],
  }),
  {
    ...openstackDialect({ ...mounted, mounts: ['/v2/{tenant_id}'], operations: k5ImageOperations }),
    name: 'k5' as const,
  },
];

let cloud: TestCloud;
let app: FastifyInstance;
beforeEach(async () => {
  cloud = await TestCloud.start();
  const identity = { subjectOf: (token: string) => (token === 'admin' ? admin : alice) };
  app = createApiServer({
    cloud: cloud.asCloud({ identity, registerMetrics() {} }),
    dialects,
    log: pino({ level: 'silent' }),
    isReady: () => true,
  });
});
afterEach(async () => {
  await app.close();
  await cloud.stop();
});

async function call(path: string, method: 'GET' | 'DELETE' = 'GET') {
  const headers = { 'x-auth-token': 'alice', host: 'openstack.example.com' };
  const response = await app.inject({ method, url: path, headers });
  return { status: response.statusCode, body: response.body === '' ? undefined : response.json() };
}

/** An active image, with what a test wants to have in its row. */
async function make(properties: Record<string, string>, columns: Partial<ImagesTable>, more: object = {}) {
  const { id } = await cloud.images.create(alice, { ...raw, properties, ...more });
  await cloud.images.upload(alice, id, inPieces(randomBytes(10)));
  await cloud.core.db.write((tx) => tx.updateTable('images').set(columns).where('id', '=', id).execute());
  return id;
}

const at = (time: string) => Date.parse(time) * 1000;

describe("the images of K5's compute API", () => {
  const base = '/v2/openstack/images';
  const root = 'http://openstack.example.com';
  const links = (id: string) => [
    { href: `${root}/v2/openstack/images/${id}`, rel: 'self' },
    { href: `${root}/openstack/images/${id}`, rel: 'bookmark' },
    { href: `${root}/image/openstack/images/${id}`, rel: 'alternate', type: 'application/vnd.openstack.image' },
  ];

  it('look as its reference shows them', async () => {
    const id = '70a599e0-31e7-49b7-b260-868f441e862b';
    const metadata = {
      architecture: 'x86_64',
      auto_disk_config: 'True',
      kernel_id: 'nokernel',
      ramdisk_id: 'nokernel',
    };
    const time = at('2011-01-01T01:02:03Z');
    await make(metadata, { created_at: time, updated_at: time }, { id: parseId(id), name: 'fakeimage7' });
    expect(await call(`${base}/detail`)).toEqual({
      status: 200,
      body: {
        images: [
          {
            created: '2011-01-01T01:02:03Z',
            id,
            links: links(id),
            metadata,
            minDisk: 0,
            minRam: 0,
            name: 'fakeimage7',
            progress: 100,
            status: 'ACTIVE',
            updated: '2011-01-01T01:02:03Z',
            'OS-EXT-IMG-SIZE:size': 10,
          },
        ],
      },
    });
  });

  it('say why a copy for another zone failed', async () => {
    const id = '3eb2d8df-487b-4e82-a5ad-cde81d5f7a10';
    const columns = {
      created_at: at('2018-04-27T08:06:53Z'),
      updated_at: at('2018-04-27T08:20:26Z'),
      size: 194008676,
    };
    await make({}, columns, { id: parseId(id), name: 'fj_sa_20180427_003' });
    await cloud.core.db.write(async (tx) => {
      const times = { created_at: 1, updated_at: 1 };
      const store = { id: 'f'.repeat(32), name: 'zone2', description: null, kind: 'directory', enabled: 1 } as const;
      const address = 'http://10.7.0.201:9292';
      await tx
        .insertInto('image_stores')
        .values({ ...store, ...times, url: '/nowhere', address, status: 'disconnected', is_default: 0 })
        .execute();
      const replica = {
        image_id: parseId(id)!,
        store_id: store.id,
        state: 'error',
        last_error: 'timeout: 900 s',
      } as const;
      const empty = {
        install_path: null,
        size: null,
        export_url: null,
        export_checksum: null,
        progress: 0,
        attempts: 3,
      };
      await tx
        .insertInto('image_replicas')
        .values({ ...replica, ...empty, ...times })
        .execute();
    });
    expect((await call(`${base}/detail?status=ACTIVE`)).body).toEqual({
      images: [
        {
          status: 'ACTIVE',
          updated: '2018-04-27T08:20:26Z',
          links: links(id),
          id,
          'OS-EXT-IMG-SIZE:size': 194008676,
          name: 'fj_sa_20180427_003',
          created: '2018-04-27T08:06:53Z',
          minDisk: 0,
          progress: 100,
          minRam: 0,
          metadata: {
            sync_status_reason:
              'ERROR:A timeout occurred during synchronize image the server(http://10.7.0.201:9292) in the image ' +
              `operation. image_id=${id}`,
          },
        },
      ],
    });
  });

  it('are filtered by five filters', async () => {
    const server = '1b4e28ba-2fa1-41d2-883f-0016d3cca427';
    await make(
      { image_type: 'snapshot', instance_uuid: server },
      { updated_at: at('2020-01-02T00:00:00Z') },
      { name: 's' },
    );
    await make({}, { updated_at: at('2020-01-01T00:00:00Z') }, { name: 'b' });
    await cloud.images.create(alice, { ...raw, name: 'q' });
    const names = async (query: string) => {
      const { body } = await call(`${base}/detail?${query}`);
      return body.images?.map(({ name }: { name: string }) => name).sort();
    };
    expect(await names('')).toEqual(['b', 'q', 's']);
    expect(await names('type=ALL')).toEqual(['b', 'q', 's']);
    expect(await names('type=SERVER')).toEqual(['s']);
    expect(await names('type=BASE')).toEqual(['b', 'q']);
    expect(await names('type=snapshot')).toEqual(['s']);
    expect(await names('name=b')).toEqual(['b']);
    expect(await names('status=ACTIVE')).toEqual(['b', 's']);
    expect(await names('status=SAVING')).toEqual(['q']);
    expect(await names('status=NONSENSE')).toEqual([]);
    expect(await names(`server=${encodeURIComponent(`${root}/v2/openstack/servers/${server}`)}`)).toEqual(['s']);
    expect(await names(`server=${server}`)).toEqual(['s']);
    expect(await names('changes-since=2020-01-02T00:00:00Z')).toEqual(['q', 's']);
    expect(await names('property-image_type=snapshot')).toEqual(['s']);
    for (const bad of ['changes-since=yesterday', 'limit=x', 'marker=x', 'minRam=x']) {
      expect([bad, (await call(`${base}/detail?${bad}`)).status]).toEqual([bad, 400]);
    }
    const [first] = (await call(`${base}/detail?limit=1`)).body.images;
    const page = (await call(`${base}?limit=1&marker=${first.id}`)).body;
    expect(page.images).toHaveLength(1);
    expect(Object.keys(page.images[0])).toEqual(['id', 'name', 'links']);
    expect(page.images_links[0].href).toBe(`${root}${base}?limit=1&marker=${page.images[0].id}`);
  });
});

describe("Nova's image proxy", () => {
  it('shows an image with its server and disk config, and deletes it', async () => {
    const server = '1b4e28ba-2fa1-41d2-883f-0016d3cca427';
    const id = await make(
      { instance_uuid: server, auto_disk_config: 'False' },
      { updated_at: 1 },
      { name: 's', minDiskGb: 3 },
    );
    const shown = await call(`/compute/v2.1/images/${id}`);
    expect(shown.body.image).toMatchObject({
      name: 's',
      minDisk: 3,
      'OS-DCF:diskConfig': 'MANUAL',
      server: {
        id: server,
        links: [
          { rel: 'self', href: `http://openstack.example.com/compute/v2.1/servers/${server}` },
          { rel: 'bookmark', href: `http://openstack.example.com/compute/servers/${server}` },
        ],
      },
    });
    const metadata = await call(`/compute/v2.1/images/${id}/metadata`);
    expect(metadata.body).toEqual({ metadata: { instance_uuid: server, auto_disk_config: 'False' } });
    expect((await call(`/compute/v2.1/images/${id}/metadata/auto_disk_config`)).body).toEqual({
      meta: { auto_disk_config: 'False' },
    });
    expect((await call(`/compute/v2.1/images/${id}/metadata/none`)).status).toBe(404);
    await cloud.images.update(alice, parseId(id)!, { description: 'of a server' });
    const described = { ...metadata.body.metadata, description: 'of a server' };
    expect((await call(`/compute/v2.1/images/${id}/metadata`)).body).toEqual({ metadata: described });
    const item = `/compute/v2.1/images/${id}/metadata/description`;
    expect((await call(item, 'DELETE')).status).toBe(204);
    const absent = { code: 404, message: 'Invalid metadata key description' };
    expect(await call(item, 'DELETE')).toEqual({ status: 404, body: { itemNotFound: absent } });
    expect((await call(`/compute/v2.1/images/${id}/metadata`)).body).toEqual(metadata.body);
    expect((await call(`/compute/v2.1/images/${id}`, 'DELETE')).status).toBe(204);
    const gone = await call(`/compute/v2.1/images/${id}`);
    expect(gone).toEqual({ status: 404, body: { itemNotFound: { code: 404, message: 'Image not found.' } } });
    const open = await cloud.images.create(admin, { ...raw, visibility: 'public' });
    expect(await call(`/compute/v2.1/images/${open.id}`, 'DELETE')).toEqual({
      status: 403,
      body: { forbidden: { code: 403, message: 'You are not allowed to delete the image.' } },
    });
  });
});
