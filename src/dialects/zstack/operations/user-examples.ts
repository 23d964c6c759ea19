const accountUuid = '1f0d9c8b7a694857b6a5948372615040';
const times = { createDate: 'Nov 21, 2026 2:00:00 PM', lastOpDate: 'Nov 21, 2026 2:00:00 PM' };

/** A user, a group and a policy as the examples show them. */
export const userExample = {
  uuid: '5b1c7d0e3f2a4b6c8d9e0f1a2b3c4d5e',
  accountUuid,
  name: 'dev',
  description: 'builds images',
  ...times,
};

export const userGroupExample = { uuid: '6c2d8e1f4a3b4c7d9eaf1b2c3d4e5f60', accountUuid, name: 'builders', ...times };

export const policyExample = {
  uuid: '7d3e9f2a5b4c4d8eafb02c3d4e5f6071',
  accountUuid,
  name: 'images',
  statements: [
    { effect: 'Allow', actions: ['org.zstack.header.image.**'] },
    { effect: 'Deny', actions: ['org.zstack.header.image.APIExpungeImageMsg'] },
  ],
  ...times,
};
