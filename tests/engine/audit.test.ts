import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Invariant, isSound } from '../../src/cloud/audit/audit.ts';
import type { Tx } from '../../src/database/database.ts';
import { newId } from '../../src/env/env.ts';
import { makeServer, serverId } from './fixtures/fixture.ts';
import { inStorage, makeVolume, volumeId } from './fixtures/volume-worlds.ts';
import { World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = await World.open();
  await makeServer(world);
  await makeVolume(world);
});

afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

const write = (change: (tx: Tx) => Promise<unknown>) => world.db.write(async (tx) => void (await change(tx)));
const server = (columns: Record<string, unknown>) =>
  write((tx) => tx.updateTable('servers').set(columns).where('deleted_at', 'is', null).execute());
const hostId = async () => (await world.cloud.hosts.list())[0]!.id;
const strange = 'd'.repeat(32);

/** What is broken, and what the audit has to say of it. */
const damage: ReadonlyArray<{ what: string; says: Invariant; break(): Promise<unknown> }> = [
  {
    what: 'a server that is busy with nothing',
    says: 'state-is-final',
    break: () => server({ task_state: 'rebuilding' }),
  },
  {
    what: 'a server in error that does not say why',
    says: 'error-has-fault',
    break: () => server({ vm_state: 'error' }),
  },
  { what: 'a server that is on no host', says: 'server-has-parts', break: () => server({ host_id: null }) },
  {
    what: 'a guest that does not run',
    says: 'guest-is-as-server',
    break: async () => world.host.stopGuest(await serverId(world), { graceSeconds: 0 }),
  },
  {
    what: 'a guest without a server',
    says: 'guest-has-server',
    break: () => world.host.ensureConfigDrive(strange, {}),
  },
  {
    what: 'room that is held for nobody',
    says: 'allocation-is-exact',
    break: async () => {
      const need = { vcpus: 1, memoryMb: 1, diskGb: 1 };
      const host = await hostId();
      await write((tx) => world.cloud.hosts.putAllocation(tx, strange, 'current', host, need));
    },
  },
  {
    what: 'more room given away than there is',
    says: 'capacity-is-kept',
    break: () => write((tx) => tx.updateTable('hosts').set({ vcpus: 0 }).execute()),
  },
  {
    what: 'room that is held in a storage in which the root disk does not lie',
    says: 'allocation-is-exact',
    break: async () => {
      const { storageId } = (await inStorage(world)).place;
      await write((tx) => tx.updateTable('allocations').set({ storage_id: storageId, storage_gb: 1 }).execute());
    },
  },
  {
    what: 'more of a storage given away than there is',
    says: 'capacity-is-kept',
    break: async () => {
      await makeVolume(world, { name: 'there', ...(await inStorage(world)) });
      await write((tx) => tx.updateTable('storage_hosts').set({ total_bytes: 0 }).execute());
    },
  },
  {
    what: 'a disk that nobody knows',
    says: 'disk-is-known',
    break: () => world.host.ensureDisk({ diskId: strange, size: 512, base: { kind: 'blank' } }),
  },
  { what: 'a disk that is lost', says: 'disk-exists', break: async () => world.host.removeDisk(await diskId()) },
  {
    what: 'a disk that nothing uses',
    says: 'disk-has-owner',
    break: async () => {
      await world.host.ensureDisk({ diskId: strange, size: 512, base: { kind: 'blank' } });
      const row = { id: strange, host_id: await hostId(), volume_id: strange, image_id: null, size: 512 };
      await write((tx) =>
        tx
          .insertInto('disks')
          .values({ ...row, created_at: 1, released_at: null })
          .execute(),
      );
    },
  },
  {
    what: 'a disk that a guest has open, of a volume that its server does not have',
    says: 'disk-has-one-writer',
    break: async () => {
      const volume = await world.cloud.blockStorage.get(world.subject, await volumeId(world));
      const disk = { diskId: volume.diskId!, volumeId: volume.id, bus: 'virtio' } as const;
      await world.host.attachDisk(await serverId(world), disk);
    },
  },
  {
    what: "a volume that has another one's disk",
    says: 'volume-has-disk',
    break: () => write((tx) => tx.updateTable('disks').set({ volume_id: strange }).execute()),
  },
  {
    what: 'a volume that a server has which is gone',
    says: 'holder-lives',
    break: async () => {
      const id = await volumeId(world);
      await write((tx) => tx.updateTable('volumes').set({ server_id: strange }).where('id', '=', id).execute());
    },
  },
  {
    what: 'a volume for one server, which another one has too',
    says: 'volume-is-shared',
    break: async () => {
      const share = { id: strange, volume_id: await volumeId(world), server_id: await serverId(world) } as const;
      const place = { device: '/dev/vdb', device_index: 1, device_tag: null, delete_on_termination: 0 } as const;
      await write((tx) =>
        tx
          .insertInto('volume_shares')
          .values({ ...share, ...place, status: 'attached', attached_by_volume_api: 0, created_at: 1, attached_at: 1 })
          .execute(),
      );
    },
  },
  {
    what: 'a port that is not where its server is',
    says: 'port-is-bound',
    break: () => write((tx) => tx.updateTable('ports').set({ host_id: null }).execute()),
  },
  {
    what: 'an address outside of its subnet',
    says: 'address-in-subnet',
    break: () => write((tx) => tx.updateTable('subnets').set({ cidr: '192.0.2.0/24' }).execute()),
  },
  {
    what: 'an image that has lost some of its bytes',
    says: 'image-has-bytes',
    break: () =>
      write((tx) =>
        tx
          .updateTable('image_replicas')
          .set((e) => ({ size: e('size', '+', 1) }))
          .execute(),
      ),
  },
  { what: 'bytes that are no image', says: 'bytes-have-image', break: () => store().put(strange, bytes()) },
  {
    what: 'a file left in an image store',
    says: 'no-stray-files',
    break: async () => writeFile((await store().stage(strange)).path, 'left over'),
  },
  {
    what: 'a host that has lost an image below a disk',
    says: 'cached-image-is-known',
    break: async () => world.host.loseImage(world.imageIds[0]!),
  },
  { what: 'an action that nobody walks', says: 'action-progresses', break: () => stuckAction('server.stop') },
  { what: 'an action that nobody knows', says: 'action-is-known', break: () => stuckAction('server.fly') },
  {
    what: 'an event that never ended',
    says: 'events-are-closed',
    break: () => write((tx) => tx.updateTable('action_events').set({ result: null }).execute()),
  },
];

const store = () => world.cloud.imageStores.driver(world.cloud.imageStores.list()[0]!.id);
const diskId = async () => (await world.cloud.blockStorage.get(world.subject, await volumeId(world))).diskId!;

async function* bytes(): AsyncGenerator<Buffer> {
  yield Buffer.from('bytes');
}

async function stuckAction(kind: string): Promise<void> {
  const { userId, projectId, requestId } = world.subject;
  await write((tx) =>
    tx
      .insertInto('actions')
      .values({
        id: newId(world.env),
        kind,
        name: 'stuck',
        resource_type: 'server',
        resource_id: strange,
        project_id: projectId!,
        user_id: userId,
        request_id: requestId,
        state: 'running',
        input: '{}',
        progress: 0,
        error: null,
        cancel_requested: 0,
        lease_owner: strange,
        lease_expires_at: 1,
        created_at: 1,
        updated_at: 1,
        finished_at: null,
      })
      .execute(),
  );
}

describe('the audit', () => {
  it('finds nothing where all is well', async () => {
    expect(await world.audit()).toEqual([]);
  });

  it.each(damage)('finds $what', async ({ says, break: breakIt }) => {
    await breakIt();
    const findings = await world.audit();
    expect(findings).toContainEqual(expect.objectContaining({ invariant: says, level: 'violation' }));
    expect(isSound(findings)).toBe(false);
  });

  it('says which host it could not look at', async () => {
    world.faults.before = () => new Error('no answer');
    const findings = await world.audit();
    world.faults.before = undefined;
    expect(findings).toMatchObject([{ invariant: 'host-answers', resource: 'host', id: await hostId() }]);
  });

  it('takes work under way for what it is', async () => {
    const findings: unknown[] = [];
    world.faults.before = (verb) => {
      if (verb !== 'inventory') findings.push(world.audit());
      return undefined;
    };
    await world.done(
      world.cloud.servers.rebuild(world.subject, await serverId(world), { imageId: world.imageIds[1]! }),
    );
    world.faults.before = undefined;
    expect(await Promise.all(findings)).toEqual(findings.map(() => []));
    expect(findings.length).toBeGreaterThan(3);
  });
});
