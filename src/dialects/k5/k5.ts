import type { FastifyRequest } from 'fastify';
import type { Dialect } from '../../api/dialect.ts';
import type { AnyOperation } from '../../api/operation.ts';
import { CloudError } from '../../cloud/errors.ts';
import type { Subject } from '../../cloud/identity/subject.ts';
import { parseId } from '../../env/env.ts';
import { type OpenStackDialect, openstackDialect } from '../openstack/common/openstack-dialect.ts';
import { commonOperations } from '../openstack/compute/compute.ts';
import { actionExamples, rebuildExamples } from './examples.ts';
import { k5ImageOperations } from './images.ts';
import { k5Profile } from './profile.ts';
import { transferDialects } from './transfers/transfers.ts';
import { k5OldVolumeOperations, k5VolumeAttachmentOperations, k5VolumeOperations } from './volumes.ts';
import { zonedOperations } from './zoned.ts';

/** What K5's reference says of an operation in its own words. */
const own: Record<string, Partial<AnyOperation>> = {
  RebuildServer: {
    title: 'Rebuild server',
    summary:
      'Rebuilds the server that is named: its root disk is made anew from an image. Keys and values of metadata may ' +
      'have 255 bytes each.',
    examples: rebuildExamples,
  },
  ShowServerActionDetails: {
    title: 'Show server action details',
    summary:
      'Shows what an action did, event by event. There is usually one result of each event; where an error inside made ' +
      'it necessary to try again there are several of the same name, and if a later try went well one of them is Success.',
    examples: actionExamples,
  },
  ListActionsForServer: {
    title: 'List actions for server',
    summary:
      'Lists the actions of a server. The message is null while an action is under way and when it went well, and Error ' +
      'when it failed.',
  },
};

const zoned = new Map(zonedOperations.map((operation) => [operation.id, operation]));

/** K5 is for the users of projects: what only administrators of a Nova do is not a part of it. */
const operations: readonly AnyOperation[] = commonOperations
  .filter(({ allow, group, since }) => allow !== 'admin' && since === '2.1' && group !== 'volume attachments')
  .map((operation) => ({
    ...(zoned.get(operation.id) ?? operation),
    dialect: 'k5',
    since: '2.0',
    ...own[operation.id],
  }));

const images = k5ImageOperations.map((operation) => ({ ...operation, since: '2.0' }));

function requireOwnProject(request: FastifyRequest, subject: Subject | undefined): void {
  const { tenant_id: named = '' } = request.params as Record<string, string>;
  if (!subject || (subject.projectId !== undefined && parseId(named) === subject.projectId)) return;
  throw new CloudError(
    'invalid',
    `Malformed request URL: URL's project_id '${named}' doesn't match Context's project_id '${subject.projectId ?? null}'`,
  );
}

const habits = {
  version: '2',
  unknownMembers: 'drop',
  prepare(request: FastifyRequest, subject: Subject | undefined) {
    requireOwnProject(request, subject);
    return { profile: k5Profile };
  },
} as const;

function k5Dialect(definition: Pick<OpenStackDialect, 'service' | 'title' | 'mounts' | 'operations'>): Dialect {
  return { ...openstackDialect({ ...habits, ...definition }), name: 'k5' };
}

/**
 * The APIs of Fujitsu's K5 (FJcloud-O): Nova's and Cinder's version 2 under one path, with habits of their own, and the
 * older way to volumes.
 */
export const k5Dialects: readonly Dialect[] = [
  k5Dialect({
    service: 'compute',
    title: 'K5 (FJcloud-O)',
    mounts: ['/v2/{tenant_id}'],
    operations: [...operations, ...k5VolumeAttachmentOperations, ...images],
  }),
  k5Dialect({
    service: 'volume',
    title: 'K5 (FJcloud-O): block storage',
    mounts: ['/v2/{tenant_id}'],
    operations: k5VolumeOperations,
  }),
  k5Dialect({
    service: 'volume',
    title: 'K5 (FJcloud-O): volumes through the compute API',
    mounts: ['/v1.1/{tenant_id}'],
    operations: k5OldVolumeOperations,
  }),
  ...transferDialects,
];
