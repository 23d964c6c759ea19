import type { FastifyRequest } from 'fastify';
import { type Static, type TObject, type TSchema, Type } from 'typebox';
import { CloudError, notFound } from '../../../cloud/errors.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { isoSeconds } from '../common/time.ts';

/** The pieces that Neutron's resources have in common. */

export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** Neutron's longest names and texts, characters. */
export const Name = Type.String({ maxLength: 255 });

/** What a host is called on its network (RFC 1123), or nothing. */
export const HostName = Type.String({ pattern: '^(?!-)[A-Za-z0-9-]{0,63}(?<!-)$' });

/** Addresses of a port: by subnet, by number, or both. */
export const FixedIps = Type.Array(
  Type.Object(
    { subnet_id: Type.Optional(Type.String()), ip_address: Type.Optional(Type.String()) },
    { additionalProperties: false },
  ),
);

export function fixedIpsOf(fixedIps: ReadonlyArray<{ subnet_id?: string; ip_address?: string }>) {
  return fixedIps.map(({ subnet_id, ip_address }) => ({
    subnetId: subnet_id === undefined ? undefined : idInBody('fixed_ips', subnet_id),
    ipAddress: ip_address,
  }));
}

/** Ways to networks that are not next door. */
export const Routes = Type.Array(Type.Object({ destination: Type.String(), nexthop: Type.String() }));

/** What a client may set who makes a resource: its project, by either name. */
export const ownerMembers = {
  project_id: Type.Optional(Type.String({ maxLength: 255 })),
  tenant_id: Type.Optional(Type.String({ maxLength: 255 })),
};

/** Clients write lengths of prefixes as numbers or as texts. */
export const PrefixLength = Type.Union([
  Type.Integer({ minimum: 0, maximum: 128 }),
  Type.String({ pattern: '^[0-9]{1,3}$' }),
]);

/** A whole number, which `openstack` sends as a text where a user has typed it. */
export const WholeNumber = Type.Union([Type.Integer(), Type.String({ pattern: '^[0-9]{1,9}$' })]);

export const numberOf = (value: number | string | undefined) => (value === undefined ? undefined : Number(value));

/** A family of addresses; Neutron takes the number as a text too, which some clients send. */
export const IpVersion = Type.Union([Type.Literal(4), Type.Literal(6), Type.Literal('4'), Type.Literal('6')]);

export const ipVersionOf = (value: Static<typeof IpVersion>): 4 | 6 => (Number(value) === 6 ? 6 : 4);

/** A body that has these members and no others. */
export function Body<T extends Record<string, TSchema>>(members: T) {
  return Type.Object(members, { additionalProperties: false });
}

/** A resource with what Neutron calls standard attributes, as it is answered; `fields` may leave out any member. */
export function View(members: Record<string, TSchema>): TObject {
  return OwnedView({
    description: Type.String(),
    ...members,
    created_at: Type.String({ format: 'date-time' }),
    updated_at: Type.String({ format: 'date-time' }),
    revision_number: Type.Integer(),
  });
}

/** A resource of which Neutron keeps no more than whose it is. */
export function OwnedView(members: Record<string, TSchema>): TObject {
  const owner = { id: Type.String(), project_id: Type.String(), tenant_id: Type.String() };
  return Type.Partial(Type.Object({ ...owner, ...members })) as unknown as TObject;
}

/** Projects are Keystone's, whose ids have no dashes. */
export function ownedView(resource: { id: string; projectId: string }) {
  return { id: withDashes(resource.id), project_id: resource.projectId, tenant_id: resource.projectId };
}

/** The members of every resource with standard attributes. */
export function commonView(resource: {
  id: string;
  projectId: string;
  description: string;
  createdAt: number;
  updatedAt: number;
  revision: number;
}) {
  return {
    ...ownedView(resource),
    description: resource.description,
    created_at: isoSeconds(resource.createdAt),
    updated_at: isoSeconds(resource.updatedAt),
    revision_number: resource.revision,
  };
}

/** The project that a new resource is said to be for. */
export function ownerOf(body: { project_id?: string; tenant_id?: string }): string | undefined {
  const named = body.project_id ?? body.tenant_id;
  return named === undefined ? undefined : (parseId(named) ?? named);
}

/** The id of a resource in a path: what can't be an id names nothing. */
export function idInPath(resource: string, text: string): string {
  const id = parseId(text);
  if (id === undefined) throw notFound(resource, text);
  return id;
}

/** The id of a resource in a body. Throws `invalid` for what is none. */
export function idInBody(field: string, text: string): string {
  const id = parseId(text);
  if (id !== undefined) return id;
  const message = `Invalid input for ${field}. Reason: '${text}' is not a valid UUID.`;
  throw new CloudError('invalid', message, { reason: 'HTTPBadRequest', field });
}

const revisionPattern = /^\s*revision_number=(\d{1,15})\s*$/;

/** The revision that `If-Match` makes a condition of the change. */
export function expectedRevision(request: FastifyRequest): number | undefined {
  const header = request.headers['if-match'];
  if (header === undefined) return undefined;
  const [, revision] = revisionPattern.exec(header) ?? [];
  if (revision !== undefined) return Number(revision);
  throw new CloudError('invalid', `'${header}' is no condition on revision_number.`, { reason: 'HTTPBadRequest' });
}

/** What a port belongs to: an id of this cloud, or whatever its user wrote. */
export function deviceIdView(deviceId: string): string {
  return parseId(deviceId) ? withDashes(deviceId) : deviceId;
}
