import { cephBackupStorage } from '../inventories/storage.ts';
import { queryOperations } from '../query/query-operations.ts';
import { backupStorageExample } from './backup-storage.ts';

const { url: _, ...common } = backupStorageExample;

/** Image stores that are pools of a Ceph cluster. */
export const cephBackupStorageOperations = queryOperations(cephBackupStorage, {
  id: 'QueryCephBackupStorage',
  group: 'Backup Storage',
  package: 'storage.ceph.backup',
  path: '/backup-storage/ceph',
  since: '0.6',
  title: 'Query Ceph backup storages',
  example: { ...common, name: 'pool-1', hostname: undefined, type: 'Ceph', poolName: 'images' },
});
