import { Type as T } from 'typebox';
import type { InventoryDefinition } from '../../../cloud/query/inventory.ts';
import { image } from '../inventories/image.ts';
import { l2Network } from '../inventories/l2-network.ts';
import { ipRange, l3Network } from '../inventories/network.ts';
import { diskOffering, instanceOffering } from '../inventories/offering.ts';
import { cluster, host, zone } from '../inventories/places.ts';
import { securityGroup } from '../inventories/security-group.ts';
import { backupStorage } from '../inventories/storage.ts';
import { eipInventory, vip } from '../inventories/vip.ts';
import { vmInstance } from '../inventories/vm-instance.ts';
import { volume } from '../inventories/volume.ts';
import { volumeSnapshot } from '../inventories/volume-snapshot.ts';
import { syncOperation } from '../protocol/operation.ts';
import { ofClass } from '../query/java-classes.ts';
import { runQuery } from '../query/query.ts';
import { parseQuery } from '../query/query-parameters.ts';
import { vmExample } from './vm-examples.ts';

const named: ReadonlyArray<readonly [type: string, definition: InventoryDefinition]> = [
  ['VmInstanceVO', vmInstance],
  ['ImageVO', image],
  ['VolumeVO', volume],
  ['VolumeSnapshotVO', volumeSnapshot],
  ['L3NetworkVO', l3Network],
  ['IpRangeVO', ipRange],
  ['L2NetworkVO', l2Network],
  ['SecurityGroupVO', securityGroup],
  ['VipVO', vip],
  ['EipVO', eipInventory],
  ['InstanceOfferingVO', instanceOffering],
  ['DiskOfferingVO', diskOffering],
  ['BackupStorageVO', backupStorage],
  ['HostVO', host],
  ['ClusterVO', cluster],
  ['ZoneVO', zone],
];

const getResourceNames = syncOperation({
  id: 'GetResourceNames',
  group: 'Account',
  package: 'header.vo',
  method: 'GET',
  path: '/resources/names',
  since: '2.0',
  allow: 'reader',
  query: T.Object({ uuids: T.Array(T.String({ maxLength: 64 }), { maxItems: 200, description: 'The resources.' }) }),
  response: T.Object({
    inventories: T.Array(
      T.Object(
        { uuid: T.String(), resourceName: T.Optional(T.String()), resourceType: T.String() },
        ofClass('org.zstack.header.vo.ResourceInventory'),
      ),
    ),
  }),
  title: 'Get the names of resources',
  summary: 'Names and types of resources of any kind, as far as the caller may see them.',
  examples: [
    {
      title: 'A server’s',
      query: { uuids: vmExample.uuid },
      status: 200,
      response: { inventories: [{ uuid: vmExample.uuid, resourceName: 'web-1', resourceType: 'VmInstanceVO' }] },
    },
  ],
  handle: async ({ cloud, subject, input: { uuids } }) => {
    const query = parseQuery({ fields: 'uuid,name' });
    query.conditions.push({ path: ['uuid'], operator: '?=', value: '', list: uuids });
    const found = await Promise.all(
      named.map(async ([resourceType, definition]) => {
        const { inventories = [] } = await runQuery(cloud, definition, subject, query);
        return inventories.map(({ uuid, name }) => ({ uuid, resourceName: name, resourceType }));
      }),
    );
    return { inventories: found.flat() };
  },
});

const license = {
  licenseType: 'OpenSource',
  expired: false,
  expiredDate: 'Dec 31, 9999 11:59:59 PM',
  issuedDate: 'Jan 1, 2026 12:00:00 AM',
  user: 'everybody',
  prodInfo: 'Nothing of this cloud is locked by a licence.',
};

const getLicenseInfo = syncOperation({
  id: 'GetLicenseInfo',
  group: 'Licence',
  package: 'license',
  method: 'GET',
  path: '/licenses',
  since: '2.0',
  // Clients ask before they sign in.
  allow: 'anyone',
  response: T.Object({
    inventory: T.Object({
      licenseType: T.String(),
      expired: T.Boolean(),
      expiredDate: T.String(),
      issuedDate: T.String(),
      user: T.String(),
      prodInfo: T.String(),
    }),
    additions: T.Array(T.Unknown()),
  }),
  title: 'Get the licence',
  summary: 'There is none to get: nothing of this cloud is locked.',
  examples: [{ title: 'Get', status: 200, response: { inventory: license, additions: [] } }],
  handle: () => ({ inventory: license, additions: [] }),
});

export const factOperations = [getResourceNames, getLicenseInfo];
