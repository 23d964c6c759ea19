import { Type } from 'typebox';

const containerFormats = ['ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed'] as const;
const diskFormats = ['ami', 'ari', 'aki', 'vhd', 'vhdx', 'vmdk', 'raw', 'qcow2', 'vdi', 'iso', 'ploop'] as const;
export const visibilities = ['community', 'public', 'private', 'shared'] as const;

/** A type that may be null: a form that Python's clients and our serialiser both read. */
function orNull<T>(schema: object) {
  return Type.Unsafe<T | null>(schema);
}

const textOrNull = (more: object = {}) => orNull<string>({ type: ['string', 'null'], ...more });
const oneOfOrNull = (values: readonly string[]) =>
  orNull<string>({ type: ['string', 'null'], enum: [...values, null] });

/** The members of an image that its owner sets. Any other text member is a property of the owner's own. */
export const settable = {
  name: textOrNull({ maxLength: 255, description: 'What people call it; need not be unique.' }),
  visibility: Type.Union(
    visibilities.map((value) => Type.Literal(value)),
    { description: 'Who may use it. Only administrators make an image public.' },
  ),
  protected: Type.Boolean({ description: 'Whether it can not be deleted.' }),
  os_hidden: Type.Boolean({ description: 'Whether lists leave it out unless they ask for hidden ones.' }),
  container_format: oneOfOrNull(containerFormats),
  disk_format: oneOfOrNull(diskFormats),
  min_disk: Type.Integer({ minimum: 0, maximum: 2147483647, description: 'GiB of disk that a server from it needs.' }),
  min_ram: Type.Integer({ minimum: 0, maximum: 2147483647, description: 'MiB of memory that a server from it needs.' }),
  tags: Type.Array(Type.String({ maxLength: 255 })),
  owner: textOrNull({ maxLength: 255, description: 'Id of the project that it belongs to.' }),
};

/** What only the service sets: refused in requests. */
export const readOnly = {
  id: Type.String(),
  status: Type.String({
    description: 'queued, saving, importing, active, deactivated, killed.',
  }),
  checksum: textOrNull({ description: 'md5 of the data.' }),
  os_hash_algo: textOrNull({ description: 'The algorithm of os_hash_value.' }),
  os_hash_value: textOrNull({ description: 'A better digest of the data.' }),
  size: orNull<number>({ type: ['integer', 'null'], description: 'Bytes of the data.' }),
  virtual_size: orNull<number>({ type: ['integer', 'null'], description: 'Bytes of the disk that a guest sees.' }),
  created_at: Type.String(),
  updated_at: Type.String(),
  self: Type.String(),
  file: Type.String(),
  schema: Type.String(),
  stores: Type.Optional(Type.String({ description: 'The stores that have the data.' })),
};

/** Given with further text members: the image's own properties. */
export const ImageDocument = Type.Object(
  { ...settable, ...readOnly },
  { additionalProperties: Type.String(), title: 'image' },
);

export const ImagesDocument = Type.Object({
  images: Type.Array(ImageDocument),
  first: Type.String(),
  next: Type.Optional(Type.String()),
  schema: Type.String(),
});

/** The schema document that clients read to tell an image's base members from its own properties. */
export function imageSchemaDocument() {
  const readOnlyMembers = Object.entries(readOnly).map(([name, schema]) => [
    name,
    { ...schema, readOnly: name !== 'id' },
  ]);
  const extra = {
    direct_url: { type: 'string', readOnly: true, description: 'Not offered.' },
    locations: { type: 'array', items: { type: 'object' }, description: 'Not offered.' },
  };
  return {
    name: 'image',
    properties: { ...settable, ...Object.fromEntries(readOnlyMembers), ...extra },
    additionalProperties: { type: 'string' },
    links: [
      { rel: 'self', href: '{self}' },
      { rel: 'enclosure', href: '{file}' },
      { rel: 'describedby', href: '{schema}' },
    ],
  };
}

export function imagesSchemaDocument() {
  return {
    name: 'images',
    properties: {
      images: { type: 'array', items: imageSchemaDocument() },
      first: { type: 'string' },
      next: { type: 'string' },
      schema: { type: 'string' },
    },
    links: [
      { rel: 'first', href: '{first}' },
      { rel: 'next', href: '{next}' },
      { rel: 'describedby', href: '{schema}' },
    ],
  };
}
