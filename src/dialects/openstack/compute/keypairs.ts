import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Keypair } from '../../../cloud/keypairs/model.ts';
import { atLeast } from '../common/microversion.ts';
import { badMarker, nextLinks, pageOf } from '../common/pagination.ts';
import { pythonRepr } from '../common/python-repr.ts';
import { createdView, detailView, KeypairCreated, KeypairDetail, KeypairList, summaryView } from './keypairs-view.ts';

const Params = Type.Object({ keypair_name: Type.String() });
const UserQuery = Type.Object({
  user_id: Type.Optional(Type.String({ description: 'Whose key pairs, for administrators; from 2.10 on.' })),
});

/** The user named in the query, which counts from 2.10 on. */
function namedUser({ context, query }: Pick<Call<unknown, { user_id?: string }>, 'context' | 'query'>) {
  return atLeast(context, 2, 10) ? query.user_id : undefined;
}

function pieceOf(call: Call<unknown, { limit?: string; marker?: string }>, all: Keypair[]) {
  if (!atLeast(call.context, 2, 35)) return { items: all, links: {} };
  const page = pageOf('compute', call.query);
  const start = page.marker === undefined ? 0 : all.findIndex(({ name }) => name === page.marker) + 1;
  if (page.marker !== undefined && start === 0) throw badMarker('compute', page.marker);
  const items = all.slice(start, start + page.limit!);
  // A key pair's id is its name to Nova.
  const ends = items.map(({ name }) => ({ id: name }));
  return { items, links: nextLinks('keypairs', ends, page, { origin: call.origin, url: call.raw.url! }) };
}

const examplePublicKey =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl hanako@example.com';

export const keypairOperations = [
  operation({
    id: 'ListKeypairs',
    dialect: 'compute',
    group: 'keypairs',
    method: 'GET',
    path: '/os-keypairs',
    since: '2.1',
    mode: 'sync',
    allow: 'authenticated',
    query: Type.Object({
      ...UserQuery.properties,
      limit: Type.Optional(Type.String({ description: 'Key pairs at most; from 2.35 on.' })),
      marker: Type.Optional(
        Type.String({ description: 'Name of the last key pair of the page before; from 2.35 on.' }),
      ),
    }),
    responses: { 200: KeypairList },
    errors: [400, 401, 403],
    title: 'List key pairs',
    summary: "Lists the user's key pairs.",
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const all = await call.cloud.keypairs.list(call.subject, namedUser(call));
      const { items, links } = pieceOf(call, all);
      return { body: { keypairs: items.map((keypair) => summaryView(keypair, call.context)), ...links } };
    },
  }),
  operation({
    id: 'CreateKeypair',
    dialect: 'compute',
    group: 'keypairs',
    method: 'POST',
    path: '/os-keypairs',
    since: '2.1',
    mode: 'sync',
    allow: 'authenticated',
    body: Type.Object(
      {
        keypair: Type.Object(
          {
            name: Type.String({ minLength: 1, maxLength: 255 }),
            public_key: Type.Optional(
              Type.Union([Type.String({ minLength: 1, maxLength: 65535 }), Type.Null()], {
                description: 'To be imported; without one a pair is generated (up to 2.91).',
              }),
            ),
            type: Type.Optional(
              Type.Union([Type.Literal('ssh'), Type.Literal('x509')], { description: 'From 2.2 on.' }),
            ),
            user_id: Type.Optional(
              Type.String({ minLength: 1, maxLength: 255, description: 'Whose, for administrators; from 2.10 on.' }),
            ),
          },
          { additionalProperties: false },
        ),
      },
      { additionalProperties: false },
    ),
    responses: { 200: KeypairCreated, 201: KeypairCreated },
    errors: [400, 401, 403, 409],
    title: 'Import or create a key pair',
    summary:
      'Imports a public key, or generates a pair and gives the private key, this once. The answer is 200 before ' +
      'microversion 2.2 and 201 from then on.',
    examples: [
      { title: 'Import', body: { keypair: { name: 'laptop', public_key: examplePublicKey } }, status: 200 },
      { title: 'Generate', body: { keypair: { name: 'generated' } }, status: 200 },
    ],
    handle: async (call) => {
      const { name, public_key, type, user_id } = allowedMembers(call.context, call.body.keypair);
      const wanted = { name, type, publicKey: public_key ?? undefined, userId: user_id };
      const { keypair, privateKey } = await call.cloud.keypairs.create(call.subject, wanted);
      return {
        status: atLeast(call.context, 2, 2) ? 201 : 200,
        body: { keypair: createdView(keypair, privateKey, call.context) },
      };
    },
  }),
  operation({
    id: 'ShowKeypair',
    dialect: 'compute',
    group: 'keypairs',
    method: 'GET',
    path: '/os-keypairs/{keypair_name}',
    since: '2.1',
    mode: 'sync',
    allow: 'authenticated',
    params: Params,
    query: UserQuery,
    responses: { 200: KeypairDetail },
    errors: [401, 403, 404],
    title: 'Show a key pair',
    summary: 'Shows a key pair, without its private key.',
    examples: [{ title: 'By name', params: { keypair_name: 'laptop' }, status: 200 }],
    handle: async (call) => {
      const keypair = await call.cloud.keypairs.get(call.subject, call.params.keypair_name, namedUser(call));
      return { body: { keypair: detailView(keypair, call.context) } };
    },
  }),
  operation({
    id: 'DeleteKeypair',
    dialect: 'compute',
    group: 'keypairs',
    method: 'DELETE',
    path: '/os-keypairs/{keypair_name}',
    since: '2.1',
    mode: 'sync',
    allow: 'authenticated',
    params: Params,
    query: UserQuery,
    responses: { 202: null, 204: null },
    errors: [401, 403, 404],
    title: 'Delete a key pair',
    summary: 'Deletes a key pair. Servers that have it keep it. The answer is 202 before 2.2 and 204 from then on.',
    examples: [{ title: 'By name', params: { keypair_name: 'laptop' }, status: 202 }],
    handle: async (call) => {
      await call.cloud.keypairs.delete(call.subject, call.params.keypair_name, namedUser(call));
      return { status: atLeast(call.context, 2, 2) ? 204 : 202 };
    },
  }),
];

interface Wanted {
  name: string;
  public_key?: string | null;
  type?: 'ssh' | 'x509';
  user_id?: string;
}

/** Refuses what the request's microversion does not have yet, or no more. `/v2` has none, and drops what it doesn't know. */
function allowedMembers(context: Record<string, unknown>, wanted: Wanted): Wanted {
  if (context['microversion'] === undefined) return { name: wanted.name, public_key: wanted.public_key };
  const unknown =
    (wanted.type !== undefined && !atLeast(context, 2, 2) && 'type') ||
    (wanted.user_id !== undefined && !atLeast(context, 2, 10) && 'user_id');
  if (unknown) throw refusal(wanted, `Additional properties are not allowed ('${unknown}' was unexpected)`);
  if (atLeast(context, 2, 92) && typeof wanted.public_key !== 'string') {
    throw refusal(wanted, "'public_key' is a required property");
  }
  return wanted;
}

function refusal(wanted: Wanted, why: string): CloudError {
  const words = `Invalid input for field/attribute keypair. Value: ${pythonRepr(wanted)}. ${why}`;
  return new CloudError('invalid', words, { field: 'keypair' });
}
