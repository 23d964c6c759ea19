import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { notFound } from '../../../cloud/errors.ts';
import { localVolumeType, volumeTypeOf } from '../../../cloud/volumes/types.ts';
import { withDashes } from '../../../env/env.ts';
import { Metadata } from './wire.ts';

export const TypeSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  is_public: Type.Boolean(),
  'os-volume-type-access:is_public': Type.Boolean(),
  extra_specs: Metadata,
  qos_specs_id: Type.Null(),
});

/** The one type that there is. */
export function typeView() {
  return {
    id: withDashes(localVolumeType.id),
    name: localVolumeType.name,
    description: localVolumeType.description,
    is_public: true,
    'os-volume-type-access:is_public': true,
    extra_specs: {},
    qos_specs_id: null,
  };
}

const common = {
  dialect: 'volume',
  group: 'volume types',
  method: 'GET',
  since: '3.0',
  mode: 'sync',
  allow: 'reader',
} as const;
const params = Type.Object({ type_id: Type.String() });
const TypeDocument = Type.Object({ volume_type: TypeSchema });
const exampleParams = { type_id: withDashes(localVolumeType.id) };

export const typeOperations = [
  operation({
    ...common,
    id: 'ListVolumeTypes',
    path: '/types',
    responses: { 200: Type.Object({ volume_types: Type.Array(TypeSchema) }) },
    errors: [401],
    title: 'List volume types',
    summary: 'The kinds of storage that volumes can be on.',
    examples: [{ title: 'All', status: 200, response: { volume_types: [typeView()] } }],
    handle: () => ({ body: { volume_types: [typeView()] } }),
  }),
  operation({
    ...common,
    id: 'ShowDefaultVolumeType',
    path: '/types/default',
    responses: { 200: TypeDocument },
    errors: [401],
    title: 'Show the default volume type',
    summary: 'The type of volumes for which none is asked.',
    examples: [{ title: 'The one', status: 200, response: { volume_type: typeView() } }],
    handle: () => ({ body: { volume_type: typeView() } }),
  }),
  operation({
    ...common,
    id: 'ShowVolumeType',
    path: '/types/{type_id}',
    params,
    responses: { 200: TypeDocument },
    errors: [401, 404],
    title: 'Show a volume type',
    summary: 'One kind of storage.',
    examples: [{ title: 'By id', params: exampleParams, status: 200, response: { volume_type: typeView() } }],
    handle: ({ params: { type_id } }) => {
      requireId(type_id);
      return { body: { volume_type: typeView() } };
    },
  }),
  operation({
    ...common,
    id: 'ListVolumeTypeExtraSpecs',
    path: '/types/{type_id}/extra_specs',
    params,
    responses: { 200: Type.Object({ extra_specs: Metadata }) },
    errors: [401, 404],
    title: 'List the extra specs of a volume type',
    summary: 'There is nothing to configure about the one type.',
    examples: [{ title: 'None', params: exampleParams, status: 200, response: { extra_specs: {} } }],
    handle: ({ params: { type_id } }) => {
      requireId(type_id);
      return { body: { extra_specs: {} } };
    },
  }),
];

/** A path has the type's id: by name clients search the list. */
function requireId(text: string): void {
  if (text === localVolumeType.name) throw notFound('volume_type', text, `Volume type ${text} could not be found.`);
  volumeTypeOf(text);
}
