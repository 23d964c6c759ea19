import type { Dialect } from '../../../api/dialect.ts';
import { authenticateLeniently } from '../common/authenticate.ts';
import { openstackDialect } from '../common/openstack-dialect.ts';
import { applicationCredentialOperations } from './application-credentials.ts';
import { assignmentOperations } from './assignments.ts';
import { authOperations } from './auth.ts';
import type { CatalogEntry } from './catalog.ts';
import { consumerOperations } from './consumers.ts';
import { credentialOperations, ec2CredentialOperations } from './credentials.ts';
import { discoveryOperations } from './discovery.ts';
import { domainConfigOperations } from './domain-config.ts';
import { domainOperations } from './domains.ts';
import { endpointFilterOperations } from './endpoint-filters.ts';
import { endpointOperations } from './endpoints.ts';
import { grantOperations } from './grants.ts';
import { groupOperations } from './groups.ts';
import { limitOperations } from './limits.ts';
import { oauthTokenOperations } from './oauth-tokens.ts';
import { policyOperations } from './policies.ts';
import { policyAssociationOperations } from './policy-associations.ts';
import { projectTagOperations } from './project-tags.ts';
import { projectOperations } from './projects.ts';
import { regionOperations } from './regions.ts';
import { registeredLimitOperations } from './registered-limits.ts';
import { roleOperations } from './roles.ts';
import { serviceOperations } from './services.ts';
import { tokenOperations } from './tokens.ts';
import { trustOperations } from './trusts.ts';
import { userOperations } from './users.ts';

/**
 * The Identity API (Keystone v3).
 * @param catalog the services that are mounted beside it (see `usualCatalog`)
 */
export function identityDialect(catalog: readonly CatalogEntry[]): Dialect {
  return openstackDialect({
    service: 'identity',
    title: 'Identity (Keystone v3)',
    version: '3.14',
    mounts: ['/identity'],
    operations: [
      ...discoveryOperations,
      ...tokenOperations,
      ...authOperations,
      ...projectOperations,
      ...projectTagOperations,
      ...userOperations,
      ...groupOperations,
      ...applicationCredentialOperations,
      ...trustOperations,
      ...consumerOperations,
      ...oauthTokenOperations,
      ...credentialOperations,
      ...ec2CredentialOperations,
      ...domainOperations,
      ...roleOperations,
      ...grantOperations,
      ...assignmentOperations,
      ...serviceOperations,
      ...endpointOperations,
      ...regionOperations,
      ...endpointFilterOperations,
      ...policyOperations,
      ...policyAssociationOperations,
      ...registeredLimitOperations,
      ...limitOperations,
      ...domainConfigOperations,
    ],
    authenticate: authenticateLeniently,
    prepare: () => ({ catalog }),
  });
}
