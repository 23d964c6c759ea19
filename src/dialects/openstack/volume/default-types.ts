import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { type CloudError, notFound } from '../../../cloud/errors.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { exampleType } from './types.ts';

const common = {
  dialect: 'volume',
  group: 'default volume types',
  since: '3.62',
  mode: 'sync',
  allow: 'admin',
} as const;
const params = Type.Object({ owner_id: Type.String() });
const exampleProject = '776a290892b747c4af8cec5d1d1b4a3f';
const example = { params: { owner_id: exampleProject } };
const DefaultType = Type.Object({ project_id: Type.String(), volume_type_id: Type.String() });
const response = { default_type: { project_id: exampleProject, volume_type_id: exampleType.id } };

function projectIn({ owner_id }: { owner_id: string }): string {
  return parseId(owner_id) ?? owner_id;
}

const view = (projectId: string, typeId: string) => ({ project_id: projectId, volume_type_id: withDashes(typeId) });

export const defaultTypeOperations = [
  operation({
    ...common,
    id: 'ListDefaultVolumeTypes',
    method: 'GET',
    path: '/default-types',
    responses: { 200: Type.Object({ default_types: Type.Array(DefaultType) }) },
    errors: [401, 403],
    title: 'List the default volume types of projects',
    summary: 'Those that projects have of their own.',
    examples: [{ title: 'All', status: 200 }],
    handle: async ({ cloud }) => ({
      body: {
        default_types: (await cloud.blockStorage.types.defaults()).map((one) => view(one.projectId, one.typeId)),
      },
    }),
  }),
  operation({
    ...common,
    id: 'SetDefaultVolumeType',
    method: 'PUT',
    path: '/default-types/{owner_id}',
    params,
    body: Type.Object({ default_type: Type.Object({ volume_type: Type.String({ minLength: 1 }) }) }),
    responses: { 200: Type.Object({ default_type: DefaultType }) },
    errors: [400, 401, 403, 404],
    title: 'Set the default volume type of a project',
    summary: "The type of the project's volumes for which none is asked.",
    examples: [
      { title: 'A type', ...example, body: { default_type: { volume_type: 'local' } }, status: 200, response },
    ],
    handle: async ({ cloud, subject, params, body }) => {
      const { types } = cloud.blockStorage;
      const projectId = projectIn(params);
      const { id } = await types.find(subject, body.default_type.volume_type);
      await types.setDefault(subject, projectId, id);
      return { body: { default_type: view(projectId, id) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowDefaultVolumeTypeOfProject',
    method: 'GET',
    path: '/default-types/{owner_id}',
    params,
    responses: { 200: Type.Object({ default_type: DefaultType }) },
    errors: [401, 403, 404],
    title: 'Show the default volume type of a project',
    summary: '404 where it has none of its own.',
    examples: [{ title: 'By project', ...example, status: 200, response }],
    handle: async ({ cloud, params }) => {
      const projectId = projectIn(params);
      const typeId = await cloud.blockStorage.types.defaultOf(projectId);
      if (!typeId) throw noDefault(projectId);
      return { body: { default_type: view(projectId, typeId) } };
    },
  }),
  operation({
    ...common,
    id: 'UnsetDefaultVolumeType',
    method: 'DELETE',
    path: '/default-types/{owner_id}',
    params,
    responses: { 204: null },
    errors: [401, 403],
    title: 'Unset the default volume type of a project',
    summary: 'It has the default of all projects again.',
    examples: [{ title: 'By project', ...example, status: 204 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.blockStorage.types.setDefault(subject, projectIn(params), null);
      return { status: 204 };
    },
  }),
];

function noDefault(projectId: string): CloudError {
  return notFound('default_type', projectId, `Default type for project ${projectId} not found.`);
}
