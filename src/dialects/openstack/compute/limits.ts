import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { projectOf } from '../../../cloud/identity/subject.ts';
import { parseId } from '../../../env/env.ts';
import { minorOf } from './microversions.ts';
import { limitsOf, usageOf, zoneQuery } from './quotas.ts';
import { lastOf, queryText } from './wire.ts';

const Absolute = Type.Record(Type.String(), Type.Integer());

export const showLimits = operation({
  id: 'ShowLimits',
  dialect: 'compute',
  group: 'quotas',
  method: 'GET',
  path: '/limits',
  since: '2.1',
  mode: 'sync',
  allow: 'reader',
  query: Type.Object({
    tenant_id: queryText('Of another project, for administrators.'),
    availability_zone: zoneQuery,
    reserved: queryText('Nothing is reserved besides what is used.'),
  }),
  responses: { 200: Type.Object({ limits: Type.Object({ rate: Type.Array(Type.Object({})), absolute: Absolute }) }) },
  errors: [400, 401, 403],
  title: 'Show limits',
  summary: 'How much the project may have, and has; -1 for no limit.',
  examples: [{ title: 'Of the own project', status: 200 }],
  async handle(call) {
    const { subject, query, context } = call;
    const named = lastOf(query.tenant_id);
    const project = named === undefined ? projectOf(subject) : parseId(named);
    if (project === undefined) throw new CloudError('invalid', `Project ID ${named} is not a valid project.`);
    const minor = minorOf(context);
    const zone = lastOf(query.availability_zone);
    const limits = await limitsOf(call, project, zone);
    const used = await usageOf(call, project, zone);
    const ofNetwork = {
      maxSecurityGroups: limits.security_groups,
      maxSecurityGroupRules: limits.security_group_rules,
      maxTotalFloatingIps: limits.server_floating_ips,
      totalSecurityGroupsUsed: used.security_groups,
      totalFloatingIpsUsed: 0,
    };
    const ofPersonality = {
      maxPersonality: limits.injected_files,
      maxPersonalitySize: limits.injected_file_content_bytes,
    };
    const absolute = {
      maxTotalInstances: limits.instances,
      maxTotalCores: limits.cores,
      maxTotalRAMSize: limits.ram_mb,
      maxTotalKeypairs: limits.keypairs,
      maxServerMeta: limits.metadata_items,
      ...(minor < 39 ? { maxImageMeta: limits.metadata_items } : {}),
      ...(minor < 57 ? ofPersonality : {}),
      maxServerGroups: limits.server_groups,
      maxServerGroupMembers: limits.server_group_members,
      totalInstancesUsed: used.instances,
      totalCoresUsed: used.cores,
      totalRAMUsed: used.ram_mb,
      totalServerGroupsUsed: used.server_groups,
      ...(minor < 36 ? ofNetwork : {}),
    };
    return { body: { limits: { rate: [], absolute } } };
  },
});
