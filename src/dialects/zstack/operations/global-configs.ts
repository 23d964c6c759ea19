import { Type as T } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import {
  boundsOf,
  type GlobalConfig,
  globalConfig,
  globalConfigInventory,
  globalConfigNamed,
} from '../inventories/global-config.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { invalidArgument, ZStackError } from '../protocol/zstack-error.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { queryOperations } from '../query/query-operations.ts';

const group = 'Global Configuration';
const shared = { group, package: 'core.config', since: '0.6' } as const;
const example = {
  category: 'image',
  name: 'expungePeriod',
  value: '604800',
  defaultValue: '604800',
  description: 'How long deleted images are kept, seconds.',
};
const oneOfThem = T.Object({
  category: T.String({ maxLength: 64, description: 'The part of the cloud.' }),
  name: T.String({ maxLength: 255, description: 'The name of the configuration.' }),
});
const here = { category: example.category, name: example.name };

function configNamed({ category, name }: { category: string; name: string }): GlobalConfig {
  const found = globalConfigNamed(category, name);
  if (!found) throw invalidArgument(`Unable to find GlobalConfig[category: ${category}, name: ${name}]`);
  return found;
}

const updateGlobalConfig = jobOperation({
  ...shared,
  id: 'UpdateGlobalConfig',
  method: 'PUT',
  path: '/global-configurations/{category}/{name}/actions',
  allow: 'admin',
  params: oneOfThem,
  body: T.Object({ value: T.Optional(T.String({ maxLength: 1024, description: 'The new value.' })) }),
  response: T.Object({ inventory: inventorySchema(globalConfig) }),
  title: 'Change a global configuration',
  summary: 'Changes how the whole cloud does something, at once and for good. Those that can only be read say so.',
  examples: [
    {
      title: 'Keep deleted images for a day',
      params: here,
      body: { updateGlobalConfig: { value: '86400' } },
      status: 200,
      response: { inventory: { ...example, value: '86400' } },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const config = configNamed(input);
    const { category, name } = config;
    const value = input.value ?? config.defaultValue(cloud);
    if (value === config.value(cloud)) return { body: { inventory: globalConfigInventory(cloud, config) } };
    if (!config.change) {
      throw new ZStackError(
        'SYS.1014',
        `global config[category:${category}, name:${name}] can't be changed in this cloud`,
      );
    }
    const { setting, numberOf } = config.change;
    const wrong = (why: string) =>
      invalidArgument(`invalid value[${value}] of global config[category:${category}, name:${name}], ${why}`);
    const number = numberOf(value, cloud);
    if (number === undefined) {
      throw wrong(config.words ? `valid values are [${config.words.join(', ')}]` : 'it must be a whole number');
    }
    try {
      await cloud.changedSettings.set(subject, setting, number);
    } catch (error) {
      if (!(error instanceof CloudError) || error.details.reason !== 'out_of_range') throw error;
      const { least, most } = boundsOf(config)!;
      throw wrong(`it must be in range of [${least}, ${most}]`);
    }
    return { body: { inventory: globalConfigInventory(cloud, config) } };
  },
});

const resetGlobalConfig = jobOperation({
  ...shared,
  id: 'ResetGlobalConfig',
  method: 'PUT',
  path: '/global-configurations/actions',
  since: '3.1.0',
  allow: 'admin',
  title: 'Reset all global configurations',
  summary: 'Forgets what was changed of them: they are again what the cloud was started with.',
  examples: [{ title: 'Reset', body: { resetGlobalConfig: {} }, status: 200, response: {} }],
  handle: async ({ cloud, subject }) => {
    await cloud.changedSettings.reset(subject);
    return {};
  },
});

const getGlobalConfigOptions = syncOperation({
  ...shared,
  id: 'GetGlobalConfigOptions',
  method: 'GET',
  path: '/global-configurations/{category}/{name}',
  since: '4.4.0',
  allow: 'reader',
  params: oneOfThem,
  response: T.Object({
    options: T.Object({
      validValue: T.Optional(T.Array(T.String())),
      numberGreaterThanOrEqual: T.Optional(T.Integer()),
      numberLessThanOrEqual: T.Optional(T.Integer()),
    }),
  }),
  title: 'Get what a global configuration can be',
  summary: 'The words that it can be, or the least and the most.',
  examples: [
    {
      title: 'A time',
      params: here,
      status: 200,
      response: { options: { numberGreaterThanOrEqual: 0, numberLessThanOrEqual: 31536000 } },
    },
  ],
  handle: ({ cloud, input }) => {
    const config = configNamed(input);
    if (config.words) return { options: { validValue: [...config.words] } };
    const bounds = boundsOf(config);
    if (!bounds) return { options: { validValue: [config.value(cloud)] } };
    return { options: { numberGreaterThanOrEqual: bounds.least, numberLessThanOrEqual: bounds.most } };
  },
});

export const globalConfigOperations = [
  updateGlobalConfig,
  resetGlobalConfig,
  getGlobalConfigOptions,
  ...queryOperations(globalConfig, {
    id: 'QueryGlobalConfig',
    group,
    package: 'core.config',
    path: '/global-configurations',
    since: '0.6',
    title: 'Query global configurations',
    example,
    byUuid: false,
  }),
];
