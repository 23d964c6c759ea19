import { type TProperties, Type } from 'typebox';
import { type AnyOperation, type Call, operation } from '../../../api/operation.ts';
import { notFound } from '../../../cloud/errors.ts';
import type { VolumeTransfer } from '../../../cloud/volumes/transfers.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { LinkSchema, resourceLinks } from '../common/links.ts';
import { atLeast } from '../common/microversion.ts';
import { queryFlag } from '../common/query.ts';
import { isoMicros } from '../common/time.ts';
import { exampleVolumeId } from './example.ts';
import { ListQuery, listed } from './plain-list.ts';
import { booleanOf, flag, idOf, optionalText, textOrNull } from './wire.ts';

const TransferSchema = Type.Object({
  id: Type.String(),
  volume_id: Type.String(),
  name: textOrNull(),
  links: Type.Array(LinkSchema),
  created_at: Type.Optional(Type.String()),
  auth_key: Type.Optional(Type.String({ description: 'Told once, when the offer is made.' })),
  source_project_id: Type.Optional(Type.String()),
  destination_project_id: Type.Optional(textOrNull()),
  accepted: Type.Optional(Type.Boolean()),
  no_snapshots: Type.Optional(Type.Boolean()),
});
const TransferDocument = Type.Object({ transfer: TransferSchema });
const TransferList = Type.Object({
  transfers: Type.Array(TransferSchema),
  transfers_links: Type.Optional(Type.Array(LinkSchema)),
});

const exampleId = 'cac5c677-73a9-4288-bb9c-b2ebfb547377';
const params = Type.Object({ transfer_id: Type.String() });
const example = { params: { transfer_id: exampleId } };

function summary(transfer: VolumeTransfer, base: string, collection: string) {
  const id = withDashes(transfer.id);
  return {
    id,
    volume_id: withDashes(transfer.volumeId),
    name: transfer.name,
    links: resourceLinks(base, `${collection}/${id}`),
  };
}

function detail(transfer: VolumeTransfer, call: Pick<Call, 'base' | 'context'>, collection: string) {
  return {
    ...summary(transfer, call.base, collection),
    created_at: isoMicros(transfer.createdAt),
    ...(collection === 'volume-transfers' && atLeast(call.context, 3, 55)
      ? { no_snapshots: transfer.noSnapshots }
      : {}),
    ...(collection === 'volume-transfers' && atLeast(call.context, 3, 57)
      ? {
          source_project_id: transfer.projectId,
          destination_project_id: transfer.destinationProjectId,
          accepted: transfer.accepted,
        }
      : {}),
  };
}

function idIn({ transfer_id }: { transfer_id: string }): string {
  const id = parseId(transfer_id);
  if (id) return id;
  throw notFound('transfer', transfer_id, `Transfer ${transfer_id} could not be found.`);
}

async function page(call: Call<unknown, Record<string, string | undefined>>, collection: string, isDetailed: boolean) {
  const { cloud, subject, query, base } = call;
  const volumeId = query['volume_id'] === undefined ? undefined : (parseId(query['volume_id']) ?? '');
  const allProjects = queryFlag(query['all_tenants']);
  const all = await cloud.blockStorage.transfers.list(subject, { allProjects, name: query['name'], volumeId });
  const { items, links } = listed('transfers', all, call);
  const transfers = items.map((one) => (isDetailed ? detail(one, call, collection) : summary(one, base, collection)));
  return { body: { transfers, ...links } };
}

/** The newer resource can keep snapshots out, and tells more; it came with 3.55. */
function operationsAt(collection: 'os-volume-transfer' | 'volume-transfers'): AnyOperation[] {
  const isNew = collection === 'volume-transfers';
  const suffix = isNew ? '' : 'Old';
  const common = { dialect: 'volume', group: 'transfers', since: isNew ? '3.55' : '3.0' } as const;
  const noSnapshots: TProperties = isNew
    ? { no_snapshots: Type.Optional(flag({ description: 'Refuses where the volume has snapshots.' })) }
    : {};
  return [
    operation({
      ...common,
      id: `ListVolumeTransfers${suffix}`,
      method: 'GET',
      path: `/${collection}`,
      mode: 'sync',
      allow: 'reader',
      query: ListQuery,
      responses: { 200: TransferList },
      errors: [400, 401],
      title: 'List transfers',
      summary: 'The offers of volumes that the project has made and that nobody took yet.',
      examples: [{ title: 'All', status: 200 }],
      handle: (call) => page(call as never, collection, false),
    }),
    operation({
      ...common,
      id: `ListVolumeTransfersDetails${suffix}`,
      method: 'GET',
      path: `/${collection}/detail`,
      mode: 'sync',
      allow: 'reader',
      query: ListQuery,
      responses: { 200: TransferList },
      errors: [400, 401],
      title: 'List transfers with details',
      summary: 'Everything about them but their keys.',
      examples: [{ title: 'All', status: 200 }],
      handle: (call) => page(call as never, collection, true),
    }),
    operation({
      ...common,
      id: `CreateVolumeTransfer${suffix}`,
      method: 'POST',
      path: `/${collection}`,
      mode: 'sync',
      allow: 'member',
      body: Type.Object({
        transfer: Type.Object({ volume_id: Type.String(), name: optionalText('What people call it.'), ...noSnapshots }),
      }),
      responses: { 202: TransferDocument },
      errors: [400, 401, 404],
      title: 'Offer a volume to another project',
      summary: 'Whoever has the key can take it; its snapshots go with it. Until then nobody can use it.',
      examples: [
        { title: 'A volume', body: { transfer: { volume_id: exampleVolumeId, name: 'for you' } }, status: 202 },
      ],
      handle: async (call) => {
        const { volume_id, name, ...more } = call.body.transfer as {
          volume_id: string;
          name?: string | null;
          no_snapshots?: boolean | string;
        };
        const { transfer, key } = await call.cloud.blockStorage.transfers.create(call.subject, {
          volumeId: idOf('volume', volume_id),
          name,
          noSnapshots: more.no_snapshots !== undefined && booleanOf(more.no_snapshots, 'no_snapshots'),
        });
        return { status: 202, body: { transfer: { ...detail(transfer, call, collection), auth_key: key } } };
      },
    }),
    operation({
      ...common,
      id: `ShowVolumeTransfer${suffix}`,
      method: 'GET',
      path: `/${collection}/{transfer_id}`,
      mode: 'sync',
      allow: 'reader',
      params,
      responses: { 200: TransferDocument },
      errors: [401, 404],
      title: 'Show a transfer',
      summary: 'Everything about it but its key.',
      examples: [{ title: 'By id', ...example, status: 200 }],
      handle: async (call) => {
        const transfer = await call.cloud.blockStorage.transfers.get(call.subject, idIn(call.params));
        return { body: { transfer: detail(transfer, call, collection) } };
      },
    }),
    operation({
      ...common,
      id: `AcceptVolumeTransfer${suffix}`,
      method: 'POST',
      path: `/${collection}/{transfer_id}/accept`,
      mode: 'sync',
      allow: 'member',
      params,
      body: Type.Object({ accept: Type.Object({ auth_key: Type.String({ minLength: 1 }) }) }),
      responses: { 202: TransferDocument },
      errors: [400, 401, 404, 413],
      title: 'Take a volume that is offered',
      summary: "The volume is the project's from then on, and counts for its quota.",
      examples: [
        { title: 'With its key', ...example, body: { accept: { auth_key: '9266c59563c84664' } }, status: 202 },
      ],
      handle: async (call) => {
        const key = call.body.accept.auth_key;
        const transfer = await call.cloud.blockStorage.transfers.accept(call.subject, idIn(call.params), key);
        return { status: 202, body: { transfer: summary(transfer, call.base, collection) } };
      },
    }),
    operation({
      ...common,
      id: `DeleteVolumeTransfer${suffix}`,
      method: 'DELETE',
      path: `/${collection}/{transfer_id}`,
      mode: 'sync',
      allow: 'member',
      params,
      responses: { 202: null },
      errors: [401, 404],
      title: 'Take an offer back',
      summary: 'The volume is available again.',
      examples: [{ title: 'By id', ...example, status: 202 }],
      handle: async ({ cloud, subject, params }) => {
        await cloud.blockStorage.transfers.delete(subject, idIn(params));
        return { status: 202 };
      },
    }),
  ];
}

export const transferOperations = [...operationsAt('os-volume-transfer'), ...operationsAt('volume-transfers')];
