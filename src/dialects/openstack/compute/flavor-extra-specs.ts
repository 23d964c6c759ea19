import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { checkExtraSpec } from './extra-spec-rules.ts';
import { exampleFlavor, FlavorParams } from './flavors.ts';
import { invalidField, minorOf } from './microversions.ts';
import { closed, flavorNamed } from './wire.ts';

const common = { dialect: 'compute', group: 'flavors', since: '2.1', mode: 'sync' } as const;
const Specs = Type.Record(Type.String(), Type.String());
const SpecParams = Type.Object({ ...FlavorParams.properties, key: Type.String() });
const exampleSpec = { ...exampleFlavor, key: 'hw:cpu_policy' };
const SpecValues = Type.Record(Type.String(), Type.Unsafe<string | number>({ type: ['string', 'number'] }));

async function specsOf(call: Call<{ flavor_id: string }>): Promise<Record<string, string>> {
  return (await flavorNamed(call, call.params.flavor_id)).extraSpecs;
}

/** Sets these specs and gives all of them as texts. */
async function setSpecs(call: Call<{ flavor_id: string }, object, unknown>, specs: Record<string, string | number>) {
  const texts = Object.fromEntries(Object.entries(specs).map(([key, value]) => [checkedKey(key), String(value)]));
  const { id } = await flavorNamed(call, call.params.flavor_id);
  if (minorOf(call.context) >= 86) for (const [name, value] of Object.entries(texts)) checkExtraSpec(name, value);
  await call.cloud.flavors.setExtraSpecs(call.subject, id, (all) => Object.assign(all, texts));
  return texts;
}

function checkedKey(key: string): string {
  if (/^[\w\- .:]{1,255}$/.test(key)) return key;
  throw invalidField('extra_specs', key, `'${key}' does not match '^[a-zA-Z0-9-_:. ]{1,255}$'`);
}

function noSuchSpec({ flavor_id, key }: { flavor_id: string; key: string }): CloudError {
  const words = `Flavor ${flavor_id} has no extra specs with key ${key}.`;
  return new CloudError('not_found', words, { resource: 'extra_specs' });
}

export const flavorExtraSpecOperations = [
  operation({
    ...common,
    id: 'ListFlavorExtraSpecs',
    method: 'GET',
    path: '/flavors/{flavor_id}/os-extra_specs',
    allow: 'reader',
    params: FlavorParams,
    responses: { 200: Type.Object({ extra_specs: Specs }) },
    errors: [401, 403, 404],
    title: 'List extra specs of a flavor',
    summary: 'What else a flavor says of its servers.',
    examples: [{ title: 'All', params: exampleFlavor, status: 200 }],
    handle: async (call) => ({ body: { extra_specs: await specsOf(call) } }),
  }),
  operation({
    ...common,
    id: 'CreateFlavorExtraSpecs',
    method: 'POST',
    path: '/flavors/{flavor_id}/os-extra_specs',
    allow: 'admin',
    params: FlavorParams,
    body: closed({ extra_specs: SpecValues }),
    responses: { 200: Type.Object({ extra_specs: Specs }) },
    errors: [400, 401, 403, 404],
    title: 'Create extra specs of a flavor',
    summary: 'Adds extra specs, or gives them other values. From 2.86 on those that Nova knows are checked.',
    examples: [
      { title: 'One', params: exampleFlavor, body: { extra_specs: { 'hw:cpu_policy': 'shared' } }, status: 200 },
    ],
    handle: async (call) => ({ body: { extra_specs: await setSpecs(call, call.body.extra_specs) } }),
  }),
  operation({
    ...common,
    id: 'ShowFlavorExtraSpec',
    method: 'GET',
    path: '/flavors/{flavor_id}/os-extra_specs/{key}',
    allow: 'reader',
    params: SpecParams,
    responses: { 200: Specs },
    errors: [401, 403, 404],
    title: 'Show an extra spec of a flavor',
    summary: 'One extra spec by its key.',
    examples: [{ title: 'By key', params: exampleSpec, status: 200 }],
    async handle(call) {
      const { key } = call.params;
      const specs = await specsOf(call);
      if (!Object.hasOwn(specs, key)) throw noSuchSpec(call.params);
      return { body: { [key]: specs[key]! } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateFlavorExtraSpec',
    method: 'PUT',
    path: '/flavors/{flavor_id}/os-extra_specs/{key}',
    allow: 'admin',
    params: SpecParams,
    body: SpecValues,
    responses: { 200: Specs },
    errors: [400, 401, 403, 404],
    title: 'Update an extra spec of a flavor',
    summary: 'Gives one extra spec another value.',
    examples: [{ title: 'By key', params: exampleSpec, body: { 'hw:cpu_policy': 'shared' }, status: 200 }],
    async handle(call) {
      const { key } = call.params;
      if (!Object.hasOwn(call.body, key) || Object.keys(call.body).length !== 1) {
        throw new CloudError('invalid', 'Request body and URI mismatch', { field: key });
      }
      return { body: await setSpecs(call, call.body) };
    },
  }),
  operation({
    ...common,
    id: 'DeleteFlavorExtraSpec',
    method: 'DELETE',
    path: '/flavors/{flavor_id}/os-extra_specs/{key}',
    allow: 'admin',
    params: SpecParams,
    responses: { 200: null },
    errors: [401, 403, 404],
    title: 'Delete an extra spec of a flavor',
    summary: 'Takes one extra spec away.',
    examples: [{ title: 'By key', params: exampleSpec, status: 200 }],
    async handle(call) {
      const { key, flavor_id } = call.params;
      const { id } = await flavorNamed(call, flavor_id);
      await call.cloud.flavors.setExtraSpecs(call.subject, id, (all) => {
        if (!Object.hasOwn(all, key)) throw noSuchSpec(call.params);
        delete all[key];
      });
      return {};
    },
  }),
];
