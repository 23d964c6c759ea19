import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError, notFound } from '../../../cloud/errors.ts';
import type { QosSpecs } from '../../../cloud/volumes/qos.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { LinkSchema, resourceLinks } from '../common/links.ts';
import { queryFlag } from '../common/query.ts';
import { ListQuery, listed } from './plain-list.ts';
import { exampleType } from './types.ts';
import { Metadata } from './wire.ts';

const common = { dialect: 'volume', group: 'QoS specs', since: '3.0', mode: 'sync', allow: 'admin' } as const;
const params = Type.Object({ qos_id: Type.String() });
const exampleId = '0388d6c6-d5d4-42a3-b289-95205c50dd15';
const example = { params: { qos_id: exampleId } };
const Consumer = Type.Union([Type.Literal('front-end'), Type.Literal('back-end'), Type.Literal('both')]);

const QosSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  consumer: Type.String(),
  specs: Metadata,
});
const QosDocument = Type.Object({ qos_specs: QosSchema, links: Type.Array(LinkSchema) });
const Values = Type.Unsafe<Record<string, string | number>>({
  type: 'object',
  additionalProperties: { type: ['string', 'integer', 'number'] },
});

function view({ id, name, consumer, specs }: QosSpecs) {
  return { id: withDashes(id), name, consumer, specs };
}

function document(qos: QosSpecs, base: string) {
  return { qos_specs: view(qos), links: resourceLinks(base, `qos-specs/${withDashes(qos.id)}`) };
}

function idIn({ qos_id }: { qos_id: string }): string {
  const id = parseId(qos_id);
  if (id) return id;
  throw notFound('qos_specs', qos_id, `No such qos spec ${qos_id}.`);
}

function typeIdIn(text: string | undefined): string {
  const id = text === undefined ? undefined : parseId(text);
  if (id) return id;
  throw new CloudError('invalid', 'Volume Type id must not be None.', { field: 'vol_type_id' });
}

const texts = (specs: Record<string, string | number>) =>
  Object.fromEntries(Object.entries(specs).map(([key, value]) => [key, String(value)]));

const associateQuery = Type.Object({ vol_type_id: Type.Optional(Type.String()) });
const associateExample = { ...example, query: { vol_type_id: exampleType.id } };

export const qosOperations = [
  operation({
    ...common,
    id: 'ListQosSpecs',
    method: 'GET',
    path: '/qos-specs',
    query: ListQuery,
    responses: {
      200: Type.Object({
        qos_specs: Type.Array(QosSchema),
        qos_specs_links: Type.Optional(Type.Array(LinkSchema)),
      }),
    },
    errors: [400, 401, 403],
    title: 'List QoS specs',
    summary: 'What limits there are for volume types to name.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const query = call.query as Record<string, string | undefined>;
      const all = await call.cloud.blockStorage.qos.list(call.subject);
      const { items, links } = listed('qos_specs', all, { ...call, query });
      return { body: { qos_specs: items.map(view), ...links } };
    },
  }),
  operation({
    ...common,
    id: 'CreateQosSpecs',
    method: 'POST',
    path: '/qos-specs',
    body: Type.Object({
      qos_specs: Type.Unsafe<Record<string, string | number>>({
        type: 'object',
        required: ['name'],
        properties: { name: { type: 'string', minLength: 1, maxLength: 255 }, consumer: Consumer },
        additionalProperties: { type: ['string', 'integer', 'number'] },
      }),
    }),
    responses: { 200: QosDocument },
    errors: [400, 401, 403, 409],
    title: 'Create QoS specs',
    summary:
      'Keeps limits for volume types to name. Those for the `front-end` (or `both`) hold in the guests: as the iotune of libvirt, also per GiB.',
    examples: [
      {
        title: 'A slow disk',
        body: { qos_specs: { name: 'slow', consumer: 'front-end', total_iops_sec: '100' } },
        status: 200,
      },
    ],
    handle: async ({ cloud, subject, body, base }) => {
      const { name, consumer = 'back-end', ...specs } = texts(body.qos_specs);
      const wanted = { name: name!.trim(), consumer: consumer as QosSpecs['consumer'], specs };
      if (wanted.name === '') throw new CloudError('invalid', 'Invalid input received: name must not be blank.');
      return { body: document(await cloud.blockStorage.qos.create(subject, wanted), base) };
    },
  }),
  operation({
    ...common,
    id: 'ShowQosSpecs',
    method: 'GET',
    path: '/qos-specs/{qos_id}',
    params,
    responses: { 200: QosDocument },
    errors: [401, 403, 404],
    title: 'Show QoS specs',
    summary: 'What is limited.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async ({ cloud, subject, params, base }) => ({
      body: document(await cloud.blockStorage.qos.get(subject, idIn(params)), base),
    }),
  }),
  operation({
    ...common,
    id: 'SetQosSpecs',
    method: 'PUT',
    path: '/qos-specs/{qos_id}',
    params,
    body: Type.Object({ qos_specs: Values }),
    responses: { 200: Type.Object({ qos_specs: Values }) },
    errors: [400, 401, 403, 404],
    title: 'Set keys of QoS specs',
    summary: 'Others stay.',
    examples: [{ title: 'A limit', ...example, body: { qos_specs: { read_iops_sec: '200' } }, status: 200 }],
    handle: async ({ cloud, subject, params, body }) => {
      const { consumer, ...specs } = texts(body.qos_specs);
      if (consumer !== undefined && !['front-end', 'back-end', 'both'].includes(consumer)) {
        throw new CloudError('invalid', `Invalid input received: consumer ${consumer} is invalid.`);
      }
      const set = (old: Record<string, string>) => ({ ...old, ...specs });
      await cloud.blockStorage.qos.setSpecs(subject, idIn(params), set, consumer as QosSpecs['consumer'] | undefined);
      return { body: { qos_specs: body.qos_specs } };
    },
  }),
  operation({
    ...common,
    id: 'UnsetQosSpecs',
    method: 'PUT',
    path: '/qos-specs/{qos_id}/delete_keys',
    params,
    body: Type.Object({ keys: Type.Array(Type.String()) }),
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Unset keys of QoS specs',
    summary: 'All of them must be there.',
    examples: [{ title: 'A limit', ...example, body: { keys: ['read_iops_sec'] }, status: 202 }],
    handle: async ({ cloud, subject, params, body }) => {
      await cloud.blockStorage.qos.setSpecs(subject, idIn(params), (old) => {
        const missing = body.keys.find((key) => old[key] === undefined);
        if (missing !== undefined) {
          throw new CloudError('invalid', `QoS specs ${params.qos_id} has no spec with key ${missing}.`);
        }
        return Object.fromEntries(Object.entries(old).filter(([key]) => !body.keys.includes(key)));
      });
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'DeleteQosSpecs',
    method: 'DELETE',
    path: '/qos-specs/{qos_id}',
    params,
    query: Type.Object({ force: Type.Optional(Type.String({ description: 'true: also where types name them.' })) }),
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Delete QoS specs',
    summary: 'Refused while volume types name them, unless that is forced.',
    examples: [{ title: 'By id', ...example, status: 202 }],
    handle: async ({ cloud, subject, params, query }) => {
      await cloud.blockStorage.qos.delete(subject, idIn(params), { force: queryFlag(query.force) });
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'ListQosAssociations',
    method: 'GET',
    path: '/qos-specs/{qos_id}/associations',
    params,
    responses: {
      200: Type.Object({
        qos_associations: Type.Array(
          Type.Object({ association_type: Type.String(), id: Type.String(), name: Type.String() }),
        ),
      }),
    },
    errors: [401, 403, 404],
    title: 'List the volume types that QoS specs hold for',
    summary: 'Those that name them.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async ({ cloud, subject, params }) => {
      const types = await cloud.blockStorage.qos.associations(subject, idIn(params));
      const qos_associations = types.map(({ id, name }) => ({
        association_type: 'volume_type',
        id: withDashes(id),
        name,
      }));
      return { body: { qos_associations } };
    },
  }),
  operation({
    ...common,
    id: 'AssociateQosSpecs',
    method: 'GET',
    path: '/qos-specs/{qos_id}/associate',
    params,
    query: associateQuery,
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Let QoS specs hold for a volume type',
    summary: 'A GET that changes something, as Cinder has it.',
    examples: [{ title: 'A type', ...associateExample, status: 202 }],
    handle: async ({ cloud, subject, params, query }) => {
      const qos = await cloud.blockStorage.qos.get(subject, idIn(params));
      await cloud.blockStorage.types.setQos(subject, typeIdIn(query.vol_type_id), qos.id);
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'DisassociateQosSpecs',
    method: 'GET',
    path: '/qos-specs/{qos_id}/disassociate',
    params,
    query: associateQuery,
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Let QoS specs hold for a volume type no more',
    summary: 'A GET that changes something, as Cinder has it.',
    examples: [{ title: 'A type', ...associateExample, status: 202 }],
    handle: async ({ cloud, subject, params, query }) => {
      await cloud.blockStorage.qos.get(subject, idIn(params));
      await cloud.blockStorage.types.setQos(subject, typeIdIn(query.vol_type_id), null);
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'DisassociateAllQosSpecs',
    method: 'GET',
    path: '/qos-specs/{qos_id}/disassociate_all',
    params,
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Let QoS specs hold for no volume type',
    summary: 'A GET that changes something, as Cinder has it.',
    examples: [{ title: 'By id', ...example, status: 202 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.blockStorage.qos.disassociateAll(subject, idIn(params));
      return { status: 202 };
    },
  }),
];
