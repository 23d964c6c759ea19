import type { ExampleWorld } from '../../api/example-world.ts';
import { type Curtain, kept, type Scene } from './service-under-test.ts';

const compute = '/compute/v2.1';
const newest = { 'openstack-api-version': 'compute 2.96' };

/** Asks for an action at the newest microversion, and waits until nothing is under way on the server. */
async function act(world: ExampleWorld, id: string, body: object): Promise<void> {
  await world.admin.call('POST', `${compute}/servers/${id}/action`, body, newest);
  await settled(world, id);
}

async function settled(world: ExampleWorld, id: string): Promise<void> {
  await world.until(async () => {
    const { server } = await world.admin.get(`${compute}/servers/${id}`);
    return server['OS-EXT-STS:task_state'] === null;
  });
}

/** A server on which an action has been. */
function after(...actions: readonly string[]): Scene {
  return async (world) => {
    const id = await world.fresh('server');
    for (const action of actions) await act(world, id, { [action]: action === 'resize' ? { flavorRef: '84' } : null });
    return { params: { server_id: id } };
  };
}

async function attachedVolume(world: ExampleWorld): Promise<{ server_id: string; volume_id: string }> {
  const [server_id, volume_id] = await Promise.all([world.fresh('server'), world.fresh('volume')]);
  const path = `${compute}/servers/${server_id}/os-volume_attachments`;
  await world.admin.call('POST', path, { volumeAttachment: { volumeId: volume_id } });
  await world.until(async () => (await world.volume('GET', `/volumes/${volume_id}`)).volume.status === 'in-use');
  return { server_id, volume_id };
}

const withVolume: Scene = async (world) => ({ params: await attachedVolume(world) });

const withPort: Scene = async (world) => {
  const server_id = await world.fresh('server');
  const { interfaceAttachments } = await world.admin.get(`${compute}/servers/${server_id}/os-interface`);
  return { params: { server_id, port_id: interfaceAttachments[0].port_id } };
};

const withMetadata: Scene = async (world) => {
  const server_id = await world.fresh('server');
  await world.admin.call('POST', `${compute}/servers/${server_id}/metadata`, { metadata: { role: 'web' } });
  return { params: { server_id, key: 'role' } };
};

const withImageMetadata: Scene = async (world) => {
  const image_id = await world.fresh('image');
  await world.admin.call('POST', `${compute}/images/${image_id}/metadata`, { metadata: { colour: 'blue' } });
  return { params: { image_id, key: 'colour' } };
};

const withTag: Scene = async (world) => {
  const server_id = await world.fresh('server');
  await world.admin.call('PUT', `${compute}/servers/${server_id}/tags/web`, undefined, newest);
  return { params: { server_id, tag: 'web' } };
};

const withExtraSpec: Scene = async (world) => {
  const flavor_id = await world.fresh('flavor');
  const path = `${compute}/flavors/${flavor_id}/os-extra_specs`;
  await world.admin.post(path, { extra_specs: { 'hw:cpu_policy': 'shared' } });
  return { params: { flavor_id, key: 'hw:cpu_policy' } };
};

/** A flavor that only some may see; the project has its access where one is named. */
async function privateFlavor(world: ExampleWorld, tenant?: string): Promise<string> {
  const words = { name: `private-${world.next()}`, ram: 128, vcpus: 1, disk: 0, 'os-flavor-access:is_public': false };
  const { id } = (await world.admin.post(`${compute}/flavors`, { flavor: words })).flavor;
  if (tenant) await world.admin.post(`${compute}/flavors/${id}/action`, { addTenantAccess: { tenant } });
  return id;
}

async function newRule(world: ExampleWorld): Promise<string> {
  const parent_group_id = await world.fresh('security_group');
  const words = { parent_group_id, ip_protocol: 'tcp', from_port: 22, to_port: 22, cidr: '0.0.0.0/0' };
  return (await world.admin.post(`${compute}/os-security-group-rules`, { security_group_rule: words }))
    .security_group_rule.id;
}

const ofSecurityGroup =
  (action: string, isMember: boolean): Scene =>
  async (world) => {
    const server_id = await world.fresh('server');
    const name = `group-${world.next()}`;
    await world.neutron('security-groups', { name });
    if (isMember) await act(world, server_id, { addSecurityGroup: { name } });
    return { params: { server_id }, body: { [action]: { name } } };
  };

/** A floating address of a network outside; the server's where it has to be. */
async function floatingAddress(world: ExampleWorld): Promise<{ id: string; ip: string; server_id: string }> {
  const outside = await world.neutron('networks', { name: 'outside', 'router:external': true });
  await world.neutron('subnets', { network_id: outside, ip_version: 4, cidr: `198.18.${world.next()}.0/24` });
  const router = await world.neutron('routers', { name: 'way-out', external_gateway_info: { network_id: outside } });
  const network = await world.neutron('networks', { name: 'inside' });
  const subnet_id = await world.neutron('subnets', { network_id: network, ip_version: 4, cidr: '10.97.0.0/24' });
  await world.admin.call('PUT', `/network/v2.0/routers/${router}/add_router_interface`, { subnet_id });
  const words = { name: 'reached', imageRef: await world.shared('image'), flavorRef: '42' };
  const server = { ...words, networks: [{ uuid: network }] };
  const server_id = (await world.admin.post(`${compute}/servers`, { server })).server.id;
  await settled(world, server_id);
  const { floatingip } = await world.admin.post('/network/v2.0/floatingips', {
    floatingip: { floating_network_id: outside },
  });
  return { id: floatingip.id, ip: floatingip.floating_ip_address, server_id };
}

/** Says of a server's host that it is lost, until the scene ends. */
async function loseHost(world: ExampleWorld, server_id: string): Promise<Curtain> {
  const { server } = await world.admin.get(`${compute}/servers/${server_id}`);
  const host = server['OS-EXT-SRV-ATTR:host'];
  const { services } = await world.admin.call('GET', `${compute}/os-services?host=${host}`, undefined, newest);
  const { id } = services.find(({ binary }: { binary: string }) => binary === 'nova-compute');
  const say = (forced_down: boolean) =>
    world.admin.call('PUT', `${compute}/os-services/${id}`, { forced_down }, newest);
  await say(true);
  return { end: async () => void (await say(false)) };
}

const oneHost = async (world: ExampleWorld): Promise<{ id: string; uuid: string; host: string }> => {
  const { hypervisors } = await world.admin.get(`${compute}/os-hypervisors/detail`);
  const { hypervisors: later } = await world.admin.call('GET', `${compute}/os-hypervisors/detail`, undefined, newest);
  return { id: String(hypervisors[0].id), uuid: later[0].id, host: hypervisors[0].service.host };
};

const ofHypervisor: Scene = async (world, minor) => {
  const { id, uuid } = await oneHost(world);
  return { params: { hypervisor_id: minor < 53 ? id : uuid } };
};

const named =
  (member: string, words: object): Scene =>
  async (world) => ({ body: { [member]: { ...words, name: `shape-${world.next()}` } } });

const ofHost: Scene = async (world) => ({ params: { host_name: (await oneHost(world)).host } });

const keptWithVolume = kept(withVolume);
const keptWithPort = kept(withPort);
const keptWithTag = kept(withTag);
const keptWithExtraSpec = kept(withExtraSpec);
const keptWithImageMetadata = kept(withImageMetadata);
const keptWithMetadata = kept(withMetadata);

/** How the world comes to where an operation succeeds whose example is about things that no other example has made. */
export const computeScenes: Readonly<Record<string, Scene>> = {
  'GET /servers/{}/metadata/{}': keptWithMetadata,
  'DELETE /servers/{}/metadata/{}': withMetadata,
  'GET /servers/{}/ips/{}': async (world) => ({
    params: { server_id: await world.shared('server'), network_label: 'example' },
  }),
  'GET /servers/{}/os-interface/{}': keptWithPort,
  'DELETE /servers/{}/os-interface/{}': withPort,
  'GET /servers/{}/os-instance-actions/{}': async (world) => {
    const server_id = await world.shared('server');
    const { instanceActions } = await world.admin.get(`${compute}/servers/${server_id}/os-instance-actions`);
    return { params: { server_id, action_id: instanceActions[0].request_id } };
  },
  'GET /servers/{}/os-volume_attachments': keptWithVolume,
  'GET /servers/{}/os-volume_attachments/{}': keptWithVolume,
  'DELETE /servers/{}/os-volume_attachments/{}': withVolume,
  'PUT /servers/{}/os-volume_attachments/{}': async (world) => {
    const params = await attachedVolume(world);
    return { params, body: { volumeAttachment: { volumeId: params.volume_id, delete_on_termination: true } } };
  },
  // Fewer than there are, which only this says is meant.
  'PUT /os-quota-sets/{}': async () => ({ body: { quota_set: { instances: 20, force: true } } }),
  'POST /servers/{}/os-volume_attachments': async (world) => ({
    body: { volumeAttachment: { volumeId: await world.fresh('volume') } },
  }),
  'GET /flavors/{}/os-extra_specs': keptWithExtraSpec,
  'GET /flavors/{}/os-extra_specs/{}': keptWithExtraSpec,
  'DELETE /flavors/{}/os-extra_specs/{}': withExtraSpec,
  'GET /images/{}/metadata/{}': keptWithImageMetadata,
  'DELETE /images/{}/metadata/{}': withImageMetadata,
  'GET /servers/{}/tags': keptWithTag,
  'GET /servers/{}/tags/{}': keptWithTag,
  'DELETE /servers/{}/tags/{}': withTag,
  'GET /flavors/{}/os-flavor-access': async (world) => ({
    params: { flavor_id: await privateFlavor(world, await world.shared('project')) },
  }),
  'POST /flavors/{}/action addTenantAccess': async (world) => ({ params: { flavor_id: await privateFlavor(world) } }),
  'POST /flavors/{}/action removeTenantAccess': async (world) => {
    const tenant = await world.shared('project');
    return { params: { flavor_id: await privateFlavor(world, tenant) }, body: { removeTenantAccess: { tenant } } };
  },
  'GET /os-floating-ips': async (world) => {
    await floatingAddress(world);
    return {};
  },
  'GET /os-floating-ips/{}': async (world) => ({ params: { floating_ip_id: (await floatingAddress(world)).id } }),
  'DELETE /os-floating-ips/{}': async (world) => ({ params: { floating_ip_id: (await floatingAddress(world)).id } }),
  'POST /os-floating-ips': async (world) => {
    await floatingAddress(world);
    return { body: { pool: 'outside' } };
  },
  'POST /servers/{}/action addFloatingIp': async (world) => {
    const { ip, server_id } = await floatingAddress(world);
    return { params: { server_id }, body: { addFloatingIp: { address: ip } } };
  },
  'POST /servers/{}/action removeFloatingIp': async (world) => {
    const { ip, server_id } = await floatingAddress(world);
    await world.admin.post(`${compute}/servers/${server_id}/action`, { addFloatingIp: { address: ip } });
    return { params: { server_id }, body: { removeFloatingIp: { address: ip } } };
  },
  'POST /servers/{}/action addFixedIp': async (world) => ({
    params: { server_id: await world.fresh('server') },
    body: { addFixedIp: { networkId: await world.shared('network') } },
  }),
  'POST /servers/{}/action removeFixedIp': async (world) => {
    const server_id = await world.fresh('server');
    const { server } = await world.admin.get(`${compute}/servers/${server_id}`);
    const [[{ addr: address }]] = Object.values(server.addresses) as [[{ addr: string }]];
    return { params: { server_id }, body: { removeFixedIp: { address } } };
  },
  'POST /servers': async (world) => {
    const [imageRef, uuid] = await Promise.all([world.shared('image'), world.shared('network')]);
    return { body: { server: { name: 'shape', imageRef, flavorRef: '42', networks: [{ uuid }] } } };
  },
  'POST /servers/{}/action addSecurityGroup': ofSecurityGroup('addSecurityGroup', false),
  'POST /servers/{}/action removeSecurityGroup': ofSecurityGroup('removeSecurityGroup', true),
  'POST /servers/{}/action os-start': after('os-stop'),
  'POST /servers/{}/action unpause': after('pause'),
  'POST /servers/{}/action resume': after('suspend'),
  'POST /servers/{}/action unshelve': async (world, minor) => ({
    ...(await after('shelve')(world, minor)),
    body: { unshelve: null },
  }),
  'POST /servers/{}/action confirmResize': after('resize'),
  'POST /servers/{}/action revertResize': after('resize'),
  'POST /servers/{}/action unrescue': async (world) => {
    const server_id = await world.fresh('server');
    await act(world, server_id, { rescue: {} });
    return { params: { server_id } };
  },
  'POST /servers/{}/action os-migrateLive': async (_, minor) => ({
    body: {
      'os-migrateLive':
        minor < 25
          ? { host: null, block_migration: true, disk_over_commit: false }
          : { host: null, block_migration: 'auto' },
    },
  }),
  'POST /servers/{}/action evacuate': async (world, minor) => {
    const server_id = await world.fresh('server');
    const evacuate = minor < 14 ? { onSharedStorage: false } : {};
    return { params: { server_id }, body: { evacuate }, ...(await loseHost(world, server_id)) };
  },
  'POST /servers/{}/action restore': async (world) => {
    const server_id = await world.fresh('server');
    await world.admin.delete(`${compute}/servers/${server_id}`);
    await settled(world, server_id);
    return { params: { server_id } };
  },
  'POST /os-server-groups': async (_, minor) => ({
    body: { server_group: { name: 'shape', ...(minor < 64 ? { policies: ['affinity'] } : { policy: 'affinity' }) } },
  }),
  'POST /flavors': named('flavor', { ram: 128, vcpus: 1, disk: 0 }),
  'POST /os-aggregates': named('aggregate', {}),
  'PUT /os-aggregates/{}': named('aggregate', {}),
  'POST /os-keypairs': named('keypair', {
    public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl a@example.com',
  }),
  'POST /os-aggregates/{}/action remove_host': async (world) => {
    const [aggregate_id, { host }] = await Promise.all([world.fresh('aggregate'), oneHost(world)]);
    await world.admin.post(`${compute}/os-aggregates/${aggregate_id}/action`, { add_host: { host } });
    return { params: { aggregate_id }, body: { remove_host: { host } } };
  },
  'POST /os-security-group-rules': async (world) => {
    const parent_group_id = await world.fresh('security_group');
    const words = { parent_group_id, ip_protocol: 'tcp', from_port: 22, to_port: 22, cidr: '0.0.0.0/0' };
    return { body: { security_group_rule: words } };
  },
  'DELETE /os-security-group-rules/{}': async (world) => ({ params: { rule_id: await newRule(world) } }),
  'GET /os-hypervisors/{}': ofHypervisor,
  'GET /os-hypervisors/{}/uptime': ofHypervisor,
  'GET /os-hypervisors/{}/servers': async (world) => ({ params: { hypervisor_id: (await oneHost(world)).host } }),
  'GET /os-hypervisors/{}/search': async (world) => ({ params: { hypervisor_id: (await oneHost(world)).host } }),
  'GET /os-migrations': async (world) => {
    await act(world, await world.fresh('server'), { migrate: null });
    return {};
  },
  'PUT /os-services/{}': async (world) => {
    const { services } = await world.admin.call('GET', `${compute}/os-services`, undefined, newest);
    const { id } = services.find(({ binary }: { binary: string }) => binary === 'nova-compute');
    return { params: { service_id: id }, body: { status: 'enabled' } };
  },
  'GET /os-hosts/{}': ofHost,
  'PUT /os-hosts/{}': async (world, minor) => ({ ...(await ofHost(world, minor)), body: { status: 'enable' } }),
  'GET /os-hosts/{}/startup': ofHost,
  'GET /os-hosts/{}/shutdown': ofHost,
  'GET /os-hosts/{}/reboot': ofHost,
};
