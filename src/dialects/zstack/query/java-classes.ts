import type { FastifyRequest } from 'fastify';
import { Type as T, type TSchema } from 'typebox';
import { wantsSchema } from '../protocol/request-headers.ts';

/** Where the schema of an object says which of the server's classes it is of. */
const keyword = 'x-java-class';

/** For the schema of an object: of which class of the server it is, as `org.zstack.header.image.ImageInventory`. */
export function ofClass(name: string): Record<string, string> {
  return { [keyword]: name };
}

/** The member of answers that tells SDKs which classes stand in them. */
export const javaClassMap = T.Record(T.String(), T.String(), {
  description: 'Which Java class stands where in the answer, by path.',
});

/** An answer as its caller wants it: typed clients ask by a header for the classes of what stands in it. */
export function withJavaClasses(
  schema: TSchema | undefined,
  raw: FastifyRequest,
  body: Record<string, unknown>,
): Record<string, unknown> {
  return wantsSchema(raw) ? withClasses(schema, body) : body;
}

/** An answer with the classes of what stands in it, where the server has any for it. */
export function withClasses(schema: TSchema | undefined, body: Record<string, unknown>): Record<string, unknown> {
  const classes: Record<string, string> = {};
  if (schema) collect(schema as Schema, body, '', classes);
  return Object.keys(classes).length > 0 ? { ...body, schema: classes } : body;
}

interface Schema {
  [keyword]?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  patternProperties?: Record<string, Schema>;
  allOf?: Schema[];
  anyOf?: Schema[];
}

/** Those above come before those within them: clients replace the first, and then what the second are in. */
function collect(schema: Schema, value: unknown, path: string, classes: Record<string, string>): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    if (!schema.items) return;
    for (const [index, element] of value.entries()) collect(schema.items, element, `${path}[${index}]`, classes);
    return;
  }
  if (schema[keyword]) classes[path] = schema[keyword];
  const knowsAll = ({ properties = {} }: Schema) => Object.keys(value).every((name) => Object.hasOwn(properties, name));
  const meant = schema.anyOf?.find(knowsAll);
  for (const part of meant ? [meant] : (schema.allOf ?? [])) collect(part, value, path, classes);
  const [others] = Object.values(schema.patternProperties ?? {});
  for (const [name, member] of Object.entries(value)) {
    const of = Object.hasOwn(schema.properties ?? {}, name) ? schema.properties![name] : others;
    // Clients read dots and brackets as steps of the path.
    if (of && !/[.[]/.test(name)) collect(of, member, path ? `${path}.${name}` : name, classes);
  }
}
