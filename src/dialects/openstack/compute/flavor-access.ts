import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Flavor } from '../../../cloud/flavors/flavors.ts';
import { parseId } from '../../../env/env.ts';
import { exampleFlavor, FlavorParams } from './flavors.ts';
import { minorOf } from './microversions.ts';
import { closed, flavorIdView, flavorNamed } from './wire.ts';

const common = { dialect: 'compute', group: 'flavors', since: '2.1', mode: 'sync', allow: 'admin' } as const;

const AccessList = Type.Object({
  flavor_access: Type.Array(Type.Object({ flavor_id: Type.String(), tenant_id: Type.String() })),
});
const exampleProject = '36c27e8ff05c4780bf6d2fa65700f22e';

async function accessOf({ cloud }: Pick<Call, 'cloud'>, flavor: Flavor) {
  const projects = await cloud.flavors.access.list(flavor.id);
  return { flavor_access: projects.map((id) => ({ flavor_id: flavorIdView(flavor), tenant_id: id })) };
}

/** The project of a request; throws `invalid` for one that does not exist, from 2.7 on also for a public flavor. */
async function projectNamed({ cloud }: Pick<Call, 'cloud'>, tenant: string): Promise<string> {
  const id = parseId(tenant);
  const exists = id !== undefined && (await cloud.identity.projects.find(id)) !== undefined;
  if (exists) return id;
  throw new CloudError('invalid', `Project ID ${tenant} is not a valid project.`, { field: 'tenant' });
}

const actionOptions = {
  ...common,
  method: 'POST',
  path: '/flavors/{flavor_id}/action',
  params: FlavorParams,
  body: closed({ tenant: Type.String({ minLength: 1, maxLength: 255, description: 'The project.' }) }),
  responses: { 200: AccessList },
  errors: [400, 401, 403, 404, 409],
} as const;

/** Who may use private flavors. */
export const flavorAccessOperations = [
  operation({
    ...common,
    id: 'ListFlavorAccess',
    method: 'GET',
    path: '/flavors/{flavor_id}/os-flavor-access',
    params: FlavorParams,
    responses: { 200: AccessList },
    errors: [401, 403, 404],
    title: 'List who may use a flavor',
    summary: 'The projects that may use a private flavor. Public ones have no such list.',
    examples: [{ title: 'A public one', params: exampleFlavor, status: 404 }],
    async handle(call) {
      const flavor = await flavorNamed(call, call.params.flavor_id);
      if (!flavor.isPublic) return { body: await accessOf(call, flavor) };
      throw new CloudError('not_found', 'Access list not available for public flavors.', { resource: 'flavor_access' });
    },
  }),
  operation({
    ...actionOptions,
    id: 'AddFlavorAccess',
    bodyKey: 'addTenantAccess',
    title: 'Let a project use a flavor',
    summary: 'Lets a project use a private flavor.',
    examples: [
      {
        title: 'By project',
        params: exampleFlavor,
        body: { addTenantAccess: { tenant: exampleProject } },
        status: 200,
      },
    ],
    async handle(call) {
      const flavor = await flavorNamed(call, call.params.flavor_id);
      if (flavor.isPublic && minorOf(call.context) >= 7) {
        throw new CloudError('conflict', 'Can not add access to a public flavor.');
      }
      await call.cloud.flavors.access.add(flavor.id, await projectNamed(call, call.body.tenant));
      return { body: await accessOf(call, flavor) };
    },
  }),
  operation({
    ...actionOptions,
    id: 'RemoveFlavorAccess',
    bodyKey: 'removeTenantAccess',
    title: 'Let a project no longer use a flavor',
    summary: 'Servers that have the flavor keep it.',
    examples: [
      {
        title: 'One that may not',
        params: exampleFlavor,
        body: { removeTenantAccess: { tenant: exampleProject } },
        status: 404,
      },
    ],
    async handle(call) {
      const flavor = await flavorNamed(call, call.params.flavor_id);
      await call.cloud.flavors.access.remove(flavor.id, await projectNamed(call, call.body.tenant));
      return { body: await accessOf(call, flavor) };
    },
  }),
];
