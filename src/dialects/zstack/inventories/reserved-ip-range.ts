import { column } from '../../../cloud/query/fields.ts';
import { defineInventory, seenWith } from '../../../cloud/query/inventory.ts';
import { commonFields } from './common.ts';

/** Addresses of a network that are given to nothing. */
export const reservedIpRange = defineInventory<'reserved_ip_ranges'>({
  name: 'ReservedIpRangeInventory',
  className: 'org.zstack.header.network.l3.ReservedIpRangeInventory',
  table: 'reserved_ip_ranges',
  fields: {
    uuid: commonFields.uuid,
    l3NetworkUuid: column('network_id', 'string', 'The network whose addresses they are.'),
    startIp: column('start_ip', 'string', 'The first address.'),
    endIp: column('end_ip', 'string', 'The last address.'),
    ipVersion: column('ip_version', 'int', '4 or 6.'),
    createDate: commonFields.createDate,
    lastOpDate: column('created_at', 'time', 'When it was created: it does not change.'),
  },
  relations: { l3Network: { to: 'L3NetworkInventory', local: 'l3NetworkUuid' } },
  visible: seenWith('L3NetworkInventory', 'network_id'),
});
