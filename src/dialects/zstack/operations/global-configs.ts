import { globalConfig } from '../inventories/global-config.ts';
import { queryOperations } from '../query/query-operations.ts';

export const globalConfigOperations = queryOperations(globalConfig, {
  id: 'QueryGlobalConfig',
  group: 'Global Configuration',
  package: 'core.config',
  path: '/global-configurations',
  since: '0.6',
  title: 'Query global configurations',
  example: {
    category: 'image',
    name: 'deletionPolicy',
    value: 'Delay',
    defaultValue: 'Delay',
    description: 'Deleted images can be recovered for a time.',
  },
  byUuid: false,
});
