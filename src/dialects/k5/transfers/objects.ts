import { Type } from 'typebox';
import { parseRange } from '../../../api/byte-range.ts';
import { type Answer, operation } from '../../../api/operation.ts';
import { takeBody } from '../../../api/take-body.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { projectOf, type Subject } from '../../../cloud/identity/subject.ts';
import { objectFailure } from '../../../cloud/images/exports/deliveries.ts';
import { parseId } from '../../../env/env.ts';
import { isoMicros } from '../../openstack/common/time.ts';

const common = { dialect: 'k5', mode: 'sync', since: '1.0', group: 'containers and objects' } as const;
const Account = { account: Type.String({ description: '`AUTH_` and the project’s id.' }) };
const Container = { ...Account, container: Type.String({ maxLength: 200 }) };
const ObjectParams = Type.Object({ ...Container, object: Type.String({ maxLength: 200 }) });
const exampleAccount = { account: 'AUTH_776a290892b747c4af8cec5d1d1b4a3f' };
const exampleContainer = { ...exampleAccount, container: 'images' };
const exampleObject = { ...exampleContainer, object: 'web-server.vmdk' };

/** The project's containers. Throws `forbidden` for another one's account. */
function containersOf(cloud: Cloud, subject: Subject, account: string) {
  const project = projectOf(subject);
  const { objects } = cloud.images;
  if (!objects) throw new CloudError('unavailable', 'This cloud has no containers of objects.');
  if (account.startsWith('AUTH_') && parseId(account.slice('AUTH_'.length)) === project) return { objects, project };
  throw new CloudError('forbidden', 'The account is not the one of the token’s project.');
}

/** Swift says 404 of a container and an object that are not there. */
async function found<T>(work: Promise<T>): Promise<T> {
  return await work.catch((error) => {
    throw objectFailure(error);
  });
}

function readOperation(method: 'GET' | 'HEAD') {
  return operation({
    ...common,
    id: method === 'GET' ? 'GetObject' : 'ShowObjectMetadata',
    method,
    path: '/{account}/{container}/{object}',
    allow: 'reader',
    params: ObjectParams,
    responses: { 200: 'stream', 206: 'stream' },
    errors: [400, 401, 403, 404, 503],
    title: method === 'GET' ? 'Get object' : 'Show object metadata',
    summary: 'The object, or with a `Range` header one part of it; `HEAD` tells its size.',
    examples: [{ title: 'A disk', params: exampleObject, status: 200 }],
    async handle({ cloud, subject, params, raw, reply }): Promise<Answer> {
      const { objects, project } = containersOf(cloud, subject, params.account);
      const name = { project, container: params.container, object: params.object };
      const about = await found(objects.stat(name));
      if (!about) throw new CloudError('not_found', `There is no object ${params.object}.`, { resource: 'object' });
      const range = parseRange(raw.headers.range, about.size);
      if (range === 'unsatisfiable') {
        reply.header('content-range', `bytes */${about.size}`);
        throw new CloudError('invalid', `The object has ${about.size} bytes.`, { reason: 'range' });
      }
      const { start, end } = range ?? { start: 0, end: about.size };
      const headers = {
        'content-type': 'application/octet-stream',
        'accept-ranges': 'bytes',
        'content-length': `${end - start}`,
        'last-modified': new Date(about.modifiedAt / 1000).toUTCString(),
        ...(range ? { 'content-range': `bytes ${start}-${end - 1}/${about.size}` } : {}),
      };
      const body = method === 'HEAD' ? '' : await found(objects.read(name, { start, end }));
      return { status: range ? 206 : 200, headers, body };
    },
  });
}

export const objectOperations = [
  operation({
    ...common,
    id: 'ListContainers',
    method: 'GET',
    path: '/{account}',
    allow: 'reader',
    params: Type.Object(Account),
    responses: { 200: Type.Array(Type.Object({ name: Type.String() })) },
    errors: [401, 403, 503],
    title: 'List containers',
    summary: 'The containers of the project, from which images are imported and to which they are exported.',
    examples: [{ title: 'All', params: exampleAccount, status: 200 }],
    async handle({ cloud, subject, params }) {
      const { objects, project } = containersOf(cloud, subject, params.account);
      return { body: (await objects.containers(project)).map((name) => ({ name })) };
    },
  }),
  operation({
    ...common,
    id: 'CreateContainer',
    method: 'PUT',
    path: '/{account}/{container}',
    allow: 'member',
    params: Type.Object(Container),
    consumes: ['application/octet-stream'],
    dryRun: false,
    responses: { 201: null, 202: null },
    errors: [400, 401, 403, 503],
    title: 'Create container',
    summary: 'Makes a container; 202 where there is one of the name already.',
    examples: [{ title: 'By name', params: exampleContainer, status: 201 }],
    async handle({ cloud, subject, params }) {
      const { objects, project } = containersOf(cloud, subject, params.account);
      return { status: (await found(objects.ensureContainer(project, params.container))) ? 201 : 202 };
    },
  }),
  operation({
    ...common,
    id: 'ListObjects',
    method: 'GET',
    path: '/{account}/{container}',
    allow: 'reader',
    params: Type.Object(Container),
    responses: {
      200: Type.Array(
        Type.Object({
          name: Type.String(),
          bytes: Type.Integer(),
          content_type: Type.String(),
          last_modified: Type.String(),
        }),
      ),
    },
    errors: [400, 401, 403, 404, 503],
    title: 'List objects',
    summary: 'The objects in a container.',
    examples: [{ title: 'All', params: exampleContainer, status: 200 }],
    async handle({ cloud, subject, params }) {
      const { objects, project } = containersOf(cloud, subject, params.account);
      const all = await found(objects.list(project, params.container));
      return {
        body: all.map(({ name, size, modifiedAt }) => ({
          name,
          bytes: size,
          content_type: 'application/octet-stream',
          last_modified: isoMicros(modifiedAt),
        })),
      };
    },
  }),
  operation({
    ...common,
    id: 'DeleteContainer',
    method: 'DELETE',
    path: '/{account}/{container}',
    allow: 'member',
    params: Type.Object(Container),
    dryRun: false,
    responses: { 204: null },
    errors: [400, 401, 403, 404, 409, 503],
    title: 'Delete container',
    summary: 'Removes an empty container.',
    examples: [{ title: 'By name', params: exampleContainer, status: 204 }],
    async handle({ cloud, subject, params }) {
      const { objects, project } = containersOf(cloud, subject, params.account);
      await found(objects.removeContainer(project, params.container));
      return { status: 204 };
    },
  }),
  operation({
    ...common,
    id: 'PutObject',
    method: 'PUT',
    path: '/{account}/{container}/{object}',
    allow: 'member',
    params: ObjectParams,
    consumes: ['application/octet-stream'],
    dryRun: false,
    responses: { 201: null },
    errors: [400, 401, 403, 404, 409, 503],
    title: 'Put object',
    summary: 'Stores an object, in the place of an earlier one of the name. It is there whole or not at all.',
    examples: [{ title: 'A disk', params: exampleObject, status: 201 }],
    async handle({ cloud, subject, params, raw, reply }) {
      const { objects, project } = containersOf(cloud, subject, params.account);
      const name = { project, container: params.container, object: params.object };
      await found(takeBody({ cloud, raw, reply }, (source) => objects.put(name, source, { replace: true })));
      return { status: 201 };
    },
  }),
  operation({
    ...common,
    id: 'DeleteObject',
    method: 'DELETE',
    path: '/{account}/{container}/{object}',
    allow: 'member',
    params: ObjectParams,
    dryRun: false,
    responses: { 204: null },
    errors: [400, 401, 403, 404, 503],
    title: 'Delete object',
    summary: 'Removes an object.',
    examples: [{ title: 'By name', params: exampleObject, status: 204 }],
    async handle({ cloud, subject, params }) {
      const { objects, project } = containersOf(cloud, subject, params.account);
      await found(objects.remove({ project, container: params.container, object: params.object }));
      return { status: 204 };
    },
  }),
  readOperation('GET'),
  readOperation('HEAD'),
];
