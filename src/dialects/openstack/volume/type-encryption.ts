import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError, notFound } from '../../../cloud/errors.ts';
import type { Encryption } from '../../../cloud/volumes/type-model.ts';
import { newId, withDashes } from '../../../env/env.ts';
import { isoMicros } from '../common/time.ts';
import { exampleType, typeIdOf } from './types.ts';
import { textOrNull } from './wire.ts';

const common = {
  dialect: 'volume',
  group: 'volume type encryption',
  since: '3.0',
  mode: 'sync',
  allow: 'admin',
} as const;
const params = Type.Object({ type_id: Type.String() });
const encryptionParams = Type.Object({ type_id: Type.String(), encryption_id: Type.String() });

const facts = {
  provider: Type.Optional(Type.String({ maxLength: 255 })),
  cipher: Type.Optional(textOrNull({ maxLength: 255 })),
  key_size: Type.Optional(
    Type.Unsafe<number | string | null>({ type: ['integer', 'string', 'null'], description: 'Bits.' }),
  ),
  control_location: Type.Optional(Type.Union([Type.Literal('front-end'), Type.Literal('back-end')])),
};
const shown = {
  provider: Type.Optional(Type.String()),
  cipher: Type.Optional(textOrNull()),
  key_size: Type.Optional(Type.Unsafe<number | null>({ type: ['integer', 'null'] })),
  control_location: Type.Optional(Type.String()),
};
const exampleEncryption = { provider: 'luks', cipher: 'aes-xts-plain64', key_size: 256, control_location: 'front-end' };
const example = { params: { type_id: exampleType.id } };
const exampleId = '81e069c6-7394-4856-8df7-3b237ca61f74';
const note =
  'No storage here encrypts: volumes of a type that says how are refused, and none is made that only seems so.';

interface Wanted {
  provider?: string;
  cipher?: string | null;
  key_size?: number | string | null;
  control_location?: 'front-end' | 'back-end';
}

function changed(call: Pick<Call, 'cloud'>, old: Encryption | undefined, wanted: Wanted): Encryption {
  const { env } = call.cloud;
  const provider = wanted.provider ?? old?.provider;
  if (provider === undefined) throw new CloudError('invalid', 'Invalid input received: provider must be defined');
  return {
    id: old?.id ?? newId(env),
    provider,
    cipher: wanted.cipher === undefined ? (old?.cipher ?? null) : wanted.cipher,
    keySize: wanted.key_size === undefined ? (old?.keySize ?? null) : keySizeOf(wanted.key_size),
    controlLocation: wanted.control_location ?? old?.controlLocation ?? 'front-end',
    createdAt: old?.createdAt ?? env.now(),
  };
}

function keySizeOf(value: number | string | null): number | null {
  if (value === null) return null;
  const bits = Number(value);
  if (Number.isSafeInteger(bits) && bits >= 0) return bits;
  throw new CloudError('invalid', `Invalid input received: key_size '${value}' must be an integer.`);
}

function view(encryption: Encryption) {
  const { provider, cipher, keySize, controlLocation } = encryption;
  return { provider, cipher, key_size: keySize, control_location: controlLocation };
}

function wholeView(typeId: string, encryption: Encryption) {
  return { volume_type_id: withDashes(typeId), encryption_id: withDashes(encryption.id), ...view(encryption) };
}

async function typeOf({ cloud, subject, params }: Call<{ type_id: string }>) {
  return await cloud.blockStorage.types.get(subject, typeIdOf(params));
}

function missing(typeId: string): CloudError {
  return notFound('encryption', typeId, `Volume type encryption for type ${withDashes(typeId)} does not exist.`);
}

export const typeEncryptionOperations = [
  operation({
    ...common,
    id: 'CreateVolumeTypeEncryption',
    method: 'POST',
    path: '/types/{type_id}/encryption',
    params,
    body: Type.Object({ encryption: Type.Object(facts) }),
    responses: {
      200: Type.Object({
        encryption: Type.Object({ volume_type_id: Type.String(), encryption_id: Type.String(), ...shown }),
      }),
    },
    errors: [400, 401, 403, 404],
    title: 'Say how volumes of a type have to be encrypted',
    summary: note,
    examples: [{ title: 'LUKS', ...example, body: { encryption: exampleEncryption }, status: 200 }],
    handle: async (call) => {
      const id = typeIdOf(call.params);
      const type = await call.cloud.blockStorage.types.setEncryption(call.subject, id, (old) => {
        if (old) throw new CloudError('invalid', `Volume type encryption for type ${withDashes(id)} already exists.`);
        return changed(call, undefined, call.body.encryption);
      });
      return { body: { encryption: wholeView(id, type.encryption!) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowVolumeTypeEncryption',
    method: 'GET',
    path: '/types/{type_id}/encryption',
    params,
    responses: {
      200: Type.Object({
        volume_type_id: Type.Optional(Type.String()),
        encryption_id: Type.Optional(Type.String()),
        ...shown,
        created_at: Type.Optional(Type.String()),
        updated_at: Type.Optional(Type.Null()),
        deleted_at: Type.Optional(Type.Null()),
        deleted: Type.Optional(Type.Boolean()),
      }),
    },
    errors: [401, 403, 404],
    title: 'Show how volumes of a type have to be encrypted',
    summary: 'An empty object where nothing is said.',
    examples: [{ title: 'Not at all', ...example, status: 200, response: {} }],
    handle: async (call) => {
      const { id, encryption } = await typeOf(call);
      if (!encryption) return { body: {} };
      const times = { created_at: isoMicros(encryption.createdAt), updated_at: null, deleted_at: null, deleted: false };
      return { body: { ...wholeView(id, encryption), ...times } };
    },
  }),
  operation({
    ...common,
    id: 'ShowVolumeTypeEncryptionItem',
    method: 'GET',
    path: '/types/{type_id}/encryption/{encryption_id}',
    params: encryptionParams,
    responses: { 200: Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true }) },
    errors: [401, 403, 404],
    title: 'Show one part of how volumes of a type have to be encrypted',
    summary: 'By its name, as `cipher`.',
    examples: [{ title: 'The cipher', params: { type_id: exampleType.id, encryption_id: 'cipher' }, status: 200 }],
    handle: async (call) => {
      const { id, encryption } = await typeOf(call);
      const { encryption_id: name } = call.params;
      const value = encryption && (wholeView(id, encryption) as Record<string, unknown>)[name];
      if (value === undefined) throw missing(id);
      return { body: { [name]: value } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateVolumeTypeEncryption',
    method: 'PUT',
    path: '/types/{type_id}/encryption/{encryption_id}',
    params: encryptionParams,
    body: Type.Object({ encryption: Type.Object(facts) }),
    responses: { 200: Type.Object({ encryption: Type.Object(shown) }) },
    errors: [400, 401, 403, 404],
    title: 'Change how volumes of a type have to be encrypted',
    summary: 'Refused while there are volumes of the type.',
    examples: [
      {
        title: 'Another cipher',
        params: { type_id: exampleType.id, encryption_id: exampleId },
        body: { encryption: { cipher: 'aes-xts-plain64' } },
        status: 200,
      },
    ],
    handle: async (call) => {
      const id = typeIdOf(call.params);
      const type = await call.cloud.blockStorage.types.setEncryption(call.subject, id, (old) => {
        if (!old || withDashes(old.id) !== call.params.encryption_id) throw missing(id);
        return changed(call, old, call.body.encryption);
      });
      return { body: { encryption: view(type.encryption!) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteVolumeTypeEncryption',
    method: 'DELETE',
    path: '/types/{type_id}/encryption/{encryption_id}',
    params: encryptionParams,
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Let volumes of a type be encrypted no more',
    summary: 'Refused while there are volumes of the type.',
    examples: [{ title: 'By id', params: { type_id: exampleType.id, encryption_id: exampleId }, status: 202 }],
    handle: async (call) => {
      const id = typeIdOf(call.params);
      await call.cloud.blockStorage.types.setEncryption(call.subject, id, (old) => {
        if (!old || withDashes(old.id) !== call.params.encryption_id) throw missing(id);
        return undefined;
      });
      return { status: 202 };
    },
  }),
];
