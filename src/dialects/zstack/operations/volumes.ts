import { volume } from '../inventories/volume.ts';
import { queryOperations } from '../query/query-operations.ts';

export const volumeOperations = queryOperations(volume, {
  id: 'QueryVolume',
  group: 'Volume',
  package: 'header.volume',
  path: '/volumes',
  since: '0.6',
  title: 'Query volumes',
  example: {
    uuid: '0a5a3c9eb1ff41e8a09a3f3f8a3f2c77',
    name: 'ROOT-for-web-1',
    primaryStorageUuid: '6f1e2d3c4b5a49388271605f4e3d2c1b',
    vmInstanceUuid: '3b9c1c0f2a6d4f7e8f5a1d2c3b4e5f60',
    rootImageUuid: 'c019173f2b5742868058049be43033a1',
    type: 'Root',
    format: 'qcow2',
    size: 1073741824,
    actualSize: 196624,
    deviceId: 0,
    state: 'Enabled',
    status: 'Ready',
    isShareable: false,
    createDate: 'Nov 21, 2026 2:00:00 PM',
    lastOpDate: 'Nov 21, 2026 2:00:00 PM',
  },
});
