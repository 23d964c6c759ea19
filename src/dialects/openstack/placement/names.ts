import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { isResourceClass, knownTraits, resourceClasses, traitsOf } from './resources.ts';

const common = {
  dialect: 'placement',
  group: 'names',
  method: 'GET',
  mode: 'sync',
  allow: 'admin',
} as const;

const ClassSchema = Type.Object({
  name: Type.String(),
  links: Type.Array(Type.Object({ rel: Type.String(), href: Type.String() })),
});

function classView(name: string) {
  return { name, links: [{ rel: 'self', href: `/placement/resource_classes/${name}` }] };
}

/** The classes of resources and the traits that there are. */
export const nameOperations = [
  operation({
    ...common,
    id: 'ListResourceClasses',
    path: '/resource_classes',
    since: '1.2',
    responses: { 200: Type.Object({ resource_classes: Type.Array(ClassSchema) }) },
    errors: [401, 403],
    title: 'List resource classes',
    summary: 'What hosts have.',
    examples: [{ title: 'All', status: 200 }],
    handle: () => ({ body: { resource_classes: Object.keys(resourceClasses).map(classView) } }),
  }),
  operation({
    ...common,
    id: 'ShowResourceClass',
    path: '/resource_classes/{name}',
    since: '1.2',
    params: Type.Object({ name: Type.String() }),
    responses: { 200: ClassSchema },
    errors: [401, 403, 404],
    title: 'Show a resource class',
    summary: 'Whether there is such a resource.',
    examples: [{ title: 'By name', params: { name: 'VCPU' }, status: 200 }],
    handle({ params: { name } }) {
      if (isResourceClass(name)) return { body: classView(name) };
      throw new CloudError('not_found', `No such resource class ${name}.`, { resource: 'resource_class' });
    },
  }),
  operation({
    ...common,
    id: 'ListTraits',
    path: '/traits',
    since: '1.6',
    query: Type.Object({
      name: Type.Optional(Type.String({ description: '`in:A,B`, or `startswith:PREFIX`.' })),
      associated: Type.Optional(Type.String({ description: 'Whether some host has it.' })),
    }),
    responses: { 200: Type.Object({ traits: Type.Array(Type.String()) }) },
    errors: [400, 401, 403],
    title: 'List traits',
    summary: 'What may be true of hosts.',
    examples: [{ title: 'All', status: 200 }],
    async handle({ cloud, query: { name, associated } }) {
      const [kind, text] = name?.split(/:(.*)/s, 2) ?? [];
      if (name !== undefined && kind !== 'in' && kind !== 'startswith') {
        throw new CloudError('invalid', 'Badly formatted name parameter. Expected name query string parameter.');
      }
      const isNamed = (trait: string) =>
        name === undefined || (kind === 'in' ? text!.split(',').includes(trait) : trait.startsWith(text!));
      const held = associated === undefined ? undefined : new Set((await cloud.hosts.list()).flatMap(traitsOf));
      const wantsHeld = associated?.toLowerCase() === 'true';
      const traits = knownTraits.filter((trait) => isNamed(trait) && (!held || held.has(trait) === wantsHeld));
      return { body: { traits } };
    },
  }),
  operation({
    ...common,
    id: 'ShowTrait',
    path: '/traits/{name}',
    since: '1.6',
    params: Type.Object({ name: Type.String() }),
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Show a trait',
    summary: 'Whether there is such a trait.',
    examples: [{ title: 'By name', params: { name: 'COMPUTE_NODE' }, status: 204 }],
    handle({ params: { name } }) {
      if (knownTraits.includes(name)) return {};
      throw new CloudError('not_found', `No such trait: ${name}.`, { resource: 'trait' });
    },
  }),
];
