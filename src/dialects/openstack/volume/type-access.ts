import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { exampleType, typeIdOf } from './types.ts';

const common = { dialect: 'volume', group: 'volume types', since: '3.0', mode: 'sync', allow: 'admin' } as const;
const params = Type.Object({ type_id: Type.String() });
const example = { params: { type_id: exampleType.id } };
const exampleProject = '776a290892b747c4af8cec5d1d1b4a3f';
const Project = Type.Object({ project: Type.String({ minLength: 1 }) });

export const typeAccessOperations = [
  operation({
    ...common,
    id: 'ListVolumeTypeAccess',
    method: 'GET',
    path: '/types/{type_id}/os-volume-type-access',
    params,
    responses: {
      200: Type.Object({
        volume_type_access: Type.Array(Type.Object({ volume_type_id: Type.String(), project_id: Type.String() })),
      }),
    },
    errors: [401, 403, 404],
    title: 'List who may use a volume type',
    summary: 'The projects that may use a type that is not public; 404 for one that is.',
    examples: [{ title: 'Of a private type', ...example, status: 200 }],
    handle: async ({ cloud, subject, params }) => {
      const id = typeIdOf(params);
      const projects = await cloud.blockStorage.types.access(subject, id);
      const access = projects.map((project_id) => ({ volume_type_id: withDashes(id), project_id }));
      return { body: { volume_type_access: access } };
    },
  }),
  operation({
    ...common,
    id: 'AddVolumeTypeAccess',
    method: 'POST',
    path: '/types/{type_id}/action',
    bodyKey: 'addProjectAccess',
    params,
    body: Project,
    responses: { 202: null },
    errors: [400, 401, 403, 404, 409],
    title: 'Let a project use a volume type',
    summary: 'For types that are not public.',
    examples: [
      { title: 'A project', ...example, body: { addProjectAccess: { project: exampleProject } }, status: 202 },
    ],
    handle: async ({ cloud, subject, params, body }) => {
      await cloud.blockStorage.types.addAccess(subject, typeIdOf(params), projectIn(body.project));
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'RemoveVolumeTypeAccess',
    method: 'POST',
    path: '/types/{type_id}/action',
    bodyKey: 'removeProjectAccess',
    params,
    body: Project,
    responses: { 202: null },
    errors: [400, 401, 403, 404, 409],
    title: 'Let a project use a volume type no more',
    summary: 'Volumes that it has stay.',
    examples: [
      { title: 'A project', ...example, body: { removeProjectAccess: { project: exampleProject } }, status: 202 },
    ],
    handle: async ({ cloud, subject, params, body }) => {
      await cloud.blockStorage.types.removeAccess(subject, typeIdOf(params), projectIn(body.project));
      return { status: 202 };
    },
  }),
];

function projectIn(text: string): string {
  const id = parseId(text);
  if (id) return id;
  throw new CloudError('invalid', `Invalid input for field/attribute project. Value: ${text}.`, { field: 'project' });
}
