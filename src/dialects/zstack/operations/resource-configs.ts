import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import {
  type ResourceSetting,
  type ResourceSettingName,
  resourceSettings,
} from '../../../cloud/resource-settings/resource-settings.ts';
import { bindableConfigs, boundNumberOf, boundsOfBound, boundValueOf } from '../inventories/global-config.ts';
import { resourceConfig } from '../inventories/resource-config.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { classNameOf } from '../protocol/resource-types.ts';
import { formatTimestamp } from '../protocol/timestamp.ts';
import { invalidArgument, operationFailed } from '../protocol/zstack-error.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { ofClass } from '../query/java-classes.ts';
import { queryOperations } from '../query/query-operations.ts';

type Config = (typeof bindableConfigs)[number];
interface Asked {
  category: string;
  name: string;
}

const group = 'Resource Configuration';
const shared = { group, package: 'resourceconfig', since: '3.4.0' } as const;
const example = {
  uuid: 'c9d1b5f0a2e84b7c8d6e5f4a3b2c1d0e',
  resourceUuid: '8f3e1d2c4b5a49688776655443322110',
  resourceType: 'ClusterVO',
  category: 'host',
  name: 'cpu.overProvisioning.ratio',
  value: '4',
  description: 'How many virtual processors a host gives for each of its own.',
  createDate: 'Nov 21, 2026 2:00:00 PM',
  lastOpDate: 'Nov 21, 2026 2:00:00 PM',
};
const here = { category: example.category, name: example.name, resourceUuid: example.resourceUuid };

const category = T.String({ maxLength: 64, description: 'The part of the cloud.' });
const name = T.String({ maxLength: 255, description: 'The name of the configuration.' });
const value = T.String({ maxLength: 1024, description: 'What the resource shall have.' });
const resourceUuid = T.String({ maxLength: 64, description: 'The server, host, cluster or zone.' });
const schema = inventorySchema(resourceConfig);
const effectiveConfigs = T.Array(schema, {
  description: 'What the resource has, and what the places around it have, the nearest first.',
});
const struct = T.Object(
  { name: T.String(), value: T.String(), effectiveConfigs },
  ofClass('org.zstack.resourceconfig.ResourceConfigStruct'),
);

function configNamed({ category: part, name: wanted }: Asked): Config {
  const found = bindableConfigs.find((config) => config.category === part && config.name === wanted);
  if (found) return found;
  throw invalidArgument(`no resource config[category:${part}, name:${wanted}] found, nothing has one for itself`);
}

function inventoryOf(one: ResourceSetting): Record<string, unknown> {
  const config = bindableConfigs.find(({ bound }) => bound === one.setting)!;
  return {
    uuid: one.id,
    resourceUuid: one.resourceId,
    resourceType: classNameOf(one.resourceType),
    category: config.category,
    name: config.name,
    value: boundValueOf(config, one.value),
    description: config.description,
    createDate: formatTimestamp(one.createdAt),
    lastOpDate: formatTimestamp(one.updatedAt),
  };
}

/** What holds for the resource, of each of these: its own, or that of the nearest place, or the cloud's. */
async function holding(cloud: Cloud, subject: Subject, resource: string, configs: readonly Config[]) {
  const names = configs.map(({ bound }) => bound);
  const rows = await foundOnly(resource, () => cloud.resourceSettings.holdingFor(subject, resource, names));
  return configs.map((config) => {
    const own = rows.filter(({ setting }) => setting === config.bound);
    const nearest = own[0] ? boundValueOf(config, own[0].value) : config.value(cloud);
    return { name: config.name, value: nearest, effectiveConfigs: own.map(inventoryOf) };
  });
}

/** Sets what was asked for: all of it, or nothing. */
async function change(
  cloud: Cloud,
  subject: Subject,
  resource: string,
  wanted: ReadonlyArray<Asked & { value: string }>,
) {
  const values = new Map<ResourceSettingName, number>();
  for (const one of wanted) {
    const config = configNamed(one);
    const number = boundNumberOf(config, one.value);
    if (number === undefined) {
      throw wrongValue(
        one,
        config.words ? `valid values are [${config.words.join(', ')}]` : 'it must be a whole number',
      );
    }
    const { least, most } = boundsOfBound(config);
    if (number < least || number > most) throw wrongValue(one, `it must be in range of [${least}, ${most}]`);
    values.set(config.bound, number);
  }
  return await foundOnly(resource, () => cloud.resourceSettings.set(subject, resource, values));
}

function wrongValue({ category: part, name: wanted, value: given }: Asked & { value: string }, why: string) {
  return invalidArgument(`invalid value[${given}] of resource config[category:${part}, name:${wanted}], ${why}`);
}

/** Says in the dialect's words that there is no such resource, or that it can't have this for itself. */
async function foundOnly<Result>(resource: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (error.code === 'not_found') throw operationFailed(`cannot find resource[uuid: ${resource}]`);
    if (error.details.reason !== 'not_bindable') throw error;
    const config = bindableConfigs.find(({ bound }) => bound === error.details.field)!;
    const type = classNameOf(error.details.resource ?? '');
    const words = `ResourceConfig [category:${config.category}, name:${config.name}] cannot bind to resourceType: ${type}`;
    throw operationFailed(words);
  }
}

const updateResourceConfig = jobOperation({
  ...shared,
  id: 'UpdateResourceConfig',
  method: 'PUT',
  path: '/resource-configurations/{category}/{name}/{resourceUuid}/actions',
  allow: 'admin',
  params: T.Object({ category, name, resourceUuid }),
  body: T.Object({ value }),
  response: T.Object({ inventory: schema }),
  title: 'Give a resource a configuration of its own',
  summary:
    'From now on it holds for the resource, and for what is in it, instead of the cloud’s: what a server has wins over what its cluster has, and that over what its zone has.',
  examples: [
    {
      title: 'Four virtual processors for each that the hosts of a cluster have',
      params: here,
      body: { updateResourceConfig: { value: '4' } },
      status: 200,
      response: { inventory: example },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const [set] = await change(cloud, subject, input.resourceUuid, [input]);
    return { body: { inventory: inventoryOf(set!) } };
  },
});

const updateResourceConfigs = jobOperation({
  ...shared,
  id: 'UpdateResourceConfigs',
  method: 'POST',
  path: '/resource-configurations/{resourceUuid}/resource-configs/actions',
  since: '4.7.0',
  allow: 'admin',
  params: T.Object({ resourceUuid }),
  body: T.Object({
    resourceConfigs: T.Array(T.Object({ category, name, value }), {
      minItems: 1,
      maxItems: 100,
      description: 'The configurations: all of them are set, or none where one is wrong.',
    }),
  }),
  response: T.Object({ inventories: T.Array(struct) }),
  title: 'Give a resource configurations of its own',
  summary: 'As UpdateResourceConfig, several at once. The answer says what holds for the resource then.',
  examples: [
    {
      title: 'Keep the destroyed servers of a cluster for a day',
      params: { resourceUuid: example.resourceUuid },
      body: {
        params: {
          resourceConfigs: [
            { category: 'vm', name: 'deletionPolicy', value: 'Delay' },
            { category: 'vm', name: 'expungePeriod', value: '86400' },
          ],
        },
      },
      status: 200,
      response: {
        inventories: [
          { name: 'deletionPolicy', value: 'Delay', effectiveConfigs: [] },
          { name: 'expungePeriod', value: '86400', effectiveConfigs: [] },
        ],
      },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    await change(cloud, subject, input.resourceUuid, input.resourceConfigs);
    const configs = input.resourceConfigs.map(configNamed);
    return { body: { inventories: await holding(cloud, subject, input.resourceUuid, configs) } };
  },
});

const deleteResourceConfig = jobOperation({
  ...shared,
  id: 'DeleteResourceConfig',
  method: 'DELETE',
  path: '/resource-configurations/{category}/{name}/{resourceUuid}',
  allow: 'admin',
  params: T.Object({ category, name, resourceUuid }),
  title: 'Take a configuration of its own from a resource',
  summary: 'What the nearest place around it has holds then, or else the cloud’s.',
  examples: [{ title: 'Take it away', params: here, status: 200, response: {} }],
  handle: async ({ cloud, subject, input }) => {
    const { bound } = configNamed(input);
    await cloud.resourceSettings.remove(subject, input.resourceUuid, bound);
    return {};
  },
});

const getResourceConfig = syncOperation({
  ...shared,
  id: 'GetResourceConfig',
  method: 'GET',
  path: '/resource-configurations/{resourceUuid}/{category}/{name}',
  allow: 'reader',
  params: T.Object({ resourceUuid, category, name }),
  response: T.Object({ value: T.String({ description: 'What holds for the resource.' }), effectiveConfigs }),
  title: 'Get what holds for a resource',
  summary: 'Its own configuration, or that of the nearest place around it, or the cloud’s; and where it comes from.',
  examples: [
    { title: 'Of a cluster', params: here, status: 200, response: { value: '4', effectiveConfigs: [example] } },
  ],
  handle: async ({ cloud, subject, input }) => {
    const [one] = await holding(cloud, subject, input.resourceUuid, [configNamed(input)]);
    return { value: one!.value, effectiveConfigs: one!.effectiveConfigs };
  },
});

const getResourceConfigs = syncOperation({
  ...shared,
  id: 'GetResourceConfigs',
  method: 'GET',
  path: '/resource-configurations/{resourceUuid}/{category}',
  since: '4.7.0',
  allow: 'reader',
  params: T.Object({ resourceUuid, category }),
  query: T.Object({
    names: T.Array(T.String({ maxLength: 255 }), { minItems: 1, maxItems: 100, description: 'The configurations.' }),
  }),
  response: T.Object({ configs: T.Array(struct) }),
  title: 'Get what holds for a resource, several at once',
  summary: 'As GetResourceConfig, for several configurations of one category.',
  examples: [
    {
      title: 'One of a cluster',
      params: { resourceUuid: example.resourceUuid, category: example.category },
      query: { names: example.name },
      status: 200,
      response: { configs: [{ name: example.name, value: '4', effectiveConfigs: [example] }] },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const configs = input.names.map((one) => configNamed({ category: input.category, name: one }));
    return { configs: await holding(cloud, subject, input.resourceUuid, configs) };
  },
});

const bindable = {
  ...shared,
  method: 'GET',
  allow: 'reader',
  response: T.Object({
    bindableConfigs: T.Array(
      T.Object(
        {
          category: T.String(),
          name: T.String(),
          description: T.String(),
          bindResourceTypes: T.Array(T.String(), { description: 'What can have it, as VmInstanceVO.' }),
        },
        ofClass('org.zstack.resourceconfig.APIGetResourceBindableConfigReply$ResourceBindableConfigStruct'),
      ),
    ),
  }),
  title: 'List what resources may have for themselves',
  summary: 'The configurations, and which kinds of resources can have their own; the one named first wins.',
} as const;
const bindableExample = {
  category: example.category,
  name: example.name,
  description: example.description,
  bindResourceTypes: ['HostVO', 'ClusterVO', 'ZoneVO'],
};

function bindableOf(part: string | undefined) {
  const all = bindableConfigs.filter((config) => part === undefined || part === '' || config.category === part);
  return {
    bindableConfigs: all.map((config) => ({
      ...{ category: config.category, name: config.name, description: config.description },
      bindResourceTypes: resourceSettings[config.bound].of.map(classNameOf),
    })),
  };
}

const getResourceBindableConfig = syncOperation({
  ...bindable,
  id: 'GetResourceBindableConfig',
  path: '/resource-configurations/bindable',
  query: T.Object({ category: T.Optional(category) }),
  examples: [
    {
      title: 'Those about hosts',
      query: { category: 'host' },
      status: 200,
      response: { bindableConfigs: [bindableExample] },
    },
  ],
  handle: ({ input }) => bindableOf(input.category),
});

const getResourceBindableConfigByCategory = syncOperation({
  ...bindable,
  id: 'GetResourceBindableConfigByCategory',
  path: '/resource-configurations/bindable/{category}',
  params: T.Object({ category }),
  examples: [
    {
      title: 'Those about hosts',
      params: { category: 'host' },
      status: 200,
      response: { bindableConfigs: [bindableExample] },
    },
  ],
  handle: ({ input }) => bindableOf(input.category),
});

export const resourceConfigOperations = [
  updateResourceConfig,
  updateResourceConfigs,
  deleteResourceConfig,
  getResourceConfig,
  getResourceConfigs,
  getResourceBindableConfig,
  getResourceBindableConfigByCategory,
  ...queryOperations(resourceConfig, {
    id: 'QueryResourceConfig',
    group,
    package: 'resourceconfig',
    path: '/resource-configurations',
    since: '3.4.0',
    title: 'Query configurations of resources',
    example,
  }),
];
