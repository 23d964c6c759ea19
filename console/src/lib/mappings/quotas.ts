import { type Body, cli, type Rule, terraform } from './vocabulary.ts';

/** Options of `openstack quota set`, where they are not the API's own words. */
const options: Record<string, string> = {
  network: 'networks',
  subnet: 'subnets',
  port: 'ports',
  router: 'routers',
  floatingip: 'floating-ips',
  security_group: 'secgroups',
  security_group_rule: 'secgroup-rules',
};

const services: ReadonlyArray<[path: RegExp, member: string, resource: string]> = [
  [/^\/compute\/v2\.1\/os-quota-sets\/([^/]+)$/, 'quota_set', 'openstack_compute_quotaset_v2'],
  [/^\/volume\/v3\/[^/]+\/os-quota-sets\/([^/]+)$/, 'quota_set', 'openstack_blockstorage_quotaset_v3'],
  [/^\/network\/v2\.0\/quotas\/([^/]+)$/, 'quota', 'openstack_networking_quota_v2'],
];

/** Quotas of a project. */
export const quotaRules: readonly Rule[] = services.map(([path, member, resource]) => ({
  method: 'PUT',
  path,
  map: (body, [project]) => {
    const limits = (body[member] ?? {}) as Body;
    const said = Object.entries(limits).map(([name, limit]): [string, unknown] => [
      options[name] ?? name.replaceAll('_', '-'),
      limit,
    ]);
    return {
      openstack: cli('quota set', said, project),
      terraform: terraform(resource, 'quotas', { project_id: project, ...limits }),
    };
  },
}));
