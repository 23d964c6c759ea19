import type { Exchange, SignedClient } from './signed-client.ts';

type Body = Record<string, unknown>;

/** One request of the story: what it is to ZStack, and what has to be so afterwards. */
export interface Step {
  operation: string;
  method: string;
  path: string;
  body?: unknown;
  /** Why the answer is not as it has to be; undefined where it is. */
  wrong?(body: Body, exchange: Exchange): string | undefined;
  /** Takes from the answer what later steps need. */
  keep?(inventory: Body): void;
}

const gibibyte = 2 ** 30;

const has =
  (wanted: Body) =>
  (body: Body): string | undefined => {
    const inventory = (body['inventory'] ?? (body['inventories'] as Body[] | undefined)?.[0]) as Body | undefined;
    if (!inventory) return 'the answer shows no inventory';
    const odd = Object.entries(wanted).find(([name, value]) => inventory[name] !== value);
    return odd && `${odd[0]} is ${JSON.stringify(inventory[odd[0]])}, not ${JSON.stringify(odd[1])}`;
  };

const isGone = (body: Body): string | undefined =>
  (body['inventories'] as Body[] | undefined)?.length === 0 ? undefined : 'it is still in the list';

/**
 * What somebody does who sets up a server with everything around it and takes it away again: the requests of ZStack's own
 * clients in their order. Made lazily, as each step may need what an earlier one has found.
 */
export function* story(imageUrl: string): Generator<Step> {
  const ids: Record<string, string> = {};
  const keep = (name: string) => (inventory: Body) => {
    ids[name] = String(inventory['uuid']);
  };
  const act = (operation: string, path: string, fields: Body = {}): Step => ({
    operation,
    method: 'PUT',
    path: `${path}/actions`,
    body: { [operation[0]!.toLowerCase() + operation.slice(1)]: fields },
  });
  const list = (operation: string, path: string): Step => ({ operation, method: 'GET', path });
  const make = (operation: string, path: string, params: Body, name: string, wanted: Body = {}): Step => ({
    ...{ operation, method: 'POST', path, body: { params } },
    keep: keep(name),
    wrong: has(wanted),
  });
  const remove = (operation: string, path: string): Step => ({ operation, method: 'DELETE', path });

  yield { ...list('QueryZone', '/zones?limit=1'), keep: keep('zone') };
  yield { ...list('QueryCluster', '/clusters?limit=1'), keep: keep('cluster') };
  yield list('QueryHost', '/hosts?replyWithCount=true');
  yield { ...list('QueryPrimaryStorage', '/primary-storage?limit=1'), keep: keep('primary') };
  yield { ...list('QueryBackupStorage', '/backup-storage?q=state=Enabled&limit=1'), keep: keep('store') };
  const image = { name: 'story', url: imageUrl, format: 'qcow2', mediaType: 'RootVolumeTemplate' };
  const stores = { backupStorageUuids: [ids['store']] };
  yield make('AddImage', '/images', { ...image, ...stores }, 'image', { status: 'Ready', state: 'Enabled' });
  yield { ...act('SetImageBootMode', `/images/${ids['image']}`, { bootMode: 'Legacy' }) };
  const wire = { name: 'story', zoneUuid: ids['zone'], physicalInterface: 'eth0', vlan: 200 };
  yield make('CreateL2VlanNetwork', '/l2-networks/vlan', wire, 'l2', { vlan: 200 });
  const onCluster = `/l2-networks/${ids['l2']}/clusters/${ids['cluster']}`;
  yield { operation: 'AttachL2NetworkToCluster', method: 'POST', path: onCluster, body: { params: {} } };
  yield make('CreateL3Network', '/l3-networks', { name: 'story', l2NetworkUuid: ids['l2'] }, 'l3', {
    state: 'Enabled',
  });
  const range = {
    name: 'story',
    startIp: '10.88.0.10',
    endIp: '10.88.0.90',
    netmask: '255.255.255.0',
    gateway: '10.88.0.1',
  };
  yield make('AddIpRange', `/l3-networks/${ids['l3']}/ip-ranges`, range, 'range', { startIp: '10.88.0.10' });
  yield make(
    'CreateInstanceOffering',
    '/instance-offerings',
    { name: 'story', cpuNum: 1, memorySize: 2 ** 28 },
    'size',
  );
  yield make('CreateDiskOffering', '/disk-offerings', { name: 'story', diskSize: gibibyte }, 'disk');
  const vm = {
    ...{ name: 'story', imageUuid: ids['image'], instanceOfferingUuid: ids['size'], l3NetworkUuids: [ids['l3']] },
    rootDiskSize: gibibyte,
  };
  yield make('CreateVmInstance', '/vm-instances', vm, 'vm', { state: 'Running', cpuNum: 1 });
  const server = `/vm-instances/${ids['vm']}`;
  yield {
    ...list('QueryVmNic', `/vm-instances/nics?q=vmInstanceUuid=${ids['vm']}`),
    keep: keep('nic'),
    wrong: has({ l3NetworkUuid: ids['l3'] }),
  };
  yield {
    ...list('QueryVolume', `/volumes?q=vmInstanceUuid=${ids['vm']}&q=type=Root`),
    keep: keep('root'),
    wrong: has({ status: 'Ready' }),
  };
  yield { ...act('UpdateVmInstance', server, { name: 'story-1' }), wrong: has({ name: 'story-1' }) };
  yield make('CreateDataVolume', '/volumes/data', { name: 'story', diskOfferingUuid: ids['disk'] }, 'volume', {
    status: 'Ready',
  });
  const attach = `/volumes/${ids['volume']}/vm-instances/${ids['vm']}`;
  yield make('AttachDataVolumeToVm', attach, {}, 'volume', { vmInstanceUuid: ids['vm'] });
  yield make('CreateVolumeSnapshot', `/volumes/${ids['volume']}/volume-snapshots`, { name: 'story' }, 'snapshot', {
    status: 'Ready',
  });
  yield make('CreateSecurityGroup', '/security-groups', { name: 'story' }, 'group', { state: 'Enabled' });
  const rule = { type: 'Ingress', protocol: 'TCP', startPort: 22, endPort: 22, allowedCidr: '10.0.0.0/8' };
  yield make('AddSecurityGroupRule', `/security-groups/${ids['group']}/rules`, { rules: [rule] }, 'group');
  const member = { vmNicUuids: [ids['nic']] };
  yield {
    ...{
      operation: 'AddVmNicToSecurityGroup',
      method: 'POST',
      path: `/security-groups/${ids['group']}/vm-instances/nics`,
    },
    body: { params: member },
  };
  yield make(
    'CreateUserTag',
    '/user-tags',
    { resourceType: 'VmInstanceVO', resourceUuid: ids['vm'], tag: 'story' },
    'tag',
  );
  yield { ...list('QueryVmInstance', '/vm-instances?q=__userTag__=story'), wrong: has({ uuid: ids['vm'] }) };
  yield make('CreateTag', '/tags', { name: 'story', value: 'story-tag' }, 'pattern', { type: 'simple' });
  const worn = `/tags/${ids['pattern']}/resources`;
  yield {
    ...{ operation: 'AttachTagToResources', method: 'POST', path: worn },
    body: { params: { resourceUuids: [ids['vm']] } },
  };
  yield {
    ...list('QueryUserTag', `/user-tags?q=tagPatternUuid=${ids['pattern']}`),
    wrong: has({ resourceUuid: ids['vm'], tag: 'story-tag' }),
  };
  yield remove('DetachTagFromResources', `${worn}?resourceUuids=${ids['vm']}`);
  yield remove('DeleteTag', `/tags/${ids['pattern']}`);
  yield { ...act('StopVmInstance', server, { type: 'cold' }), wrong: has({ state: 'Stopped' }) };
  yield make('CreateVolumeSnapshot', `/volumes/${ids['root']}/volume-snapshots`, { name: 'built' }, 'built', {
    volumeType: 'Root',
  });
  const template = `/images/root-volume-templates/from/volume-snapshots/${ids['built']}`;
  yield make('CreateRootVolumeTemplateFromVolumeSnapshot', template, { name: 'built', ...stores }, 'template', {
    status: 'Ready',
  });
  yield { ...act('StartVmInstance', server), wrong: has({ state: 'Running' }) };
  yield act('RebootVmInstance', server);
  yield list('GetVmCapabilities', `${server}/capabilities`);
  yield {
    ...list('ZQLQuery', `/zql?zql=${encodeURIComponent(`query vmInstance where uuid = '${ids['vm']}'`)}`),
    wrong: (body) => ((body['results'] as Body[])[0]?.['inventories'] ? undefined : 'it gives no inventories'),
  };
  yield list('QueryGlobalConfig', '/global-configurations?q=category=image');
  const group = `/security-groups/${ids['group']}`;
  yield remove('DeleteVmNicFromSecurityGroup', `${group}/vm-instances/nics?vmNicUuids=${ids['nic']}`);
  yield remove('DeleteSecurityGroup', group);
  yield remove('DestroyVmInstance', `${server}?deleteMode=Permissive`);
  yield act('ExpungeVmInstance', server);
  yield { ...list('QueryVmInstance', server), wrong: isGone };
  yield remove('DeleteDataVolume', `/volumes/${ids['volume']}?deleteMode=Permissive`);
  yield { ...list('QueryVolumeSnapshot', `/volume-snapshots?q=name?=story,built`), wrong: isGone };
  for (const name of ['template', 'image']) {
    yield remove('DeleteImage', `/images/${ids[name]}?deleteMode=Enforcing`);
    yield act('ExpungeImage', `/images/${ids[name]}`);
  }
  yield remove('DeleteIpRange', `/l3-networks/ip-ranges/${ids['range']}`);
  yield remove('DeleteL3Network', `/l3-networks/${ids['l3']}`);
  yield remove('DetachL2NetworkFromCluster', onCluster);
  yield remove('DeleteL2Network', `/l2-networks/${ids['l2']}`);
  yield remove('DeleteInstanceOffering', `/instance-offerings/${ids['size']}`);
  yield remove('DeleteDiskOffering', `/disk-offerings/${ids['disk']}`);
}

/** Runs one step; gives what is wrong about its answer. */
export async function runStep(client: SignedClient, step: Step): Promise<{ exchange: Exchange; wrong?: string }> {
  const exchange = await client.exchange(step.method, step.path, step.body);
  const { status, body } = exchange.answer;
  if (status !== 200) {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return { exchange, wrong: `answered with ${status}: ${text.slice(0, 400)}` };
  }
  const inventory = body.inventory ?? body.inventories?.[0];
  if (inventory) step.keep?.(inventory);
  const wrong = step.wrong?.(body, exchange);
  return wrong ? { exchange, wrong } : { exchange };
}
