import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { notFound } from '../../../cloud/errors.ts';
import { withDashes } from '../../../env/env.ts';
import { exampleGroupTypeId, groupTypeIdOf } from './group-types.ts';
import { refuseOddKeys, valueOfOnly, withoutKey } from './spec-keys.ts';
import { Metadata } from './wire.ts';

const common = { dialect: 'volume', group: 'group types', since: '3.11', mode: 'sync', allow: 'admin' } as const;
const params = Type.Object({ group_type_id: Type.String() });
const keyParams = Type.Object({ group_type_id: Type.String(), key: Type.String() });
const Specs = Type.Object({ group_specs: Metadata });
const specs = { consistent_group_snapshot_enabled: '<is> False' };
const example = { params: { group_type_id: exampleGroupTypeId } };
const keyExample = { params: { ...example.params, key: 'consistent_group_snapshot_enabled' } };

export const groupTypeSpecOperations = [
  operation({
    ...common,
    id: 'ListGroupTypeSpecs',
    method: 'GET',
    path: '/group_types/{group_type_id}/group_specs',
    params,
    responses: { 200: Specs },
    errors: [401, 403, 404],
    title: 'List the specs of a group type',
    summary: 'What storage must be able to do with groups of the type.',
    examples: [{ title: 'All', ...example, status: 200, response: { group_specs: specs } }],
    handle: async ({ cloud, subject, params }) => ({
      body: { group_specs: (await cloud.blockStorage.groups.types.get(subject, groupTypeIdOf(params))).specs },
    }),
  }),
  operation({
    ...common,
    id: 'CreateGroupTypeSpecs',
    method: 'POST',
    path: '/group_types/{group_type_id}/group_specs',
    params,
    body: Specs,
    responses: { 202: Specs },
    errors: [400, 401, 403, 404],
    title: 'Add specs to a group type',
    summary: 'Sets these keys; others stay.',
    examples: [{ title: 'One', ...example, body: { group_specs: specs }, status: 202 }],
    handle: async ({ cloud, subject, params, body: { group_specs } }) => {
      refuseOddKeys('group_specs', group_specs);
      await cloud.blockStorage.groups.types.setSpecs(subject, groupTypeIdOf(params), (old) => ({
        ...old,
        ...group_specs,
      }));
      return { status: 202, body: { group_specs } };
    },
  }),
  operation({
    ...common,
    id: 'ShowGroupTypeSpec',
    method: 'GET',
    path: '/group_types/{group_type_id}/group_specs/{key}',
    params: keyParams,
    responses: { 200: Metadata },
    errors: [401, 403, 404],
    title: 'Show one spec of a group type',
    summary: 'The key with its value.',
    examples: [{ title: 'By key', ...keyExample, status: 200, response: specs }],
    handle: async ({ cloud, subject, params }) => {
      const value = (await cloud.blockStorage.groups.types.get(subject, groupTypeIdOf(params))).specs[params.key];
      if (value === undefined) throw missingSpec(params);
      return { body: { [params.key]: value } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateGroupTypeSpec',
    method: 'PUT',
    path: '/group_types/{group_type_id}/group_specs/{key}',
    params: keyParams,
    body: Metadata,
    responses: { 200: Metadata },
    errors: [400, 401, 403, 404],
    title: 'Set one spec of a group type',
    summary: 'The key in the path must be the one in the body.',
    examples: [{ title: 'By key', ...keyExample, body: specs, status: 200, response: specs }],
    handle: async ({ cloud, subject, params, body }) => {
      const value = valueOfOnly('group_specs', body, params.key);
      await cloud.blockStorage.groups.types.setSpecs(subject, groupTypeIdOf(params), (old) => ({ ...old, ...body }));
      return { body: { [params.key]: value } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteGroupTypeSpec',
    method: 'DELETE',
    path: '/group_types/{group_type_id}/group_specs/{key}',
    params: keyParams,
    responses: { 202: null },
    errors: [401, 403, 404],
    title: 'Delete one spec of a group type',
    summary: 'Others stay.',
    examples: [{ title: 'By key', ...keyExample, status: 202 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.blockStorage.groups.types.setSpecs(subject, groupTypeIdOf(params), (old) =>
        withoutKey(old, params.key, () => missingSpec(params)),
      );
      return { status: 202 };
    },
  }),
];

function missingSpec({ group_type_id, key }: { group_type_id: string; key: string }) {
  const words = `Group Type ${withDashes(groupTypeIdOf({ group_type_id }))} has no specs with key ${key}.`;
  return notFound('group_specs', key, words);
}
