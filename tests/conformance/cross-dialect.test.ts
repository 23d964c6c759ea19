import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenStackClient } from '../../src/cli/clients/openstack-client.ts';
import type { ZStackClient } from '../../src/cli/clients/zstack-client.ts';
import { TestCloud } from '../support/cloud.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers of two APIs
type Body = any;

/** `qemu` for real guests, which take their time. */
const hypervisor = process.env['UNKAI_TEST_CROSS_DIALECT'] === 'qemu' ? 'qemu' : 'simulated';
if (hypervisor === 'simulated') console.warn('Without real guests: UNKAI_TEST_CROSS_DIALECT=qemu has them.');

let cloud: TestCloud;
let openstack: OpenStackClient;
let zstack: ZStackClient;
/** What both APIs' resources are made of. */
const shared: Record<string, string> = {};

/** A kind of resource, as each of the two APIs knows it. */
interface Kind {
  name: string;
  openstack: {
    make(): Promise<string>;
    /** The resource in OpenStack's list; undefined where it is not there. */
    find(id: string): Promise<Body>;
    rename(id: string, name: string): Promise<unknown>;
    remove(id: string): Promise<unknown>;
  };
  zstack: {
    /** The path of its query, which is also where it is deleted. */
    path: string;
    make(): Promise<string>;
    update: string;
    updatePath?: (uuid: string) => string;
    removePath?: (uuid: string) => string;
    /** Whether a deleted one stays in the list as Deleted. */
    staysDeleted?: boolean;
  };
}

const bare = (id: string) => id.replaceAll('-', '');
const made = async (path: string, params: object): Promise<string> =>
  (await zstack.call('POST', path, { params })).inventory.uuid;
const tenant = (path: string) => `/volume/v3/${openstack.projectId}${path}`;
const neutron = (collection: string, member: string, words: () => object): Kind['openstack'] => {
  const path = `/network/v2.0/${collection}`;
  return {
    make: async () => (await openstack.post(path, { [member]: words() }))[member].id,
    find: async (id) =>
      (await openstack.get(path))[collection.replaceAll('-', '_')].find((one: Body) => bare(one.id) === bare(id)),
    rename: (id, name) => openstack.call('PUT', `${path}/${id}`, { [member]: { name } }),
    remove: (id) => openstack.call('DELETE', `${path}/${id}`),
  };
};
const block = (collection: string, member: string, make: () => Promise<string>): Kind['openstack'] => ({
  make,
  find: async (id) =>
    (await openstack.get(tenant(`/${collection}/detail`)))[collection].find((one: Body) => bare(one.id) === bare(id)),
  rename: (id, name) => openstack.call('PUT', tenant(`/${collection}/${id}`), { [member]: { name } }),
  remove: (id) => openstack.call('DELETE', tenant(`/${collection}/${id}`)),
});
const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  await expect.poll(isSo, { timeout: 120_000, interval: 50 }).toBe(true);
};
let count = 10;
const cidr = () => {
  count += 1;
  return `10.${count}.0.0/24`;
};

const kinds: Kind[] = [
  {
    name: 'server',
    openstack: {
      async make() {
        const networks = [{ uuid: shared['network'] }];
        const server = { name: 'cross', imageRef: shared['image'], flavorRef: '42', networks };
        const { id } = (await openstack.post('/compute/v2.1/servers', { server })).server;
        await until(async () => (await openstack.get(`/compute/v2.1/servers/${id}`)).server.status === 'ACTIVE');
        return id;
      },
      find: async (id) =>
        (await openstack.get('/compute/v2.1/servers/detail')).servers.find((one: Body) => bare(one.id) === bare(id)),
      rename: (id, name) => openstack.call('PUT', `/compute/v2.1/servers/${id}`, { server: { name } }),
      remove: (id) => openstack.call('DELETE', `/compute/v2.1/servers/${id}`),
    },
    zstack: {
      path: '/vm-instances',
      update: 'updateVmInstance',
      make: () => {
        const place = { l3NetworkUuids: [bare(shared['network']!)], imageUuid: bare(shared['image']!) };
        return made('/vm-instances', {
          name: 'cross',
          cpuNum: 1,
          memorySize: 2 ** 27,
          rootDiskSize: 2 ** 30,
          ...place,
        });
      },
    },
  },
  {
    name: 'volume',
    openstack: block('volumes', 'volume', async () => {
      const { id } = (await openstack.post(tenant('/volumes'), { volume: { size: 1, name: 'cross' } })).volume;
      await until(async () => (await openstack.get(tenant(`/volumes/${id}`))).volume.status === 'available');
      return id;
    }),
    zstack: {
      path: '/volumes',
      update: 'updateVolume',
      make: () => made('/volumes/data', { name: 'cross', diskSize: 2 ** 30 }),
    },
  },
  {
    name: 'snapshot',
    openstack: block('snapshots', 'snapshot', async () => {
      const snapshot = { volume_id: shared['volume'], name: 'cross' };
      const { id } = (await openstack.post(tenant('/snapshots'), { snapshot })).snapshot;
      await until(async () => (await openstack.get(tenant(`/snapshots/${id}`))).snapshot.status === 'available');
      return id;
    }),
    zstack: {
      path: '/volume-snapshots',
      update: 'updateVolumeSnapshot',
      make: () => made(`/volumes/${bare(shared['volume']!)}/volume-snapshots`, { name: 'cross' }),
    },
  },
  {
    name: 'image',
    openstack: {
      async make() {
        const words = { name: 'cross', disk_format: 'raw', container_format: 'bare' };
        const { id } = await openstack.post('/image/v2/images', words);
        await openstack.call('PUT', `/image/v2/images/${id}/file`, Buffer.alloc(2 ** 20));
        return id;
      },
      find: async (id) =>
        (await openstack.get('/image/v2/images')).images.find((one: Body) => bare(one.id) === bare(id)),
      rename: (id, name) =>
        openstack.call('PATCH', `/image/v2/images/${id}`, [{ op: 'replace', path: '/name', value: name }], {
          'content-type': 'application/openstack-images-v2.1-json-patch',
        }),
      remove: (id) => openstack.call('DELETE', `/image/v2/images/${id}`),
    },
    zstack: {
      path: '/images',
      update: 'updateImage',
      staysDeleted: true,
      make: () => made(`/images/data-volume-templates/from/volumes/${bare(shared['volume']!)}`, { name: 'cross' }),
    },
  },
  {
    name: 'network',
    openstack: neutron('networks', 'network', () => ({ name: 'cross' })),
    zstack: {
      path: '/l3-networks',
      update: 'updateL3Network',
      make: () => made('/l3-networks', { name: 'cross', l2NetworkUuid: shared['l2'] }),
    },
  },
  {
    name: 'subnet',
    openstack: neutron('subnets', 'subnet', () => ({
      ...{ name: 'cross', network_id: shared['network'], ip_version: 4, cidr: cidr() },
    })),
    zstack: {
      path: '/l3-networks/ip-ranges',
      update: 'updateIpRange',
      make: () =>
        made(`/l3-networks/${bare(shared['network']!)}/ip-ranges/by-cidr`, { name: 'cross', networkCidr: cidr() }),
    },
  },
  {
    name: 'security group',
    openstack: neutron('security-groups', 'security_group', () => ({ name: 'cross' })),
    zstack: {
      path: '/security-groups',
      update: 'updateSecurityGroup',
      make: () => made('/security-groups', { name: 'cross' }),
    },
  },
];

const found = async (kind: Kind, id: string): Promise<Body> => {
  const { inventories } = await zstack.call('GET', `${kind.zstack.path}?q=uuid=${bare(id)}`);
  return inventories.find((one: Body) => one.status !== 'Deleted' || !kind.zstack.staysDeleted);
};

describe('what is made in one API is listed, changed and deleted in the other', () => {
  beforeAll(async () => {
    cloud = await TestCloud.start({ tinyLinux: true, hypervisor });
    openstack = await cloud.openstack();
    zstack = await cloud.zstack();
    shared['image'] = (await openstack.get('/image/v2/images?name=TinyLinux')).images[0].id;
    const network = { name: 'shared' };
    shared['network'] = (await openstack.post('/network/v2.0/networks', { network })).network.id;
    const subnet = { network_id: shared['network'], ip_version: 4, cidr: '10.9.0.0/24' };
    await openstack.post('/network/v2.0/subnets', { subnet });
    shared['volume'] = await made('/volumes/data', { name: 'shared', diskSize: 2 ** 30 });
    const { inventories } = await zstack.call('GET', '/zones');
    const wire = { name: 'wire', zoneUuid: inventories[0].uuid, physicalInterface: 'eth0' };
    shared['l2'] = await made('/l2-networks/no-vlan', wire);
  }, 300_000);
  afterAll(async () => {
    await cloud?.close();
  });

  it.each(kinds.map((kind) => [kind.name, kind] as const))('a %s of OpenStack in ZStack', async (_, kind) => {
    const id = await kind.openstack.make();
    expect(await found(kind, id)).toMatchObject({ name: 'cross' });
    const path = `${kind.zstack.path}/${bare(id)}`;
    await zstack.call('PUT', `${path}/actions`, { [kind.zstack.update]: { name: 'renamed' } });
    expect(await kind.openstack.find(id)).toMatchObject({ name: 'renamed' });
    await zstack.call('DELETE', path);
    await until(async () => (await kind.openstack.find(id)) === undefined);
    expect(await found(kind, id)).toBeUndefined();
  });

  it.each(kinds.map((kind) => [kind.name, kind] as const))('a %s of ZStack in OpenStack', async (_, kind) => {
    const uuid = await kind.zstack.make();
    const theirs = await kind.openstack.find(uuid);
    expect(theirs).toMatchObject({ name: 'cross' });
    await kind.openstack.rename(theirs.id, 'renamed');
    expect(await found(kind, uuid)).toMatchObject({ name: 'renamed' });
    await kind.openstack.remove(theirs.id);
    await until(async () => (await found(kind, uuid)) === undefined);
    expect(await kind.openstack.find(uuid)).toBeUndefined();
  });

  it('an address outside, of either', async () => {
    const outside =
      (await openstack.get('/network/v2.0/networks?router:external=true')).networks[0] ??
      (await openstack.post('/network/v2.0/networks', { network: { name: 'outside', 'router:external': true } }))
        .network;
    if (outside.subnets.length === 0) {
      const subnet = { network_id: outside.id, ip_version: 4, cidr: '203.0.113.0/24' };
      await openstack.post('/network/v2.0/subnets', { subnet });
    }
    const path = '/network/v2.0/floatingips';
    const { floatingip } = await openstack.post(path, { floatingip: { floating_network_id: outside.id } });
    const vips = async (id: string) => (await zstack.call('GET', `/vips?q=uuid=${bare(id)}`)).inventories;
    expect(await vips(floatingip.id)).toMatchObject([{ ip: floatingip.floating_ip_address }]);
    await zstack.call('DELETE', `/vips/${bare(floatingip.id)}`);
    expect((await openstack.get(path)).floatingips).toEqual([]);
    const uuid = await made('/vips', { name: 'cross', l3NetworkUuid: bare(outside.id) });
    const [theirs] = (await openstack.get(path)).floatingips;
    expect(bare(theirs.id)).toBe(uuid);
    await openstack.call('DELETE', `${path}/${theirs.id}`);
    expect(await vips(uuid)).toEqual([]);
  });

  it('a key pair and a size, of either', async () => {
    const keypairs = '/compute/v2.1/os-keypairs';
    await openstack.post(keypairs, { keypair: { name: 'theirs' } });
    const [pair] = (await zstack.call('GET', '/ssh-key-pair?q=name=theirs')).inventories;
    await zstack.call('DELETE', `/ssh-key-pair/${pair.uuid}`);
    expect((await openstack.get(keypairs)).keypairs).toEqual([]);
    await made('/ssh-key-pair', { name: 'ours', publicKey: pair.publicKey });
    await openstack.call('DELETE', `${keypairs}/ours`);
    expect((await zstack.call('GET', '/ssh-key-pair')).inventories).toEqual([]);
    const sizes = '/compute/v2.1/flavors';
    const { flavor } = await openstack.post(sizes, { flavor: { name: 'theirs', ram: 128, vcpus: 1, disk: 0 } });
    const [offering] = (await zstack.call('GET', '/instance-offerings?q=name=theirs')).inventories;
    await zstack.call('DELETE', `/instance-offerings/${offering.uuid}`);
    expect((await openstack.request('GET', `${sizes}/${flavor.id}`)).status).toBe(404);
    const uuid = await made('/instance-offerings', { name: 'ours', cpuNum: 1, memorySize: 2 ** 27 });
    const ours = (await openstack.get(sizes)).flavors.find(({ name }: Body) => name === 'ours');
    await openstack.call('DELETE', `${sizes}/${ours.id}`);
    expect((await zstack.call('GET', `/instance-offerings?q=uuid=${uuid}`)).inventories).toEqual([]);
  });
});
