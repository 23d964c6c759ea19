import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import type { PolicyTarget } from '../../../cloud/identity/policies.ts';
import { list } from './answers.ts';
import { endpointId, serviceId, usualCatalog } from './catalog.ts';
import { allEndpoints, EndpointView, endpointView } from './endpoints.ts';
import { PolicyDocument, policyDocument } from './policies.ts';
import { allRegions } from './regions.ts';
import { Id, listDocument } from './schemas.ts';
import { allServices, pick } from './services.ts';

const common = { dialect: 'identity', group: 'policies', mode: 'sync' } as const;
const Params = Type.Object({ policy_id: Id });
const RegionId = Type.String({ minLength: 1, maxLength: 255 });
const start = '/v3/policies/{policy_id}/OS-ENDPOINT-POLICY';
const policy_id = '7c92d4c1b5a7e9f2483b8c6d0e1f3a2b';
const exampleEndpoint = endpointId(usualCatalog.identity[0]!, 'public');
const exampleService = serviceId(usualCatalog.identity[0]!);

interface TargetParams {
  policy_id: string;
  endpoint_id?: string;
  service_id?: string;
  region_id?: string;
}

/** What the path names. Throws `not_found` for an endpoint, a service or a region that is not there. */
async function targetOf(call: Call<TargetParams>): Promise<PolicyTarget> {
  const { endpoint_id, service_id, region_id } = call.params;
  if (endpoint_id !== undefined) {
    return { endpointId: pick(await allEndpoints(call), 'endpoint', endpoint_id).id };
  }
  const service = pick(await allServices(call), 'service', service_id ?? '').id;
  if (region_id === undefined) return { serviceId: service };
  return { serviceId: service, regionId: pick(await allRegions(call), 'region', region_id).id };
}

const targets = [
  {
    word: 'Endpoint',
    of: 'an endpoint',
    path: `${start}/endpoints/{endpoint_id}`,
    params: Type.Object({ policy_id: Id, endpoint_id: Id }),
    example: { policy_id, endpoint_id: exampleEndpoint },
  },
  {
    word: 'Service',
    of: 'a service',
    path: `${start}/services/{service_id}`,
    params: Type.Object({ policy_id: Id, service_id: Id }),
    example: { policy_id, service_id: exampleService },
  },
  {
    word: 'ServiceInRegion',
    of: 'a service in a region',
    path: `${start}/services/{service_id}/regions/{region_id}`,
    params: Type.Object({ policy_id: Id, service_id: Id, region_id: RegionId }),
    example: { policy_id, service_id: exampleService, region_id: 'RegionOne' },
  },
] as const;

const verbs = {
  PUT: { id: 'AssociatePolicyWith', title: 'Give a policy to', summary: 'Takes the place of the one that it had.' },
  GET: { id: 'CheckPolicyOf', title: 'Check the policy of', summary: 'Whether it was given this policy.' },
  DELETE: { id: 'DissociatePolicyFrom', title: 'Take a policy from', summary: 'It has none of its own then.' },
} as const;

export const policyAssociationOperations = [
  operation({
    ...common,
    id: 'ListEndpointsOfPolicy',
    method: 'GET',
    path: `${start}/endpoints`,
    allow: 'systemReader',
    params: Params,
    responses: { 200: listDocument('endpoints', EndpointView) },
    errors: [401, 403, 404],
    title: 'List the endpoints of a policy',
    summary: 'Those that it was given to, by themselves or by their service.',
    examples: [{ title: 'By id', params: { policy_id }, status: 200 }],
    handle: async (call) => {
      const { policies } = call.cloud.identity;
      const all = await allEndpoints(call);
      const found = await policies.endpointsOf(call.params.policy_id, all, await allRegions(call));
      return list(call, 'endpoints', found, endpointView);
    },
  }),
  operation({
    ...common,
    id: 'ShowPolicyOfEndpoint',
    method: 'GET',
    path: '/v3/endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy',
    allow: 'systemReader',
    params: Type.Object({ endpoint_id: Id }),
    responses: { 200: PolicyDocument },
    errors: [401, 403, 404],
    title: 'Show the policy of an endpoint',
    summary: 'Its own, or else that of its service in its region or in one above, or else that of its service.',
    examples: [{ title: 'By id', params: { endpoint_id: exampleEndpoint }, status: 200 }],
    handle: async (call) => {
      const endpoint = pick(await allEndpoints(call), 'endpoint', call.params.endpoint_id);
      const policy = await call.cloud.identity.policies.ofEndpoint(endpoint, await allRegions(call));
      return { body: policyDocument(call, policy) };
    },
  }),
  ...targets.flatMap(({ word, of, path, params, example }) =>
    (['PUT', 'GET', 'DELETE'] as const).map((method) =>
      operation({
        ...common,
        id: `${verbs[method].id}${word}`,
        method,
        path,
        allow: method === 'GET' ? 'systemReader' : 'admin',
        params,
        responses: { 204: null },
        errors: [401, 403, 404],
        title: `${verbs[method].title} ${of}`,
        summary: verbs[method].summary,
        examples: [{ title: 'By id', params: example, status: 204 }],
        handle: async (call) => {
          const { policies } = call.cloud.identity;
          const target = await targetOf(call as Call<TargetParams>);
          if (method === 'PUT') await policies.associate(call.subject, call.params.policy_id, target);
          else if (method === 'GET') await policies.requireAssociated(call.params.policy_id, target);
          else await policies.dissociate(call.subject, call.params.policy_id, target);
          return {};
        },
      }),
    ),
  ),
];
