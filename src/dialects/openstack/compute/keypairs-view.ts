import { Type } from 'typebox';
import type { Keypair } from '../../../cloud/keypairs/model.ts';
import { LinkSchema } from '../common/links.ts';
import { atLeast } from '../common/microversion.ts';
import { isoMicros } from '../common/time.ts';

const summary = {
  name: Type.String(),
  public_key: Type.String(),
  fingerprint: Type.String(),
  type: Type.Optional(Type.String({ description: '`ssh` or `x509`; from 2.2 on.' })),
};

export const KeypairList = Type.Object({
  keypairs: Type.Array(Type.Object({ keypair: Type.Object(summary) })),
  keypairs_links: Type.Optional(Type.Array(LinkSchema)),
});

export const KeypairCreated = Type.Object({
  keypair: Type.Object({
    ...summary,
    user_id: Type.String(),
    private_key: Type.Optional(Type.String({ description: 'PEM. Given once, where the pair was generated.' })),
  }),
});

export const KeypairDetail = Type.Object({
  keypair: Type.Object({
    ...summary,
    user_id: Type.String(),
    id: Type.Integer(),
    created_at: Type.String(),
    updated_at: Type.Null(),
    deleted: Type.Boolean(),
    deleted_at: Type.Null(),
  }),
});

type Context = Record<string, unknown>;

/** An item of the list: Nova wraps each one. */
export function summaryView(keypair: Keypair, context: Context) {
  return { keypair: common(keypair, context) };
}

export function createdView(keypair: Keypair, privateKey: string | undefined, context: Context) {
  return { ...common(keypair, context), user_id: keypair.userId, private_key: privateKey };
}

export function detailView(keypair: Keypair, context: Context) {
  return {
    ...common(keypair, context),
    user_id: keypair.userId,
    // Nova counts key pairs; nobody can ask for one by this number, but clients expect one.
    id: Number.parseInt(keypair.id.slice(0, 7), 16),
    created_at: isoMicros(keypair.createdAt),
    updated_at: null,
    deleted: false,
    deleted_at: null,
  };
}

function common({ name, publicKey, fingerprint, type }: Keypair, context: Context) {
  return { name, public_key: publicKey, fingerprint, ...(atLeast(context, 2, 2) ? { type } : {}) };
}
