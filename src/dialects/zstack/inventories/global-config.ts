import { sql } from 'kysely';
import { type ChangeableSetting, changeableSettings } from '../../../cloud/changed-settings.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import { computed } from '../../../cloud/query/fields.ts';
import { defineInventory, type Row } from '../../../cloud/query/inventory.ts';
import {
  type ResourceSettingName,
  resourceSettings,
  retentionWhereKept,
} from '../../../cloud/resource-settings/resource-settings.ts';

/** A setting of this cloud that ZStack's users know by name, with what it is here. */
export interface GlobalConfig {
  category: string;
  name: string;
  description: string;
  value(cloud: Cloud): string;
  defaultValue(cloud: Cloud): string;
  /** Which setting it changes, and to what; absent for those that can only be read. */
  change?: { setting: ChangeableSetting; numberOf(value: string, cloud: Cloud): number | undefined };
  /** What single resources may have instead; absent where nothing asks for it resource by resource. */
  bound?: ResourceSettingName;
  /** What it can be: words, or else a range of numbers. */
  words?: readonly string[];
}

const fixed = (category: string, name: string, value: string, description: string): GlobalConfig => ({
  ...{ category, name, description },
  value: () => value,
  defaultValue: () => value,
});

const seconds = (category: string, name: string, setting: ChangeableSetting, description: string): GlobalConfig => ({
  ...{ category, name, description },
  value: ({ settings }) => String(settings[setting]),
  defaultValue: ({ changedSettings }) => String(changedSettings.defaults[setting]),
  change: { setting, numberOf: wholeNumber },
});

function wholeNumber(value: string): number | undefined {
  return /^\d{1,10}$/.test(value) ? Number(value) : undefined;
}

/** By the number of the setting. */
const imagePolicies: readonly string[] = ['Direct', 'Delay', 'Never'];

/** By the number of what a resource has for itself. */
const serverPolicies: readonly string[] = ['Direct', 'Delay'];

const policyOf = (reclaimInterval: number) => serverPolicies[Number(reclaimInterval > 0)]!;

const globalConfigs: readonly GlobalConfig[] = [
  seconds('identity', 'session.timeout', 'sessionLifetime', 'How long a new session is good, seconds.'),
  fixed('identity', 'session.maxConcurrent', '500', 'Sessions that a user may have at once.'),
  {
    category: 'image',
    name: 'deletionPolicy',
    description:
      'Direct: the bytes of deleted images go at once. Delay: deleted images can be recovered for a time. Never: until ' +
      'somebody expunges them.',
    words: imagePolicies,
    value: ({ settings }) => imagePolicies[settings.imageDeletion]!,
    defaultValue: ({ changedSettings }) => imagePolicies[changedSettings.defaults.imageDeletion]!,
    change: {
      setting: 'imageDeletion',
      numberOf(value) {
        const number = imagePolicies.indexOf(value);
        return number < 0 ? undefined : number;
      },
    },
  },
  seconds('image', 'expungePeriod', 'imageRetention', 'How long deleted images are kept, seconds.'),
  {
    category: 'vm',
    name: 'deletionPolicy',
    description: 'Delay: destroyed servers can be recovered for a time. Direct: they are gone at once.',
    words: serverPolicies,
    bound: 'serverDeletion',
    value: ({ settings }) => policyOf(settings.reclaimInterval),
    defaultValue: ({ changedSettings }) => policyOf(changedSettings.defaults.reclaimInterval),
    change: {
      setting: 'reclaimInterval',
      numberOf(value, { settings, changedSettings }) {
        if (value === 'Direct') return 0;
        if (value !== 'Delay') return undefined;
        return retentionWhereKept(settings.reclaimInterval, changedSettings.defaults.reclaimInterval);
      },
    },
  },
  {
    ...seconds(
      'vm',
      'expungePeriod',
      'reclaimInterval',
      'How long destroyed servers are kept, seconds; 0 for not at all.',
    ),
    bound: 'serverRetention',
  },
  {
    ...seconds(
      'host',
      'cpu.overProvisioning.ratio',
      'cpuRatio',
      'How many virtual processors a host gives for each of its own.',
    ),
    bound: 'cpuRatio',
  },
  fixed('volume', 'deletionPolicy', 'Direct', 'Deleted volumes are gone at once.'),
];

export function globalConfigNamed(category: string, name: string): GlobalConfig | undefined {
  return globalConfigs.find((config) => config.category === category && config.name === name);
}

/** Those that single resources may have for themselves. */
export const bindableConfigs = globalConfigs.filter((config) => config.bound !== undefined) as ReadonlyArray<
  GlobalConfig & { bound: ResourceSettingName }
>;

/** The number that a resource would have for itself; undefined for what is none of its words, or no whole number. */
export function boundNumberOf({ words }: GlobalConfig, value: string): number | undefined {
  if (!words) return wholeNumber(value);
  return words.includes(value) ? words.indexOf(value) : undefined;
}

/** What a resource has for itself, in the dialect's words. */
export function boundValueOf({ words }: GlobalConfig, value: number): string {
  return words ? words[value]! : String(value);
}

/** The numbers that a resource's own can be. */
export function boundsOfBound({ bound }: { bound: ResourceSettingName }): { least: number; most: number } {
  return resourceSettings[bound];
}

/** One as clients see it. */
export function globalConfigInventory(cloud: Cloud, config: GlobalConfig) {
  const { category, name, description } = config;
  return { category, name, description, value: config.value(cloud), defaultValue: config.defaultValue(cloud) };
}

/** The numbers that a setting can be. */
export function boundsOf({ change }: GlobalConfig): { least: number; most: number } | undefined {
  return change && changeableSettings[change.setting];
}

export const globalConfig = defineInventory<'settings'>({
  name: 'GlobalConfigInventory',
  className: 'org.zstack.core.config.GlobalConfigInventory',
  table: 'settings',
  rows(cloud) {
    const selects = globalConfigs
      .map((config) => globalConfigInventory(cloud, config))
      .map(
        ({ category, name, value, defaultValue, description }) =>
          sql`select ${sql.lit(category)} as category, ${sql.lit(name)} as name, ${sql.lit(value)} as value,
            ${sql.lit(defaultValue)} as default_value, ${sql.lit(description)} as description`,
      );
    return sql`(${sql.join(selects, sql` union all `)})`;
  },
  fields: {
    category: computed('string', 'The part of the cloud.', (row) => member(row, 'category')),
    name: computed('string', 'The name.', (row) => member(row, 'name')),
    value: computed('string', 'What it is.', (row) => member(row, 'value')),
    defaultValue: computed('string', 'What it is when nobody has changed it.', (row) => member(row, 'default_value')),
    description: computed('string', 'What it means.', (row) => member(row, 'description')),
  },
});

function member(row: Row<'settings'>, name: string) {
  return row.column(name as never);
}
