import type { Definition } from '../../../cloud/images/metadefs.ts';
import { isoSeconds } from '../common/time.ts';

const times = ({ createdAt, updatedAt }: Definition) => ({
  created_at: isoSeconds(createdAt),
  updated_at: isoSeconds(updatedAt),
});

const selfOf = (namespace: string, kind: string, name: string) =>
  `/v2/metadefs/namespaces/${encodeURIComponent(namespace)}/${kind}/${encodeURIComponent(name)}`;

export function associationView(definition: Definition) {
  return { name: definition.name, ...definition.body, ...times(definition) };
}

export function objectView(definition: Definition, namespace: string) {
  return {
    required: [],
    properties: {},
    ...definition.body,
    name: definition.name,
    ...times(definition),
    self: selfOf(namespace, 'objects', definition.name),
    schema: '/v2/schemas/metadefs/object',
  };
}

export function propertyView(definition: Definition) {
  return { ...definition.body, name: definition.name };
}

/** Properties by their names. */
export function propertiesView(definitions: readonly Definition[]) {
  return Object.fromEntries(definitions.map((one) => [one.name, propertyView(one)]));
}

export function tagView(definition: Definition) {
  return { name: definition.name, ...times(definition) };
}
