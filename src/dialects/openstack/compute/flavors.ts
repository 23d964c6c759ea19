import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import type { Flavor } from '../../../cloud/flavors/flavors.ts';
import { badMarker, nextLinks, pageOf } from '../common/pagination.ts';
import { queryBoolean } from '../common/query.ts';
import { FlavorDetailList, FlavorDocument, FlavorList, flavorDetail, flavorSummary } from './flavors-view.ts';
import { invalidQuery, type KnownIn, knownMembers, minorOf } from './microversions.ts';
import {
  BooleanOrWord,
  booleanOf,
  closed,
  flavorIdView,
  flavorNamed,
  integerOf,
  lastOf,
  NumberOrText,
  type Of,
  type Query,
  queryText,
} from './wire.ts';

const common = { dialect: 'compute', group: 'flavors', since: '2.1', mode: 'sync' } as const;
export const FlavorParams = Type.Object({ flavor_id: Type.String() });
export const exampleFlavor = { flavor_id: '42' };

const FlavorQuery = Type.Object({
  limit: queryText('Flavors at most.'),
  marker: queryText('Id of the last flavor of the page before.'),
  is_public: queryText('Private ones, or `None` for all; for administrators.'),
  minDisk: queryText('GiB at least.'),
  minRam: queryText('MiB at least.'),
  sort_key: queryText('What to sort by; the id where none is said.'),
  sort_dir: queryText('`asc` or `desc`.'),
});

const sortKeys: Record<string, (flavor: Flavor) => number | string | boolean> = {
  flavorid: flavorIdView,
  id: flavorIdView,
  name: ({ name }) => name,
  memory_mb: ({ memoryMb }) => memoryMb,
  root_gb: ({ diskGb }) => diskGb,
  ephemeral_gb: ({ ephemeralGb }) => ephemeralGb,
  swap: ({ swapMb }) => swapMb,
  vcpus: ({ vcpus }) => vcpus,
  rxtx_factor: ({ rxtxFactor }) => rxtxFactor,
  disabled: ({ enabled }) => !enabled,
  is_public: ({ isPublic }) => isPublic,
  created_at: ({ createdAt }) => createdAt,
  updated_at: ({ updatedAt }) => updatedAt,
};

async function pageOfFlavors(call: Call) {
  const query = call.query as Query;
  const one = (name: string) => lastOf(query[name]);
  const page = pageOf('compute', query);
  const atLeast = (name: string) => wholeNumber(name, one(name));
  const [minDisk, minRam] = [atLeast('minDisk'), atLeast('minRam')];
  const all = await call.cloud.flavors.list(call.subject, { isPublic: publicness(one('is_public')) });
  const fitting = all.filter(
    ({ diskGb, memoryMb, enabled }) => diskGb >= minDisk && memoryMb >= minRam && (enabled || call.subject.isAdmin),
  );
  const sorted = inOrder(fitting, one('sort_key') ?? 'flavorid', one('sort_dir') ?? 'asc');
  const start = page.marker === undefined ? 0 : sorted.findIndex((flavor) => flavorIdView(flavor) === page.marker) + 1;
  if (page.marker !== undefined && start === 0) throw badMarker('compute', page.marker);
  const flavors = sorted.slice(start, start + page.limit!);
  const ends = flavors.map((flavor) => ({ id: flavorIdView(flavor) }));
  return { flavors, links: nextLinks('flavors', ends, page, { origin: call.origin, url: call.raw.url }) };
}

/** Words that count for this filter alone. */
const letters: Record<string, string> = { t: 'true', f: 'false', y: 'yes', n: 'no' };

/** Public ones, unless all or the others are asked for. */
function publicness(text: string | undefined): boolean | 'all' {
  if (text === undefined) return true;
  if (text.toLowerCase() === 'none') return 'all';
  const read = queryBoolean(letters[text.toLowerCase()] ?? text);
  if (read === undefined) throw invalidQuery('is_public', text, `Invalid is_public filter [${text}]`);
  return read;
}

function wholeNumber(name: string, text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\d{1,9}$/.test(text)) throw invalidQuery(name, text, `Invalid ${name} filter [${text}]`);
  return Number(text);
}

function inOrder(flavors: Flavor[], key: string, direction: string): Flavor[] {
  const sortValue = sortKeys[key];
  if (!sortValue) throw invalidQuery('sort_key', key, `'${key}' is not a key to sort by`);
  if (direction !== 'asc' && direction !== 'desc') {
    throw invalidQuery('sort_dir', direction, `'${direction}' is not one of ['asc', 'desc']`);
  }
  const compare = (a: Flavor, b: Flavor) => {
    const [x, y] = [sortValue(a), sortValue(b)];
    if (x === y) return a.id < b.id ? -1 : 1;
    return x < y ? -1 : 1;
  };
  return flavors.toSorted((a, b) => (direction === 'asc' ? compare(a, b) : compare(b, a)));
}

const FlavorDescription = Type.Unsafe<string | null>({
  type: ['string', 'null'],
  maxLength: 65535,
  description: 'From 2.55 on.',
});
const NewFlavor = closed({
  name: Type.String({ minLength: 1, maxLength: 255 }),
  id: Type.Optional(
    Type.Unsafe<string | number | null>({
      type: ['string', 'integer', 'null'],
      minLength: 1,
      maxLength: 255,
      description: 'Free text; a UUID is chosen where there is none, or where it is `auto`.',
    }),
  ),
  ram: NumberOrText,
  vcpus: NumberOrText,
  disk: NumberOrText,
  swap: Type.Optional(NumberOrText),
  rxtx_factor: Type.Optional(Type.Unsafe<number | string>({ type: ['number', 'string'] })),
  'OS-FLV-EXT-DATA:ephemeral': Type.Optional(NumberOrText),
  'os-flavor-access:is_public': Type.Optional(BooleanOrWord),
  description: Type.Optional(FlavorDescription),
});
const knownIn: { [K in keyof Of<typeof NewFlavor>]?: KnownIn } = { description: [55] };

export const flavorOperations = [
  operation({
    ...common,
    id: 'ListFlavors',
    method: 'GET',
    path: '/flavors',
    allow: 'reader',
    query: FlavorQuery,
    responses: { 200: FlavorList },
    errors: [400, 401, 403],
    title: 'List flavors',
    summary: 'Ids, names and links of the sizes that servers can have.',
    examples: [{ title: 'All', status: 200 }],
    async handle(call) {
      const { flavors, links } = await pageOfFlavors(call as Call);
      return {
        body: { flavors: flavors.map((flavor) => flavorSummary(flavor, call.base, minorOf(call.context))), ...links },
      };
    },
  }),
  operation({
    ...common,
    id: 'ListFlavorsDetails',
    method: 'GET',
    path: '/flavors/detail',
    allow: 'reader',
    query: FlavorQuery,
    responses: { 200: FlavorDetailList },
    errors: [400, 401, 403],
    title: 'List flavors with details',
    summary: 'The sizes that servers can have.',
    examples: [
      { title: 'All', status: 200 },
      { title: 'Large ones', query: { minRam: '4096', minDisk: '40' }, status: 200 },
    ],
    async handle(call) {
      const { flavors, links } = await pageOfFlavors(call as Call);
      return {
        body: { flavors: flavors.map((flavor) => flavorDetail(flavor, call.base, minorOf(call.context))), ...links },
      };
    },
  }),
  operation({
    ...common,
    id: 'ShowFlavor',
    method: 'GET',
    path: '/flavors/{flavor_id}',
    allow: 'reader',
    params: FlavorParams,
    responses: { 200: FlavorDocument },
    errors: [401, 403, 404],
    title: 'Show a flavor',
    summary: 'One size that servers can have.',
    examples: [{ title: 'By id', params: exampleFlavor, status: 200 }],
    async handle(call) {
      const flavor = await flavorNamed(call, call.params.flavor_id);
      return { body: { flavor: flavorDetail(flavor, call.base, minorOf(call.context)) } };
    },
  }),
  operation({
    ...common,
    id: 'CreateFlavor',
    method: 'POST',
    path: '/flavors',
    allow: 'admin',
    body: closed({ flavor: NewFlavor }),
    responses: { 200: FlavorDocument },
    errors: [400, 401, 403, 409],
    title: 'Create a flavor',
    summary: 'Makes a size that servers can have.',
    examples: [
      {
        title: 'A small one',
        body: { flavor: { name: 'c1.small', ram: 1024, vcpus: 2, disk: 10, id: 'c1.small' } },
        status: 200,
      },
    ],
    async handle(call) {
      const flavor = knownMembers(call.context, 'flavor', call.body.flavor, knownIn);
      const id = flavor.id === null || flavor.id === undefined || flavor.id === 'auto' ? undefined : String(flavor.id);
      const made = await call.cloud.flavors.create({
        id,
        name: flavor.name,
        description: flavor.description,
        memoryMb: integerOf('ram', flavor.ram, 1),
        vcpus: integerOf('vcpus', flavor.vcpus, 1),
        diskGb: integerOf('disk', flavor.disk, 0),
        swapMb: integerOf('swap', flavor.swap ?? 0, 0),
        ephemeralGb: integerOf('OS-FLV-EXT-DATA:ephemeral', flavor['OS-FLV-EXT-DATA:ephemeral'] ?? 0, 0),
        rxtxFactor: Number(flavor.rxtx_factor ?? 1),
        isPublic: booleanOf('os-flavor-access:is_public', flavor['os-flavor-access:is_public'] ?? true),
      });
      return { body: { flavor: flavorDetail(made, call.base, minorOf(call.context)) } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateFlavor',
    method: 'PUT',
    path: '/flavors/{flavor_id}',
    since: '2.55',
    allow: 'admin',
    params: FlavorParams,
    body: closed({ flavor: closed({ description: FlavorDescription }) }),
    responses: { 200: FlavorDocument },
    errors: [400, 401, 403, 404],
    title: 'Update a flavor',
    summary: 'Changes the description of a flavor. All else of it stays.',
    examples: [
      { title: 'A description', params: exampleFlavor, body: { flavor: { description: 'For tests' } }, status: 200 },
    ],
    async handle(call) {
      const { id } = await flavorNamed(call, call.params.flavor_id);
      const flavor = await call.cloud.flavors.setDescription(call.subject, id, call.body.flavor.description);
      return { body: { flavor: flavorDetail(flavor, call.base, minorOf(call.context)) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteFlavor',
    method: 'DELETE',
    path: '/flavors/{flavor_id}',
    allow: 'admin',
    params: FlavorParams,
    responses: { 202: null },
    errors: [401, 403, 404],
    title: 'Delete a flavor',
    summary: 'No new servers can be made of it. Those that have it keep it.',
    examples: [{ title: 'By id', params: exampleFlavor, status: 202 }],
    async handle(call) {
      const { id } = await flavorNamed(call, call.params.flavor_id);
      await call.cloud.flavors.delete(call.subject, id);
      return {};
    },
  }),
];
