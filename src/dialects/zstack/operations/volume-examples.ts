/** The server that the examples attach volumes to. */
export const vmInstanceUuid = '3b9c1c0f2a6d4f7e8f5a1d2c3b4e5f60';

/** The data volume of the examples. */
export const volumeExample = {
  uuid: '7e6d5c4b3a2f41908f7e6d5c4b3a2f1e',
  name: 'data-1',
  primaryStorageUuid: '6f1e2d3c4b5a49388271605f4e3d2c1b',
  type: 'Data',
  format: 'qcow2',
  size: 1073741824,
  actualSize: 196624,
  state: 'Enabled',
  status: 'Ready',
  isShareable: false,
  createDate: 'Nov 21, 2026 2:00:00 PM',
  lastOpDate: 'Nov 21, 2026 2:00:00 PM',
};
