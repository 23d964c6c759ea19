import type { ExampleWorld } from '../../api/example-world.ts';
import type { Scene } from './service-under-test.ts';

const v3 = '/identity/v3';
const resource_name = 'things';

/** Makes one, and gives what it is called by. */
type Maker = (world: ExampleWorld) => Promise<string>;

const made = async (world: ExampleWorld, path: string, key: string, words: object) =>
  (await world.admin.post(`${v3}${path}`, { [key]: words }))[key].id as string;

const user = (world: ExampleWorld) => made(world, '/users', 'user', { name: `user-${world.next()}` });
const me = async (world: ExampleWorld): Promise<string> =>
  (await world.admin.get(`${v3}/users?name=admin`)).users.find(({ name }: { name: string }) => name === 'admin').id;
const service: Maker = (world) => made(world, '/services', 'service', { type: 'dns', name: 'names' });
const region: Maker = (world) => made(world, '/regions', 'region', { id: `region-${world.next()}` });
const endpoint: Maker = async (world) =>
  made(world, '/endpoints', 'endpoint', {
    service_id: await service(world),
    interface: 'public',
    url: 'http://names.example',
  });
const credential: Maker = async (world) =>
  made(world, '/credentials', 'credential', { user_id: await user(world), type: 'cert', blob: '{}' });
const endpointGroup: Maker = (world) =>
  made(world, '/OS-EP-FILTER/endpoint_groups', 'endpoint_group', {
    name: `group-${world.next()}`,
    filters: { interface: 'public' },
  });
const applicationCredential = async (world: ExampleWorld) => {
  const user_id = await me(world);
  const words = {
    name: `credential-${world.next()}`,
    access_rules: [{ path: `/v2.1/${world.next()}`, method: 'GET', service: 'compute' }],
  };
  const { application_credential: one } = await world.admin.post(`${v3}/users/${user_id}/application_credentials`, {
    application_credential: words,
  });
  return { user_id, application_credential_id: one.id, access_rule_id: one.access_rules[0].id };
};
const registeredLimit = async (world: ExampleWorld, service_id: string): Promise<string> =>
  (
    await world.admin.post(`${v3}/registered_limits`, {
      registered_limits: [{ service_id, resource_name, default_limit: 5, description: 'Things' }],
    })
  ).registered_limits[0].id;
const limit: Maker = async (world) => {
  const service_id = await service(world);
  await registeredLimit(world, service_id);
  const project_id = await world.fresh('project');
  const limits = [{ service_id, resource_name, resource_limit: 7, project_id }];
  return (await world.admin.post(`${v3}/limits`, { limits })).limits[0].id;
};
const trust: Maker = async (world) => made(world, '/OS-TRUST/trusts', 'trust', await trustWords(world));

async function trustWords(world: ExampleWorld) {
  return {
    trustor_user_id: await me(world),
    trustee_user_id: await user(world),
    project_id: world.admin.projectId,
    impersonation: false,
    roles: [{ name: 'member' }],
  };
}

const of =
  (name: string, maker: Maker): Scene =>
  async (world) => ({ params: { [name]: await maker(world) } });

/** A role that somebody was given somewhere, or is to be given. */
function grant(place: 'projects' | 'domains' | 'system', actor: 'users' | 'groups', isGiven: boolean): Scene {
  return async (world) => {
    const target = place === 'system' ? {} : { [place.slice(0, -1)]: await world.fresh(place.slice(0, -1)) };
    const params: Record<string, string> = {
      [`${actor.slice(0, -1)}_id`]: await world.fresh(actor.slice(0, -1)),
      role_id: await world.fresh('role'),
      ...Object.fromEntries(Object.entries(target).map(([name, id]) => [`${name}_id`, id])),
    };
    const start = place === 'system' ? '/system' : `/${place}/${params[`${place.slice(0, -1)}_id`]}`;
    const path = `${start}/${actor}/${params[`${actor.slice(0, -1)}_id`]}/roles/${params['role_id']}`;
    if (isGiven) await world.admin.call('PUT', `${v3}${path}`);
    return { params };
  };
}

const implied =
  (isThere: boolean): Scene =>
  async (world) => {
    const [prior_role_id, implies_role_id] = [await world.fresh('role'), await world.fresh('role')];
    if (isThere) await world.admin.call('PUT', `${v3}/roles/${prior_role_id}/implies/${implies_role_id}`);
    return { params: { prior_role_id, implies_role_id } };
  };

const tagged: Scene = async (world) => {
  const project_id = await world.fresh('project');
  await world.admin.call('PUT', `${v3}/projects/${project_id}/tags/blue`);
  return { params: { project_id, tag: 'blue' } };
};

const grants = (['projects', 'domains', 'system'] as const).flatMap((place) =>
  (['users', 'groups'] as const).flatMap((actor) => {
    const start = place === 'system' ? '/v3/system' : `/v3/${place}/{}`;
    const one = `${start}/${actor}/{}/roles/{}`;
    return [
      [`GET ${start}/${actor}/{}/roles`, grant(place, actor, true)],
      [`GET ${one}`, grant(place, actor, true)],
      [`PUT ${one}`, grant(place, actor, false)],
      [`DELETE ${one}`, grant(place, actor, true)],
    ] as const;
  }),
);

const byId = (collection: string, name: string, maker: Maker) =>
  ['GET', 'PATCH', 'DELETE'].map((method) => [`${method} /v3/${collection}/{}`, of(name, maker)] as const);

/** What identity operations are asked with, where their examples are of things that are not there. */
export const identityScenes: Record<string, Scene> = {
  ...Object.fromEntries(grants),
  ...Object.fromEntries([
    ...byId('services', 'id', service),
    ...byId('regions', 'id', region),
    ...byId('endpoints', 'id', endpoint),
    ...byId('credentials', 'credential_id', credential),
    ...byId('OS-EP-FILTER/endpoint_groups', 'endpoint_group_id', endpointGroup),
    ...byId('limits', 'limit_id', limit),
    ...byId('registered_limits', 'registered_limit_id', async (world) => registeredLimit(world, await service(world))),
    ...byId('OS-TRUST/trusts', 'trust_id', trust),
    ...['GET', 'DELETE'].map((method) => [`${method} /v3/projects/{}/tags/{}`, tagged] as const),
    ...['GET', 'DELETE'].map((method) => [`${method} /v3/roles/{}/implies/{}`, implied(true)] as const),
  ]),
  'GET /v3/roles/{}/implies': async (world, minor) => {
    const { params } = await implied(true)(world, minor);
    return { params: { role_id: params!['prior_role_id']! } };
  },
  'DELETE /v3/projects/{}': of('project_id', (world) => world.fresh('project')),
  'PUT /v3/roles/{}/implies/{}': implied(false),
  'PUT /v3/regions/{}': async (world) => ({ params: { id: `region-${world.next()}` } }),
  'GET /v3/projects/{}/tags': tagged,
  'PUT /v3/projects/{}/tags/{}': async (world) => ({
    params: { project_id: await world.fresh('project'), tag: 'blue' },
  }),
  'POST /v3/endpoints': async (world) => ({
    body: { endpoint: { service_id: await service(world), interface: 'public', url: 'http://names.example' } },
  }),
  'POST /v3/OS-TRUST/trusts': async (world) => ({ body: { trust: await trustWords(world) } }),
  'POST /v3/registered_limits': async (world) => ({
    body: { registered_limits: [{ service_id: await service(world), resource_name, default_limit: 5 }] },
  }),
  'POST /v3/limits': async (world) => {
    const service_id = await service(world);
    await registeredLimit(world, service_id);
    const project_id = await world.fresh('project');
    return { body: { limits: [{ service_id, resource_name, resource_limit: 7, project_id }] } };
  },
  'GET /v3/users/{}/application_credentials': async (world) => ({ params: await applicationCredential(world) }),
  'GET /v3/users/{}/application_credentials/{}': async (world) => ({ params: await applicationCredential(world) }),
  'POST /v3/users/{}/application_credentials': async (world) => ({ params: { user_id: await me(world) } }),
  'GET /v3/users/{}/access_rules': async (world) => ({ params: await applicationCredential(world) }),
  'GET /v3/users/{}/access_rules/{}': async (world) => ({ params: await applicationCredential(world) }),
  'DELETE /v3/users/{}/access_rules/{}': async (world) => {
    const params = await applicationCredential(world);
    const path = `${v3}/users/${params.user_id}/application_credentials/${params.application_credential_id}`;
    await world.admin.call('DELETE', path);
    return { params };
  },
};
