import { Type as T } from 'typebox';

/** A uuid as the dialect writes it: version 4, lower case, without dashes. */
export const uuidPattern = '^[0-9a-f]{12}[1-5][0-9a-f]{3}[89ab][0-9a-f]{15}$';

/** Fields that most operations have, with the dialect's own limits. */
export const nameField = T.String({ minLength: 1, maxLength: 255, description: 'The name.' });
export const optionalName = T.Optional(T.String({ minLength: 1, maxLength: 255, description: 'The name.' }));
export const descriptionField = T.Optional(T.String({ maxLength: 2048, description: 'A description.' }));
export const resourceUuidField = T.Optional(
  T.String({ pattern: uuidPattern, description: 'The uuid that the new resource shall have; made up where left out.' }),
);
export const tagUuidsField = T.Optional(
  T.Array(T.String({ maxLength: 64 }), { maxItems: 100, description: 'The tag patterns that it shall have a tag of.' }),
);

/** Why a part of what was asked for failed, where an answer tells of several parts. */
export const errorSchema = T.Object({ code: T.String(), description: T.String(), details: T.String() });

/** A path parameter that names a resource. */
export const uuidIn = <Name extends string>(name: Name, description: string) =>
  T.Object({ [name]: T.String({ maxLength: 64, description }) } as Record<Name, ReturnType<typeof T.String>>);

export const uuidField = (description: string) => T.Optional(T.String({ maxLength: 64, description }));
export const uuidListField = (description: string) =>
  T.Optional(T.Array(T.String({ maxLength: 64 }), { minItems: 1, maxItems: 100, description }));

/** One of some words; an empty text counts as not given. */
export const oneOfField = <const Words extends readonly string[]>(words: Words, description: string) =>
  T.Optional(T.Unsafe<Words[number]>({ type: 'string', enum: [...words], description }));

export const booleanField = (description: string) => T.Optional(T.Boolean({ description }));
export const textField = (description: string, maxLength = 255) => T.Optional(T.String({ maxLength, description }));

export const platforms = ['Linux', 'Windows', 'Other', 'Paravirtualization', 'WindowsVirtio'] as const;
export const architectures = ['x86_64', 'aarch64', 'mips64el', 'loongarch64'] as const;
export const stateEventField = T.Unsafe<'enable' | 'disable'>({
  type: 'string',
  enum: ['enable', 'disable'],
  description: 'enable or disable.',
});
