import { type Static, Type } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import type { OwnedReference, Proof, WantedScope } from '../../../cloud/identity/authentication.ts';
import { notAuthenticated } from '../../../cloud/identity/failures.ts';
import type { SignedRequest } from '../../../cloud/identity/oauth1/signature.ts';
import { optional } from './schemas.ts';

const Text = Type.String({ maxLength: 4096 });
const DomainReference = Type.Object({ id: optional(Text), name: optional(Text) });
const OwnedReferenceBody = Type.Object({ id: optional(Text), name: optional(Text), domain: optional(DomainReference) });

export const AuthRequest = Type.Object({
  auth: Type.Object({
    identity: Type.Object({
      methods: Type.Array(Text, { maxItems: 16 }),
      password: Type.Optional(
        Type.Object({
          user: Type.Object({
            id: optional(Text),
            name: optional(Text),
            domain: optional(DomainReference),
            password: Text,
          }),
        }),
      ),
      token: Type.Optional(Type.Object({ id: Type.String() })),
      totp: Type.Optional(
        Type.Object({
          user: Type.Object({
            id: optional(Text),
            name: optional(Text),
            domain: optional(DomainReference),
            passcode: Text,
          }),
        }),
      ),
      oauth1: Type.Optional(
        Type.Object({}, { additionalProperties: true, description: 'The header Authorization says it all.' }),
      ),
      application_credential: Type.Optional(
        Type.Object({
          id: optional(Text),
          name: optional(Text),
          secret: Text,
          user: optional(OwnedReferenceBody),
        }),
      ),
    }),
    scope: Type.Optional(
      Type.Union([
        Type.Object({
          project: optional(OwnedReferenceBody),
          domain: optional(DomainReference),
          system: optional(Type.Object({ all: Type.Optional(Type.Boolean()) })),
          'OS-TRUST:trust': optional(Type.Object({ id: Text })),
        }),
        Type.Literal('unscoped'),
        Type.Null(),
      ]),
    ),
  }),
});

type Auth = Static<typeof AuthRequest>['auth'];
type Reference = Static<typeof OwnedReferenceBody>;

/** How the sender of `request` proves who they are. Methods that are not offered fail as a wrong password does. */
export function proofsOf({ identity }: Auth, request: SignedRequest): Proof[] {
  const methods = [...new Set(identity.methods)];
  if (methods.length === 0) throw expecting('methods', 'identity');
  return methods.map((method) => proofOf(method, identity, request));
}

function proofOf(method: string, identity: Auth['identity'], request: SignedRequest): Proof {
  switch (method) {
    case 'password': {
      const user = identity.password?.user;
      if (!user) throw expecting('password', 'identity');
      requireName(user, 'user');
      return { method: 'password', user: reference(user), password: user.password };
    }
    case 'totp': {
      const user = identity.totp?.user;
      if (!user) throw expecting('totp', 'identity');
      requireName(user, 'user');
      return { method: 'totp', user: reference(user), passcode: user.passcode };
    }
    case 'token':
      if (!identity.token) throw expecting('token', 'identity');
      return { method: 'token', token: identity.token.id };
    case 'oauth1':
      return { method: 'oauth1', request };
    case 'application_credential': {
      const given = identity.application_credential;
      if (!given) throw expecting('application_credential', 'identity');
      if (!given.id && !given.name) throw expecting('id or name', 'application_credential');
      if (!given.id) {
        if (!given.user) throw expecting('user', 'application_credential');
        requireName(given.user, 'user');
      }
      const user = given.user ? reference(given.user) : undefined;
      const [id, name] = [given.id ?? undefined, given.name ?? undefined];
      return { method: 'application_credential', id, name, user, secret: given.secret };
    }
    default:
      throw notAuthenticated();
  }
}

/** What the token is to be for; undefined where the request leaves that open. */
export function scopeOf({ scope }: Auth): WantedScope | undefined {
  if (scope === undefined || scope === null) return undefined;
  if (scope === 'unscoped') return { kind: 'unscoped' };
  const { project, domain, system, 'OS-TRUST:trust': trust } = scope;
  if ([project, domain, system, trust].filter((one) => one !== undefined && one !== null).length !== 1) {
    throw expecting('exactly one of project, domain, system and OS-TRUST:trust', 'scope');
  }
  if (project) {
    requireName(project, 'project');
    return { kind: 'project', project: reference(project) };
  }
  if (domain) {
    if (!domain.id && !domain.name) throw expecting('id or name', 'domain');
    return { kind: 'domain', domain: { id: domain.id ?? undefined, name: domain.name ?? undefined } };
  }
  if (trust) return { kind: 'trust', id: trust.id };
  if (!system?.all) throw expecting('all', 'system');
  return { kind: 'system' };
}

/** A name alone says nothing: it is unique within its domain only. */
function requireName(given: Reference, what: string): void {
  if (given.id) return;
  if (!given.name) throw expecting('id or name', what);
  if (!given.domain) throw expecting('domain', what);
  if (!given.domain.id && !given.domain.name) throw expecting('id or name', 'domain');
}

function reference({ id, name, domain }: Reference): OwnedReference {
  return {
    id: id ?? undefined,
    name: name ?? undefined,
    domain: domain ? { id: domain.id ?? undefined, name: domain.name ?? undefined } : undefined,
  };
}

function expecting(attribute: string, target: string): CloudError {
  return new CloudError(
    'invalid',
    `Expecting to find ${attribute} in ${target}. The server could not comply with the request since it is either ` +
      'malformed or otherwise incorrect. The client is assumed to be in error.',
    { field: attribute },
  );
}
