import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { type CloudError, notFound } from '../../../cloud/errors.ts';
import { withDashes } from '../../../env/env.ts';
import { refuseOddKeys, valueOfOnly, withoutKey } from './spec-keys.ts';
import { exampleType, typeIdOf } from './types.ts';
import { Metadata } from './wire.ts';

const common = { dialect: 'volume', group: 'volume types', since: '3.0', mode: 'sync' } as const;
const params = Type.Object({ type_id: Type.String() });
const keyParams = Type.Object({ type_id: Type.String(), key: Type.String() });
const Specs = Type.Object({ extra_specs: Metadata });
const example = { params: { type_id: exampleType.id } };
const specs = { volume_backend_name: 'local' };
const keyExample = { params: { type_id: exampleType.id, key: 'volume_backend_name' } };

export const typeSpecOperations = [
  operation({
    ...common,
    id: 'ListVolumeTypeExtraSpecs',
    method: 'GET',
    path: '/types/{type_id}/extra_specs',
    allow: 'reader',
    params,
    responses: { 200: Specs },
    errors: [401, 404],
    title: 'List the extra specs of a volume type',
    summary: 'What storage must be to be of the type.',
    examples: [{ title: 'None', ...example, status: 200, response: { extra_specs: {} } }],
    handle: async ({ cloud, subject, params }) => ({
      body: { extra_specs: (await cloud.blockStorage.types.get(subject, typeIdOf(params))).extraSpecs },
    }),
  }),
  operation({
    ...common,
    id: 'CreateVolumeTypeExtraSpecs',
    method: 'POST',
    path: '/types/{type_id}/extra_specs',
    allow: 'admin',
    params,
    body: Specs,
    responses: { 200: Specs },
    errors: [400, 401, 403, 404],
    title: 'Add extra specs to a volume type',
    summary: 'Sets these keys; others stay. Refused while there are volumes of the type.',
    examples: [{ title: 'The backend', ...example, body: { extra_specs: specs }, status: 200 }],
    handle: async ({ cloud, subject, params, body }) => {
      refuseOddKeys('extra_specs', body.extra_specs);
      await cloud.blockStorage.types.setExtraSpecs(subject, typeIdOf(params), (old) => ({
        ...old,
        ...body.extra_specs,
      }));
      return { body: { extra_specs: body.extra_specs } };
    },
  }),
  operation({
    ...common,
    id: 'ShowVolumeTypeExtraSpec',
    method: 'GET',
    path: '/types/{type_id}/extra_specs/{key}',
    allow: 'reader',
    params: keyParams,
    responses: { 200: Metadata },
    errors: [401, 404],
    title: 'Show one extra spec of a volume type',
    summary: 'The key with its value.',
    examples: [{ title: 'The backend', ...keyExample, status: 200, response: specs }],
    handle: async ({ cloud, subject, params }) => {
      const { extraSpecs } = await cloud.blockStorage.types.get(subject, typeIdOf(params));
      const value = extraSpecs[params.key];
      if (value === undefined) throw missingSpec(params);
      return { body: { [params.key]: value } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateVolumeTypeExtraSpec',
    method: 'PUT',
    path: '/types/{type_id}/extra_specs/{key}',
    allow: 'admin',
    params: keyParams,
    body: Metadata,
    responses: { 200: Metadata },
    errors: [400, 401, 403, 404],
    title: 'Set one extra spec of a volume type',
    summary: 'The key in the path must be the one in the body.',
    examples: [{ title: 'The backend', ...keyExample, body: specs, status: 200, response: specs }],
    handle: async ({ cloud, subject, params, body }) => {
      const value = valueOfOnly('extra_specs', body, params.key);
      await cloud.blockStorage.types.setExtraSpecs(subject, typeIdOf(params), (old) => ({ ...old, ...body }));
      return { body: { [params.key]: value } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteVolumeTypeExtraSpec',
    method: 'DELETE',
    path: '/types/{type_id}/extra_specs/{key}',
    allow: 'admin',
    params: keyParams,
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Delete one extra spec of a volume type',
    summary: 'Others stay.',
    examples: [{ title: 'The backend', ...keyExample, status: 202 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.blockStorage.types.setExtraSpecs(subject, typeIdOf(params), (old) =>
        withoutKey(old, params.key, () => missingSpec(params)),
      );
      return { status: 202 };
    },
  }),
];

function missingSpec({ type_id, key }: { type_id: string; key: string }): CloudError {
  const words = `Volume Type ${withDashes(typeIdOf({ type_id }))} has no extra specs with key ${key}.`;
  return notFound('extra_specs', key, words);
}
