import type { FastifyRequest } from 'fastify';
import type { Dialect, FailureAnswer } from '../../../api/dialect.ts';
import type { AnyOperation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { withDashes } from '../../../env/env.ts';
import { discoveryDialect, openstackDialect } from '../common/openstack-dialect.ts';
import { extensionOperations } from './extensions.ts';
import { networkOperations } from './networks.ts';
import { portOperations } from './ports.ts';
import { quotaOperations } from './quotas.ts';
import { securityGroupRuleOperations } from './security-group-rules.ts';
import { securityGroupOperations } from './security-groups.ts';
import { subnetOperations } from './subnets.ts';
import { listVersions, showVersion } from './versions.ts';

const version = 'v2.0';

const base = openstackDialect({
  service: 'network',
  title: 'Network (Neutron)',
  version,
  mounts: ['/network/v2.0'],
  operations: [
    ...networkOperations,
    ...subnetOperations,
    ...portOperations,
    ...securityGroupOperations,
    ...securityGroupRuleOperations,
    ...quotaOperations,
    ...extensionOperations,
  ],
});

/** OpenStack's network API, as far as there are resources behind it. */
export const network: Dialect = {
  ...base,
  select: operationByBodyKey,
  fail: async (failure) => {
    const answer = await base.fail(failure);
    const reason = failure.error instanceof CloudError ? failure.error.details.reason : undefined;
    const status = reason === 'revision_number_constraint_failed' ? 412 : answer.status;
    return { ...answer, status, body: withDashedIds(answer.body) };
  },
};

/** What clients read before they have a token. */
export const networkDiscovery: readonly Dialect[] = [
  discoveryDialect({ service: 'network', title: 'Network', version, mounts: ['/network'], operations: [listVersions] }),
  discoveryDialect({
    service: 'network',
    title: 'Network (Neutron)',
    version,
    mounts: ['/network/v2.0'],
    operations: [showVersion],
  }),
];

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
