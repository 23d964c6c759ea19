import { type Static, type TSchema, Type } from 'typebox';
import type { Call } from '../../../api/operation.ts';
import { CloudError, notFound } from '../../../cloud/errors.ts';
import type { Flavor } from '../../../cloud/flavors/flavors.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { LinkSchema } from '../common/links.ts';
import { queryBoolean } from '../common/query.ts';
import { invalidField, isLegacy } from './microversions.ts';

/** Pieces of schemas and readers of values that the resources of the compute API share. */

export const TextOrNull = Type.Unsafe<string | null>({ type: ['string', 'null'] });
export const Links = Type.Array(LinkSchema);
export const IdAndLinks = Type.Object({ id: Type.String(), links: Links });

/** A part of the query that may be given several times; then the last one counts. */
export function queryText(description: string) {
  return Type.Optional(
    Type.Unsafe<string | string[]>({ type: ['string', 'array'], items: { type: 'string' }, description }),
  );
}

export type Query = Record<string, string | string[] | undefined>;

export function lastOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.at(-1) : value;
}

/** A boolean that may come as one of the words that Python's clients send. */
export const BooleanOrWord = Type.Unsafe<boolean | string>({ type: ['boolean', 'string'] });
/** A number that may come as text. */
export const NumberOrText = Type.Unsafe<number | string>({ type: ['integer', 'string'] });

export function booleanOf(field: string, value: boolean | string): boolean {
  const read = queryBoolean(String(value));
  if (read === undefined) throw invalidField(field, value, `'${value}' is not a boolean`);
  return read;
}

/** Throws `invalid` for what is no whole number of at least `minimum`. */
export function integerOf(field: string, value: number | string, minimum: number): number {
  const text = String(value);
  if (!/^-?\d{1,15}$/.test(text)) throw invalidField(field, value, `'${value}' does not match '^[0-9]*$'`);
  if (Number(text) < minimum) throw invalidField(field, value, `${text} is less than the minimum of ${minimum}`);
  return Number(text);
}

export const ServerParams = Type.Object({ server_id: Type.String({ description: 'The server.' }) });
const exampleServerId = 'fee86478-a120-488f-8359-97d200564b90';
export const exampleServer = { server_id: exampleServerId };
export const exampleImageId = '70a599e0-31e7-49b7-b260-868f441e862b';

/** The server's id in the engine's form; throws `not_found` for what can't be one. */
export function serverIdOf({ params }: Pick<Call<{ server_id: string }>, 'params'>): string {
  const id = parseId(params.server_id);
  if (id === undefined) throw notFound('server', params.server_id, `Instance ${params.server_id} could not be found.`);
  return id;
}

/** A UUID in a body. Throws `invalid`. */
export function uuidOf(field: string, text: string): string {
  const id = parseId(text);
  if (id === undefined) throw invalidField(field, text, `'${text}' is not a 'uuid'`);
  return id;
}

/** The id of the image that `imageRef` names; in `/v2` it may be the image's URL. Undefined for an empty text. */
export function imageIdOf(context: Record<string, unknown>, imageRef: string | undefined): string | undefined {
  if (imageRef === undefined || imageRef === '') return undefined;
  const id = parseId(isLegacy(context) ? lastOfPath(imageRef) : imageRef);
  if (id === undefined) throw new CloudError('invalid', 'Invalid imageRef provided.', { field: 'imageRef' });
  return id;
}

function lastOfPath(text: string): string {
  return text.replace(/\/+$/, '').split('/').at(-1)!;
}

/** A flavor's id as clients see it: those that the cloud chose are UUIDs. */
export function flavorIdView({ id, uuid }: Pick<Flavor, 'id' | 'uuid'>): string {
  return id === uuid ? withDashes(id) : id;
}

/** The flavor that a client names. Throws `not_found`. */
export async function flavorNamed({ cloud, subject }: Pick<Call, 'cloud' | 'subject'>, id: string): Promise<Flavor> {
  const hex = parseId(id);
  const asIs = await cloud.flavors.get(subject, id).catch(hex === undefined ? undefined : undefinedIfNotFound);
  const found = asIs ?? (await cloud.flavors.get(subject, hex!).catch(undefinedIfNotFound));
  if (!found) throw notFound('flavor', id, `Flavor ${id} could not be found.`);
  return found;
}

/** The engine's id of the flavor that `flavorRef` names; where there is none, what was said, for the engine to refuse. */
export async function flavorIdOf(
  call: Pick<Call, 'cloud' | 'subject' | 'context'>,
  flavorRef: string | number,
): Promise<string> {
  const text = isLegacy(call.context) ? lastOfPath(String(flavorRef)) : String(flavorRef);
  return (await flavorNamed(call, text).catch(undefinedIfNotFound))?.id ?? text;
}

export function undefinedIfNotFound(error: unknown): undefined {
  if (error instanceof CloudError && error.code === 'not_found') return undefined;
  throw error;
}

/** An object whose members are all known. */
export function closed<Properties extends Record<string, TSchema>>(properties: Properties) {
  return Type.Object(properties, { additionalProperties: false });
}

export type Of<Schema extends TSchema> = Static<Schema>;
