const dates = { createDate: 'Nov 21, 2026 2:00:00 PM', lastOpDate: 'Nov 21, 2026 2:00:00 PM' };

export const ruleExample = {
  uuid: 'c3d4e5f60718429394a5b6c7d8e9f001',
  securityGroupUuid: 'd4e5f6071829434f85b6c7d8e9f00112',
  type: 'Ingress',
  protocol: 'TCP',
  state: 'Enabled',
  priority: 1,
  ipVersion: 4,
  startPort: 22,
  endPort: 22,
  dstPortRange: '22',
  allowedCidr: '0.0.0.0/0',
  srcIpRange: '0.0.0.0/0',
  action: 'ACCEPT',
  ...dates,
};

export const groupExample = {
  uuid: ruleExample.securityGroupUuid,
  name: 'web',
  state: 'Enabled',
  ipVersion: 4,
  vSwitchType: 'LinuxBridge',
  rules: [ruleExample],
  attachedL3NetworkUuids: [],
  ...dates,
};
