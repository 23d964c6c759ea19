import type { FastifyRequest } from 'fastify';
import type { Dialect, FailureAnswer } from '../../../api/dialect.ts';
import type { AnyOperation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { withDashes } from '../../../env/env.ts';
import { authenticateLeniently } from '../common/authenticate.ts';
import { openstackDialect } from '../common/openstack-dialect.ts';
import { addressGroupOperations } from './address-groups.ts';
import { addressScopeOperations } from './address-scopes.ts';
import { agentScheduleOperations } from './agent-schedules.ts';
import { agentOperations } from './agents.ts';
import { bandwidthRuleOperations } from './bandwidth-rules.ts';
import { defaultGroupRuleOperations } from './default-group-rules.ts';
import { dscpRuleOperations } from './dscp-rules.ts';
import { extensionOperations } from './extensions.ts';
import { floatingIpOperations } from './floating-ips.ts';
import { networkOperations } from './networks.ts';
import { placeOperations } from './places.ts';
import { portForwardingOperations } from './port-forwardings.ts';
import { portOperations } from './ports.ts';
import { qosPolicyOperations } from './qos-policies.ts';
import { qosRuleTypeOperations } from './qos-rule-types.ts';
import { quotaOperations } from './quotas.ts';
import { rbacPolicyOperations } from './rbac-policies.ts';
import { inWordsOfMembers } from './read-only-members.ts';
import { routerActionOperations } from './router-actions.ts';
import { routerOperations } from './routers.ts';
import { securityGroupRuleOperations } from './security-group-rules.ts';
import { securityGroupOperations } from './security-groups.ts';
import { segmentOperations } from './segments.ts';
import { subnetPoolOperations } from './subnet-pools.ts';
import { subnetOperations } from './subnets.ts';
import { listVersions, showVersion } from './versions.ts';

/** Operations say their path below the version's. */
const versioned: readonly AnyOperation[] = [
  showVersion,
  ...networkOperations,
  ...subnetOperations,
  ...portOperations,
  ...securityGroupOperations,
  ...securityGroupRuleOperations,
  ...defaultGroupRuleOperations,
  ...routerOperations,
  ...routerActionOperations,
  ...floatingIpOperations,
  ...portForwardingOperations,
  ...subnetPoolOperations,
  ...addressScopeOperations,
  ...addressGroupOperations,
  ...rbacPolicyOperations,
  ...qosPolicyOperations,
  ...bandwidthRuleOperations,
  ...dscpRuleOperations,
  ...qosRuleTypeOperations,
  ...quotaOperations,
  ...agentOperations,
  ...agentScheduleOperations,
  ...placeOperations,
  ...segmentOperations,
  ...extensionOperations,
].map((operation) => ({ ...operation, path: `/v2.0${operation.path}` }));

const base = openstackDialect({
  service: 'network',
  title: 'Network (Neutron)',
  version: '2.0',
  mounts: ['/network'],
  operations: [listVersions, ...versioned],
  // Clients read the versions with whatever token they have; elsewhere a bad one is as good as none.
  authenticate: authenticateLeniently,
});

/** OpenStack's network API, as far as there are resources behind it. */
export const network: Dialect = {
  ...base,
  select: operationByBodyKey,
  fail: async (failure) => {
    const answer = await base.fail(inWordsOfMembers(failure));
    const reason = failure.error instanceof CloudError ? failure.error.details.reason : undefined;
    const status = reason === 'revision_number_constraint_failed' ? 412 : answer.status;
    return { ...answer, status, body: withDashedIds(answer.body) };
  },
};

/** One resource or several come under the resource's name in singular or plural. */
function operationByBodyKey(operations: readonly AnyOperation[], request: FastifyRequest) {
  const body = request.body;
  const [first] = operations;
  if (!first?.bodyKey) return { operation: first!, body };
  const members = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const operation = operations.find(({ bodyKey }) => Object.hasOwn(members, bodyKey!));
  if (operation) return { operation, body: members[operation.bodyKey!] };
  throw new CloudError('invalid', `Unable to find '${first.bodyKey}' in request body`, { reason: 'HTTPBadRequest' });
}

/** Messages name networks, subnets and ports together; Neutron's clients know all of them with dashes. */
function withDashedIds(body: unknown): FailureAnswer['body'] {
  const error = (body as { NeutronError?: { message: string } }).NeutronError;
  if (!error) return body;
  const message = error.message.replaceAll(/\b[0-9a-f]{32}\b/g, withDashes);
  return { NeutronError: { ...error, message } };
}
