/** The image of the examples. */
export const imageExample = {
  uuid: 'c019173f2b5742868058049be43033a1',
  name: 'TinyLinux',
  state: 'Enabled',
  status: 'Ready',
  size: 67108864,
  actualSize: 21495808,
  md5Sum: '1cc41e5e5c8f2b8ec2bbdb0bbd6d0c4e',
  url: 'http://192.168.1.20/share/images/tinylinux.qcow2',
  mediaType: 'RootVolumeTemplate',
  guestOsType: 'Linux',
  type: 'zstack',
  platform: 'Linux',
  architecture: 'x86_64',
  format: 'qcow2',
  system: false,
  virtio: true,
  createDate: 'Nov 21, 2026 2:00:00 PM',
  lastOpDate: 'Nov 21, 2026 2:00:00 PM',
  backupStorageRefs: [
    {
      id: 1795269600000000,
      imageUuid: 'c019173f2b5742868058049be43033a1',
      backupStorageUuid: '609d29fb59ee414f90cedbc3a71038c6',
      installPath: 'dir://default/c019173f2b5742868058049be43033a1',
      status: 'Ready',
      createDate: 'Nov 21, 2026 2:00:00 PM',
      lastOpDate: 'Nov 21, 2026 2:00:00 PM',
    },
  ],
  systemTags: [],
};

export const backupStorageUuid = '609d29fb59ee414f90cedbc3a71038c6';
