import { type TSchema, Type } from 'typebox';

export function nullable<Schema extends TSchema>(schema: Schema) {
  return Type.Union([schema, Type.Null()]);
}

/** A member that may be left out or null, which says the same. */
export function optional<Schema extends TSchema>(schema: Schema) {
  return Type.Optional(nullable(schema));
}

export const Name = Type.String({ minLength: 1, maxLength: 255 });
/** Of domains and projects. */
export const ShortName = Type.String({ minLength: 1, maxLength: 64 });
/** Keystone takes any text of this length for an id of another resource. */
export const Id = Type.String({ minLength: 1, maxLength: 64 });
export const Description = Type.String({ maxLength: 65535 });
/** Of domains, regions and limits. */
export const ShortDescription = Type.String({ maxLength: 255 });
/** Objects in which Keystone takes no member that it does not know. */
export const closed = { additionalProperties: false } as const;

export const SelfLink = Type.Object({ self: Type.String() });

const ListLinks = Type.Object({
  next: Type.Null(),
  self: Type.String(),
  previous: Type.Null(),
});

/** `{"users": [...], "links": {...}}` */
export function listDocument(key: string, item: TSchema) {
  return Type.Object({ [key]: Type.Array(item), links: ListLinks });
}

/** What Keystone calls resource options. */
export const OptionsView = Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true });
/** Texts of 255 characters at most, without `/` and `,`. */
export const Tag = Type.String({ minLength: 1, maxLength: 255, pattern: '^[^,/]*$' });
export const Tags = Type.Array(Tag, { maxItems: 80, uniqueItems: true });

/** What clients chose to have in it as well. */
const open = { additionalProperties: true } as const;

export const DomainView = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    description: Type.String(),
    enabled: Type.Boolean(),
    tags: Type.Array(Type.String()),
    options: OptionsView,
    links: SelfLink,
  },
  open,
);

export const ProjectView = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    domain_id: nullable(Type.String()),
    description: Type.String(),
    enabled: Type.Boolean(),
    parent_id: nullable(Type.String()),
    is_domain: Type.Boolean(),
    tags: Type.Array(Type.String()),
    options: OptionsView,
    links: SelfLink,
    parents: Type.Optional(Type.Unsafe<unknown>({})),
    subtree: Type.Optional(Type.Unsafe<unknown>({})),
  },
  open,
);

export const GroupView = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    domain_id: Type.String(),
    description: Type.String(),
    links: SelfLink,
  },
  open,
);

export const UserView = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    domain_id: Type.String(),
    enabled: Type.Boolean(),
    email: Type.Optional(Type.String()),
    description: Type.Optional(Type.String()),
    default_project_id: Type.Optional(Type.String()),
    password_expires_at: nullable(Type.String()),
    options: OptionsView,
    links: SelfLink,
  },
  open,
);

export const RoleView = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    domain_id: nullable(Type.String()),
    description: nullable(Type.String()),
    options: OptionsView,
    links: SelfLink,
  },
  open,
);

const NamedDomain = Type.Object({ id: Type.String(), name: Type.Optional(Type.String()) });
const Owned = Type.Object({
  id: Type.String(),
  name: Type.Optional(Type.String()),
  domain: Type.Optional(NamedDomain),
});

export const AssignmentView = Type.Object({
  links: Type.Object({ assignment: Type.String() }),
  role: Type.Object({ id: Type.String(), name: Type.Optional(Type.String()) }),
  user: Type.Optional(Owned),
  group: Type.Optional(Owned),
  scope: Type.Object({
    'OS-INHERIT:inherited_to': Type.Optional(Type.String()),
    project: Type.Optional(Owned),
    domain: Type.Optional(NamedDomain),
    system: Type.Optional(Type.Object({ all: Type.Boolean() })),
  }),
});

export const CatalogView = Type.Array(
  Type.Object({
    id: Type.String(),
    type: Type.String(),
    name: Type.String(),
    endpoints: Type.Array(
      Type.Object({
        id: Type.String(),
        interface: Type.String(),
        region: Type.String(),
        region_id: Type.String(),
        url: Type.String(),
      }),
    ),
  }),
);

/** What stands in the answer to a proof that is right as far as it goes. */
export const ReceiptDocument = Type.Object({
  receipt: Type.Object({
    methods: Type.Array(Type.String()),
    user: Type.Object({ id: Type.String(), name: Type.String(), domain: NamedDomain }),
    issued_at: Type.String(),
    expires_at: Type.String(),
  }),
  required_auth_methods: Type.Array(Type.Array(Type.String())),
});

export const TokenView = Type.Object({
  methods: Type.Array(Type.String()),
  user: Type.Object({
    id: Type.String(),
    name: Type.String(),
    domain: NamedDomain,
    password_expires_at: nullable(Type.String()),
  }),
  audit_ids: Type.Array(Type.String()),
  expires_at: Type.String(),
  issued_at: Type.String(),
  project: Type.Optional(Owned),
  domain: Type.Optional(NamedDomain),
  system: Type.Optional(Type.Object({ all: Type.Boolean() })),
  is_domain: Type.Optional(Type.Boolean()),
  roles: Type.Optional(Type.Array(Type.Object({ id: Type.String(), name: Type.String() }))),
  catalog: Type.Optional(CatalogView),
  'OS-TRUST:trust': Type.Optional(
    Type.Object({
      id: Type.String(),
      impersonation: Type.Boolean(),
      trustor_user: Type.Object({ id: Type.String() }),
      trustee_user: Type.Object({ id: Type.String() }),
    }),
  ),
  'OS-OAUTH1': Type.Optional(Type.Object({ access_token_id: Type.String(), consumer_id: Type.String() })),
  application_credential: Type.Optional(
    Type.Object({
      id: Type.String(),
      name: Type.String(),
      restricted: Type.Boolean(),
      access_rules: Type.Optional(
        Type.Array(
          Type.Object({ id: Type.String(), service: Type.String(), path: Type.String(), method: Type.String() }),
        ),
      ),
    }),
  ),
});
