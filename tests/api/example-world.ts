import type { AnyOperation, OperationExample } from '../../src/api/operation.ts';
import type { OpenStackClient } from '../../src/cli/clients/openstack-client.ts';
import type { TestCloud } from '../support/cloud.ts';

type Maker = (world: ExampleWorld) => Promise<string>;

const compute = '/compute/v2.1';
const neutron = '/network/v2.0';
const uuid = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/;

/** How there comes to be one of each kind of thing that examples are about. */
const makers: Record<string, Maker> = {
  server: async (world) => {
    const imageRef = await world.shared('image');
    const networks = [{ uuid: await world.shared('network') }];
    const server = { name: 'example', imageRef, flavorRef: '42', networks };
    const { id } = (await world.admin.post(`${compute}/servers`, { server })).server;
    await world.until(async () => {
      const { status, fault } = (await world.admin.get(`${compute}/servers/${id}`)).server;
      if (status === 'ERROR') throw new Error(`a server could not be made: ${fault.message}`);
      return status === 'ACTIVE';
    });
    return id;
  },
  image: async (world) => {
    const words = { name: 'example', disk_format: 'raw', container_format: 'bare', min_disk: 0 };
    const { id } = await world.admin.post('/image/v2/images', words);
    await world.admin.call('PUT', `/image/v2/images/${id}/file`, Buffer.alloc(2 ** 20));
    return id;
  },
  volume: async (world) => {
    const { id } = (await world.volume('POST', '/volumes', { volume: { size: 1 } })).volume;
    await world.until(async () => (await world.volume('GET', `/volumes/${id}`)).volume.status === 'available');
    return id;
  },
  snapshot: async (world) => {
    const volume_id = await world.fresh('volume');
    const { id } = (await world.volume('POST', '/snapshots', { snapshot: { volume_id } })).snapshot;
    await world.until(async () => (await world.volume('GET', `/snapshots/${id}`)).snapshot.status === 'available');
    return id;
  },
  type: async (world) => {
    const name = `example-${world.next()}`;
    return (await world.volume('POST', '/types', { volume_type: { name } })).volume_type.id;
  },
  network: async (world) => {
    const network_id = await world.neutron('networks', { name: 'example' });
    await world.neutron('subnets', { network_id, ip_version: 4, cidr: '10.99.0.0/16' });
    return network_id;
  },
  subnet: async (world) => {
    const network_id = await world.neutron('networks', { name: 'example' });
    return await world.neutron('subnets', { network_id, ip_version: 4, cidr: '10.98.0.0/24' });
  },
  port: async (world) => world.neutron('ports', { network_id: await world.fresh('network') }),
  router: (world) => world.neutron('routers', { name: 'example' }),
  security_group: (world) => world.neutron('security-groups', { name: 'example' }),
  security_group_rule: async (world) => {
    const security_group_id = await world.fresh('security_group');
    return await world.neutron('security-group-rules', { security_group_id, direction: 'ingress', protocol: 'tcp' });
  },
  keypair: async (world) => {
    const name = `example-${world.next()}`;
    await world.admin.post(`${compute}/os-keypairs`, { keypair: { name } });
    return name;
  },
  flavor: async (world) => {
    const flavor = { name: `example-${world.next()}`, ram: 128, vcpus: 1, disk: 0 };
    return (await world.admin.post(`${compute}/flavors`, { flavor })).flavor.id;
  },
  server_group: async (world) => {
    const server_group = { name: 'example', policies: ['affinity'] };
    return (await world.admin.post(`${compute}/os-server-groups`, { server_group })).server_group.id;
  },
  aggregate: async (world) => {
    const aggregate = { name: `example-${world.next()}` };
    return String((await world.admin.post(`${compute}/os-aggregates`, { aggregate })).aggregate.id);
  },
  project: (world) => world.keystone('project'),
  user: (world) => world.keystone('user'),
  role: (world) => world.keystone('role'),
  domain: (world) => world.keystone('domain'),
  group: (world) => world.keystone('group'),
};

/** What a parameter or a member of a body names, where that is not what it is called. */
const kinds: Record<string, string> = {
  imageRef: 'image',
  rescue_image_ref: 'image',
  volumeId: 'volume',
  net_id: 'network',
  uuid: 'network',
  keypair_name: 'keypair',
  tenant: 'project',
  target_project_id: 'project',
  target_tenant: 'project',
  owner_id: 'project',
  server_uuid: 'server',
  instance_uuid: 'server',
  volume_uuid: 'volume',
};

/** The things that operations' examples are about, in a cloud that holds one of each. */
export class ExampleWorld {
  readonly admin: OpenStackClient;
  readonly #shared = new Map<string, Promise<string>>();
  #count = 0;

  private constructor(admin: OpenStackClient) {
    this.admin = admin;
  }

  static async open(cloud: TestCloud): Promise<ExampleWorld> {
    return new ExampleWorld(await cloud.openstack());
  }

  next(): number {
    this.#count += 1;
    return this.#count;
  }

  volume(method: string, path: string, body?: unknown) {
    return this.admin.call(method, `/volume/v3/${this.admin.projectId}${path}`, body);
  }

  async neutron(collection: string, words: object): Promise<string> {
    const singular = collection.replaceAll('-', '_').slice(0, -1);
    return (await this.admin.post(`${neutron}/${collection}`, { [singular]: words }))[singular].id;
  }

  async keystone(singular: string): Promise<string> {
    const words = { name: `example-${this.next()}`, ...(singular === 'domain' ? { enabled: false } : {}) };
    return (await this.admin.post(`/identity/v3/${singular}s`, { [singular]: words }))[singular].id;
  }

  /** One that operations which change nothing may all look at. */
  shared(kind: string): Promise<string> {
    const known = this.#shared.get(kind) ?? this.fresh(kind);
    this.#shared.set(kind, known);
    return known;
  }

  /** One that nobody else knows. */
  async fresh(kind: string): Promise<string> {
    return await makers[kind]!(this);
  }

  async until(isSo: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + 60_000;
    while (performance.now() < deadline) if (await isSo()) return;
    throw new Error('it did not come so');
  }

  /** The example with ids of things that are there; of the same ones each time where they are told to be shared. */
  async real(
    operation: AnyOperation,
    example: OperationExample,
    { isShared = operation.method === 'GET' || operation.method === 'HEAD' } = {},
  ): Promise<OperationExample> {
    const params: Record<string, string> = {};
    for (const [, name] of operation.path.matchAll(/\{(\w+)\}/g)) {
      const kind = kindOf(name!, operation.path);
      const given = example.params?.[name!];
      if (!kind) params[name!] = given ?? 'example';
      else params[name!] = await (isShared ? this.shared(kind) : this.fresh(kind));
    }
    return { ...example, params, body: await this.#realBody(example.body, '') };
  }

  async #realBody(value: unknown, key: string): Promise<unknown> {
    if (typeof value === 'string') {
      const kind = kindOf(key, '');
      return kind && uuid.test(value) ? await this.shared(kind) : value;
    }
    if (Array.isArray(value)) return await Promise.all(value.map((one) => this.#realBody(one, key)));
    if (typeof value !== 'object' || value === null) return value;
    const members = Object.entries(value).map(async ([name, one]) => [name, await this.#realBody(one, name)]);
    return Object.fromEntries(await Promise.all(members));
  }
}

/** What a parameter names: `server_id` → `server`; `id` by the collection before it, as `/v2.0/routers/{id}` → `router`. */
export function kindOf(name: string, path: string): string | undefined {
  const known = kinds[name] ?? (name.endsWith('_id') ? name.slice(0, -3) : undefined);
  if (known) return known in makers ? known : undefined;
  if (name !== 'id') return undefined;
  const collection = /\/([\w-]+)\/\{id\}/.exec(path)?.[1]?.replace(/^os-/, '').replaceAll('-', '_').replace(/s$/, '');
  return collection !== undefined && collection in makers ? collection : undefined;
}
