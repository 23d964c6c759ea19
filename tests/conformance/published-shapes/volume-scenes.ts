import { randomUUID } from 'node:crypto';
import type { ExampleWorld } from '../../api/example-world.ts';
import { kept, type Scene } from './service-under-test.ts';

/** As the newest version is asked, whatever the operation under test is asked as. */
async function newestly(world: ExampleWorld, method: string, path: string, body?: unknown) {
  const url = `/volume/v3/${world.admin.projectId}${path}`;
  return await world.admin.call(method, url, body, { 'openstack-api-version': 'volume 3.70' });
}

async function metadataOf(world: ExampleWorld, kind: 'volume' | 'snapshot') {
  const id = await world.fresh(kind);
  await world.volume('POST', `/${kind}s/${id}/metadata`, { metadata: { tier: 'gold' } });
  return { [`${kind}_id`]: id, key: 'tier' };
}

const withMetadata =
  (kind: 'volume' | 'snapshot'): Scene =>
  async (world) => ({ params: await metadataOf(world, kind) });

async function newTransfer(world: ExampleWorld): Promise<{ id: string; auth_key: string }> {
  const volume_id = await world.fresh('volume');
  return (await world.volume('POST', '/os-volume-transfer', { transfer: { volume_id, name: 'for you' } })).transfer;
}

const aTransfer: Scene = async (world) => ({ params: { transfer_id: (await newTransfer(world)).id } });
const transferOf: Scene = async (world) => ({
  body: { transfer: { volume_id: await world.fresh('volume'), name: 'one' } },
});
const accepted: Scene = async (world) => {
  const { id, auth_key } = await newTransfer(world);
  return { params: { transfer_id: id }, body: { accept: { auth_key } } };
};

async function newBackup(world: ExampleWorld): Promise<string> {
  const volume_id = await world.fresh('volume');
  const { id } = (await world.volume('POST', '/backups', { backup: { volume_id, name: 'monday' } })).backup;
  await world.until(async () => (await world.volume('GET', `/backups/${id}`)).backup.status === 'available');
  return id;
}

const aBackup: Scene = async (world) => ({ params: { backup_id: await newBackup(world) } });

async function newGroupType(world: ExampleWorld): Promise<string> {
  const group_type = { name: `groups-${world.next()}`, group_specs: { colour: 'blue' } };
  return (await newestly(world, 'POST', '/group_types', { group_type })).group_type.id;
}

async function newGroup(world: ExampleWorld): Promise<string> {
  const group = { name: 'shop', group_type: await newGroupType(world), volume_types: [await world.shared('type')] };
  const { id } = (await newestly(world, 'POST', '/groups', { group })).group;
  await world.until(async () => (await newestly(world, 'GET', `/groups/${id}`)).group.status === 'available');
  return id;
}

async function newGroupSnapshot(world: ExampleWorld): Promise<string> {
  const group_id = await newGroup(world);
  const { volume } = await newestly(world, 'POST', '/volumes', {
    volume: { size: 1, group_id, volume_type: await world.shared('type') },
  });
  await world.until(async () => (await world.volume('GET', `/volumes/${volume.id}`)).volume.status === 'available');
  const { id } = (await newestly(world, 'POST', '/group_snapshots', { group_snapshot: { group_id, name: 'nightly' } }))
    .group_snapshot;
  await world.until(async () => {
    const { group_snapshot } = await newestly(world, 'GET', `/group_snapshots/${id}`);
    return group_snapshot.status === 'available';
  });
  return id;
}

const aGroup: Scene = async (world) => ({ params: { group_id: await newGroup(world) } });
const aGroupSnapshot: Scene = async (world) => ({ params: { group_snapshot_id: await newGroupSnapshot(world) } });
const aGroupType: Scene = async (world) => ({ params: { group_type_id: await newGroupType(world), key: 'colour' } });

const withTypeSpec: Scene = async (world) => {
  const type_id = await world.fresh('type');
  await world.volume('POST', `/types/${type_id}/extra_specs`, { extra_specs: { volume_backend_name: 'local' } });
  return { params: { type_id, key: 'volume_backend_name' } };
};

async function privateType(world: ExampleWorld): Promise<string> {
  const volume_type = { name: `private-${world.next()}`, 'os-volume-type-access:is_public': false };
  return (await world.volume('POST', '/types', { volume_type })).volume_type.id;
}

const withAccess: Scene = async (world) => {
  const type_id = await privateType(world);
  const project = await world.shared('project');
  await world.volume('POST', `/types/${type_id}/action`, { addProjectAccess: { project } });
  return { params: { type_id }, body: { removeProjectAccess: { project } } };
};

const encrypted: Scene = async (world) => {
  const type_id = await world.fresh('type');
  const encryption = { provider: 'luks', cipher: 'aes-xts-plain64', key_size: 256, control_location: 'front-end' };
  const made = await world.volume('POST', `/types/${type_id}/encryption`, { encryption });
  return { params: { type_id, encryption_id: made.encryption.encryption_id } };
};

const aQos: Scene = async (world) => {
  const qos_specs = { name: `qos-${world.next()}`, consumer: 'front-end', read_iops_sec: '100' };
  const made = await world.volume('POST', '/qos-specs', { qos_specs });
  return { params: { qos_id: made.qos_specs.id } };
};

/** A set of limits with a type. */
const associated: Scene = async (world, minor) => {
  const scene = await aQos(world, minor);
  const vol_type_id = await world.fresh('type');
  await world.volume('GET', `/qos-specs/${scene.params!['qos_id']}/associate?vol_type_id=${vol_type_id}`);
  return { ...scene, query: { vol_type_id } };
};

const named =
  (member: string, words: object = {}): Scene =>
  async (world) => ({ body: { [member]: { ...words, name: `shape-${world.next()}` } } });

const keptABackup = kept(aBackup);
const keptAGroup = kept(aGroup);
const keptAGroupSnapshot = kept(aGroupSnapshot);
const keptAGroupType = kept(aGroupType);
const keptWithTypeSpec = kept(withTypeSpec);
const keptWithAccess = kept(withAccess);
const keptEncrypted = kept(encrypted);
const keptAQos = kept(aQos);
const keptATransfer = kept(aTransfer);

/** How the world comes to where an operation succeeds whose example is about things that no other example has made. */
export const volumeScenes: Readonly<Record<string, Scene>> = {
  'GET /volumes/{}/metadata/{}': withMetadata('volume'),
  'DELETE /volumes/{}/metadata/{}': withMetadata('volume'),
  'GET /snapshots/{}/metadata/{}': withMetadata('snapshot'),
  'DELETE /snapshots/{}/metadata/{}': withMetadata('snapshot'),
  'POST /volumes/{}/action os-unset_image_metadata': async (world) => {
    const volume_id = await world.fresh('volume');
    const metadata = { os_distro: 'debian' };
    await world.volume('POST', `/volumes/${volume_id}/action`, { 'os-set_image_metadata': { metadata } });
    return { params: { volume_id } };
  },
  'POST /volumes/{}/action os-attach': async (world) => ({
    body: { 'os-attach': { instance_uuid: await world.fresh('server'), mountpoint: '/dev/vdc' } },
  }),
  'POST /volumes/{}/action os-retype': async (world) => ({
    body: { 'os-retype': { new_type: await world.fresh('type'), migration_policy: 'never' } },
  }),
  'POST /snapshots/{}/action os-update_snapshot_status': async (world) => {
    const snapshot_id = await world.fresh('snapshot');
    await world.volume('POST', `/snapshots/${snapshot_id}/action`, { 'os-reset_status': { status: 'creating' } });
    return { params: { snapshot_id }, body: { 'os-update_snapshot_status': { status: 'creating' } } };
  },
  'GET /os-volume-transfer/{}': keptATransfer,
  'GET /volume-transfers/{}': keptATransfer,
  'DELETE /os-volume-transfer/{}': aTransfer,
  'DELETE /volume-transfers/{}': aTransfer,
  'POST /os-volume-transfer': transferOf,
  'POST /volume-transfers': transferOf,
  'POST /os-volume-transfer/{}/accept': accepted,
  'POST /volume-transfers/{}/accept': accepted,
  'GET /backups': keptABackup,
  'GET /backups/{}': keptABackup,
  'PUT /backups/{}': aBackup,
  'DELETE /backups/{}': aBackup,
  'GET /backups/{}/export_record': keptABackup,
  'POST /backups/{}/restore': aBackup,
  'POST /backups/{}/action os-reset_status': aBackup,
  'POST /backups': async (world) => ({ body: { backup: { volume_id: await world.fresh('volume') } } }),
  'POST /backups/import_record': async (world) => {
    const record = (await world.volume('GET', `/backups/${await newBackup(world)}/export_record`))['backup-record'];
    // As of another cloud: with an id that is not known here.
    const told = JSON.parse(Buffer.from(record.backup_url, 'base64').toString());
    const backup_url = Buffer.from(JSON.stringify({ ...told, id: randomUUID() })).toString('base64');
    return { body: { 'backup-record': { ...record, backup_url } } };
  },
  'GET /groups': keptAGroup,
  'GET /groups/{}': keptAGroup,
  'PUT /groups/{}': aGroup,
  'POST /groups/{}/action delete': aGroup,
  'POST /groups/{}/action reset_status': aGroup,
  'POST /groups': async (world) => {
    const [group_type, type] = await Promise.all([newGroupType(world), world.shared('type')]);
    return { body: { group: { name: 'shop', group_type, volume_types: [type] } } };
  },
  'POST /groups/action create-from-src': async (world) => ({
    body: { 'create-from-src': { name: 'copy', group_snapshot_id: await newGroupSnapshot(world) } },
  }),
  'GET /group_snapshots': keptAGroupSnapshot,
  'GET /group_snapshots/{}': keptAGroupSnapshot,
  'DELETE /group_snapshots/{}': aGroupSnapshot,
  'POST /group_snapshots/{}/action reset_status': aGroupSnapshot,
  'POST /group_snapshots': async (world) => {
    const id = await newGroupSnapshot(world);
    const { group_snapshot } = await newestly(world, 'GET', `/group_snapshots/${id}`);
    return { body: { group_snapshot: { group_id: group_snapshot.group_id, name: 'nightly' } } };
  },
  'GET /group_types/{}': keptAGroupType,
  'PUT /group_types/{}': async (world, minor) => ({
    ...(await aGroupType(world, minor)),
    ...(await named('group_type')(world, minor)),
  }),
  'DELETE /group_types/{}': aGroupType,
  'GET /group_types/{}/group_specs': keptAGroupType,
  'POST /group_types/{}/group_specs': aGroupType,
  'GET /group_types/{}/group_specs/{}': keptAGroupType,
  'PUT /group_types/{}/group_specs/{}': async (world, minor) => ({
    ...(await aGroupType(world, minor)),
    body: { colour: 'red' },
  }),
  'DELETE /group_types/{}/group_specs/{}': aGroupType,
  'POST /group_types': named('group_type'),
  'POST /types': named('volume_type', { description: 'For databases', extra_specs: { volume_backend_name: 'local' } }),
  'PUT /types/{}': named('volume_type'),
  'GET /types/{}/extra_specs/{}': keptWithTypeSpec,
  'DELETE /types/{}/extra_specs/{}': withTypeSpec,
  'GET /types/{}/os-volume-type-access': keptWithAccess,
  'POST /types/{}/action addProjectAccess': async (world) => ({ params: { type_id: await privateType(world) } }),
  'POST /types/{}/action removeProjectAccess': withAccess,
  'GET /types/{}/encryption': keptEncrypted,
  'GET /types/{}/encryption/{}': async (world, minor) => {
    const { params } = await encrypted(world, minor);
    return { params: { ...params, encryption_id: 'cipher' } };
  },
  'PUT /types/{}/encryption/{}': encrypted,
  'DELETE /types/{}/encryption/{}': encrypted,
  'GET /qos-specs/{}': keptAQos,
  'PUT /qos-specs/{}': aQos,
  'PUT /qos-specs/{}/delete_keys': aQos,
  'DELETE /qos-specs/{}': aQos,
  'GET /qos-specs/{}/associations': associated,
  'GET /qos-specs/{}/associate': async (world, minor) => ({
    ...(await aQos(world, minor)),
    query: { vol_type_id: await world.fresh('type') },
  }),
  'GET /qos-specs/{}/disassociate': associated,
  'GET /qos-specs/{}/disassociate_all': associated,
  'POST /qos-specs': named('qos_specs', { consumer: 'front-end', total_iops_sec: '100' }),
  'GET /os-quota-sets/{}': async () => ({ query: {} }),
  'GET /scheduler-stats/get_pools': async () => ({ query: {} }),
};
