import { Type } from 'typebox';
import { type AnyOperation, type Call, operation } from '../../../api/operation.ts';
import { CloudError, notFound } from '../../../cloud/errors.ts';
import { exampleSnapshotId, exampleVolumeId } from './example.ts';
import { idOf, Metadata, MetadataDocument } from './wire.ts';

type Words = Record<string, string>;

interface Owner {
  kind: 'volume' | 'snapshot';
  collection: string;
  param: 'volume_id' | 'snapshot_id';
  exampleId: string;
  read(call: Call, id: string): Promise<Words>;
  write(call: Call, id: string, change: (metadata: Words) => Words): Promise<Words>;
}

const owners: readonly Owner[] = [
  {
    kind: 'volume',
    collection: 'volumes',
    param: 'volume_id',
    exampleId: exampleVolumeId,
    read: async ({ cloud, subject }, id) => (await cloud.blockStorage.get(subject, id)).metadata,
    write: async ({ cloud, subject }, id, change) =>
      (await cloud.blockStorage.setMetadata(subject, id, change)).metadata,
  },
  {
    kind: 'snapshot',
    collection: 'snapshots',
    param: 'snapshot_id',
    exampleId: exampleSnapshotId,
    read: async ({ cloud, subject }, id) => (await cloud.blockStorage.snapshot(subject, id)).metadata,
    write: async ({ cloud, subject }, id, change) =>
      (await cloud.blockStorage.updateSnapshot(subject, id, ({ metadata }) => ({ metadata: change({ ...metadata }) })))
        .metadata,
  },
];

function missingKey(owner: Owner, id: string, key: string): CloudError {
  const kind = owner.kind === 'volume' ? 'Volume' : 'Snapshot';
  return notFound('metadata', id, `${kind} ${id} has no metadata with key ${key}.`);
}

/** The metadata of volumes and that of snapshots are the same, but for where they are. */
function operationsOf(owner: Owner): AnyOperation[] {
  const Name = owner.kind === 'volume' ? 'Volume' : 'Snapshot';
  const common = { dialect: 'volume', group: 'metadata', since: '3.0', mode: 'sync' } as const;
  const path = `/${owner.collection}/{${owner.param}}/metadata`;
  const params = Type.Object({ [owner.param]: Type.String() });
  const keyParams = Type.Object({ [owner.param]: Type.String(), key: Type.String() });
  const ofItem = Type.Object({ meta: Metadata });
  const example = { [owner.param]: owner.exampleId };
  const errors = [400, 401, 404];
  const idIn = (call: { params: unknown }) => idOf(owner.kind, (call.params as Words)[owner.param]!);
  const keyIn = (call: { params: unknown }) => (call.params as Words)['key']!;
  const body = { metadata: { tier: 'gold' } };

  return [
    operation({
      ...common,
      id: `List${Name}Metadata`,
      method: 'GET',
      path,
      allow: 'reader',
      params,
      responses: { 200: MetadataDocument },
      errors,
      title: `List the metadata of a ${owner.kind}`,
      summary: `The keys and values that users have set on a ${owner.kind}.`,
      examples: [{ title: 'All', params: example, status: 200, response: body }],
      handle: async (call) => ({ body: { metadata: await owner.read(call as Call, idIn(call)) } }),
    }),
    operation({
      ...common,
      id: `Create${Name}Metadata`,
      method: 'POST',
      path,
      allow: 'member',
      params,
      body: MetadataDocument,
      responses: { 200: MetadataDocument },
      errors,
      title: `Add metadata to a ${owner.kind}`,
      summary: 'Sets these keys; others stay.',
      examples: [{ title: 'One key', params: example, body, status: 200, response: body }],
      handle: async (call) => {
        const added = call.body.metadata;
        return { body: { metadata: await owner.write(call as Call, idIn(call), (old) => ({ ...old, ...added })) } };
      },
    }),
    operation({
      ...common,
      id: `Replace${Name}Metadata`,
      method: 'PUT',
      path,
      allow: 'member',
      params,
      body: MetadataDocument,
      responses: { 200: MetadataDocument },
      errors,
      title: `Replace the metadata of a ${owner.kind}`,
      summary: 'Sets these keys; all others go.',
      examples: [{ title: 'One key', params: example, body, status: 200, response: body }],
      handle: async (call) => ({
        body: { metadata: await owner.write(call as Call, idIn(call), () => call.body.metadata) },
      }),
    }),
    operation({
      ...common,
      id: `Show${Name}MetadataItem`,
      method: 'GET',
      path: `${path}/{key}`,
      allow: 'reader',
      params: keyParams,
      responses: { 200: ofItem },
      errors,
      title: `Show one key of the metadata of a ${owner.kind}`,
      summary: 'Its value.',
      examples: [
        { title: 'By key', params: { ...example, key: 'tier' }, status: 200, response: { meta: body.metadata } },
      ],
      handle: async (call) => {
        const value = (await owner.read(call as Call, idIn(call)))[keyIn(call)];
        if (value === undefined) throw missingKey(owner, idIn(call), keyIn(call));
        return { body: { meta: { [keyIn(call)]: value } } };
      },
    }),
    operation({
      ...common,
      id: `Set${Name}MetadataItem`,
      method: 'PUT',
      path: `${path}/{key}`,
      allow: 'member',
      params: keyParams,
      body: ofItem,
      responses: { 200: ofItem },
      errors,
      title: `Set one key of the metadata of a ${owner.kind}`,
      summary: 'The key in the path must be the one in the body.',
      examples: [
        {
          title: 'A value',
          params: { ...example, key: 'tier' },
          body: { meta: body.metadata },
          status: 200,
          response: { meta: body.metadata },
        },
      ],
      handle: async (call) => {
        const { meta } = call.body;
        if (meta[keyIn(call)] === undefined || Object.keys(meta).length !== 1) {
          throw new CloudError('invalid', 'Request body and URI mismatch');
        }
        await owner.write(call as Call, idIn(call), (old) => ({ ...old, ...meta }));
        return { body: { meta } };
      },
    }),
    operation({
      ...common,
      id: `Delete${Name}MetadataItem`,
      method: 'DELETE',
      path: `${path}/{key}`,
      allow: 'member',
      params: keyParams,
      responses: { 200: null },
      errors,
      title: `Delete one key of the metadata of a ${owner.kind}`,
      summary: 'Others stay.',
      examples: [{ title: 'By key', params: { ...example, key: 'tier' }, status: 200 }],
      handle: async (call) => {
        await owner.write(call as Call, idIn(call), (old) => {
          const { [keyIn(call)]: value, ...others } = old;
          if (value === undefined) throw missingKey(owner, idIn(call), keyIn(call));
          return others;
        });
        return { status: 200 };
      },
    }),
  ];
}

export const metadataOperations = owners.flatMap(operationsOf);
