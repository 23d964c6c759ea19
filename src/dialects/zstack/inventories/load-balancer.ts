import { type SqlBool, sql } from 'kysely';
import { column, computed, constant } from '../../../cloud/query/fields.ts';
import { defineInventory, type Row, seenWith, type Viewer } from '../../../cloud/query/inventory.ts';
import { commonFields } from './common.ts';

type Owned = 'load_balancers' | 'load_balancer_listeners' | 'load_balancer_pools' | 'certificates';

const ofProject = (row: Row<Owned>, { projectId = '' }: Viewer) =>
  sql<SqlBool>`${row.column('project_id')} = ${projectId}`;

/** Interfaces get connections while their server runs. */
const memberStatus = (row: Row<'load_balancer_members'>) =>
  sql`(case when exists (select 1 from ports as p join servers as s on s.id = p.device_id
    where p.id = ${row.column('port_id')} and s.vm_state = 'active') then 'Active' else 'Inactive' end)`;

const memberTimes = {
  createDate: column<'load_balancer_members'>('created_at', 'time', 'When it was added.'),
  lastOpDate: column<'load_balancer_members'>('updated_at', 'time', 'When it was last changed.'),
};

/** An interface that gets what comes to a listener, whichever of its server groups has it. */
const listenerNic = defineInventory<'load_balancer_members'>({
  name: 'LoadBalancerListenerVmNicRefInventory',
  className: 'org.zstack.network.service.lb.LoadBalancerListenerVmNicRefInventory',
  table: 'load_balancer_members',
  // The id of the listener stands where the member's own would.
  rows: () => sql`(select lp.listener_id as id, m.port_id, m.created_at, m.updated_at
    from load_balancer_members as m join load_balancer_listener_pools as lp on lp.pool_id = m.pool_id
    where m.port_id is not null)`,
  fields: {
    listenerUuid: column('id', 'string', 'The listener.'),
    vmNicUuid: column('port_id', 'string', 'The interface.'),
    status: computed('string', 'Active while its server runs, else Inactive.', memberStatus),
    ...memberTimes,
  },
  relations: {
    vmNic: { to: 'VmNicInventory', local: 'vmNicUuid' },
    listener: { to: 'LoadBalancerListenerInventory', local: 'listenerUuid' },
  },
  visible: seenWith('LoadBalancerListenerInventory', 'id'),
});

/** A server group that a listener has. */
const listenerServerGroup = defineInventory<'load_balancer_listener_pools'>({
  name: 'LoadBalancerListenerServerGroupRefInventory',
  className: 'org.zstack.network.service.lb.LoadBalancerListenerServerGroupRefInventory',
  table: 'load_balancer_listener_pools',
  fields: {
    listenerUuid: column('listener_id', 'string', 'The listener.'),
    serverGroupUuid: column('pool_id', 'string', 'The server group.'),
    createDate: column('created_at', 'time', 'When it was added.'),
    lastOpDate: column('created_at', 'time', 'The same.'),
  },
  relations: {
    group: { to: 'LoadBalancerServerGroupInventory', local: 'serverGroupUuid' },
    listener: { to: 'LoadBalancerListenerInventory', local: 'listenerUuid' },
  },
  visible: seenWith('LoadBalancerListenerInventory', 'listener_id'),
});

/** The certificate of a listener. */
const listenerCertificate = defineInventory<'load_balancer_listeners'>({
  name: 'LoadBalancerListenerCertificateRefInventory',
  className: 'org.zstack.network.service.lb.LoadBalancerListenerCertificateRefInventory',
  table: 'load_balancer_listeners',
  fields: {
    listenerUuid: column('id', 'string', 'The listener.'),
    certificateUuid: column('certificate_id', 'string', 'The certificate.'),
    createDate: column('certified_at', 'time', 'When it was added.'),
    lastOpDate: column('certified_at', 'time', 'The same.'),
  },
  relations: {
    certificate: { to: 'CertificateInventory', local: 'certificateUuid' },
    listener: { to: 'LoadBalancerListenerInventory', local: 'listenerUuid' },
  },
  scope: (row) => sql`${row.column('certificate_id')} is not null`,
  visible: ofProject,
});

export const loadBalancerListener = defineInventory<'load_balancer_listeners'>({
  name: 'LoadBalancerListenerInventory',
  className: 'org.zstack.network.service.lb.LoadBalancerListenerInventory',
  table: 'load_balancer_listeners',
  fields: {
    ...commonFields,
    loadBalancerUuid: column('load_balancer_id', 'string', 'The load balancer.'),
    instancePort: column('member_port', 'int', 'The port of the servers.'),
    loadBalancerPort: column('port', 'int', 'The port outside.'),
    protocol: column('protocol', 'string', 'tcp, http or https.'),
    serverGroupUuid: column('own_pool_id', 'string', 'The server group of interfaces that were added to it itself.'),
  },
  lists: {
    vmNicRefs: {
      of: listenerNic,
      local: 'uuid',
      foreign: 'listenerUuid',
      description: 'The interfaces that get what comes.',
    },
    certificateRefs: {
      of: listenerCertificate,
      local: 'uuid',
      foreign: 'listenerUuid',
      description: 'Of https: its certificate.',
    },
    serverGroupRefs: {
      of: listenerServerGroup,
      local: 'uuid',
      foreign: 'listenerUuid',
      description: 'The server groups that get what comes.',
    },
  },
  relations: {
    loadBalancer: { to: 'LoadBalancerInventory', local: 'loadBalancerUuid' },
    certificate: { to: 'LoadBalancerListenerCertificateRefInventory', local: 'uuid', foreign: 'listenerUuid' },
    vmNic: { to: 'LoadBalancerListenerVmNicRefInventory', local: 'uuid', foreign: 'listenerUuid' },
    serverGroup: {
      to: 'LoadBalancerServerGroupInventory',
      through: { table: 'load_balancer_listener_pools', near: 'listener_id', far: 'pool_id' },
    },
  },
  visible: ofProject,
});

export const loadBalancer = defineInventory<'load_balancers'>({
  name: 'LoadBalancerInventory',
  className: 'org.zstack.network.service.lb.LoadBalancerInventory',
  table: 'load_balancers',
  fields: {
    ...commonFields,
    state: constant('Enabled', 'string', 'Always Enabled.'),
    type: constant('Shared', 'string', 'Always Shared: routers serve it.'),
    vipUuid: column('floating_ip_id', 'string', 'The address outside.'),
  },
  lists: {
    listeners: {
      of: loadBalancerListener,
      local: 'uuid',
      foreign: 'loadBalancerUuid',
      description: 'The ports outside, and whom what comes there is given to.',
    },
  },
  relations: { vip: { to: 'VipInventory', local: 'vipUuid' } },
  visible: ofProject,
});

const serverGroupNic = defineInventory<'load_balancer_members'>({
  name: 'LoadBalancerServerGroupVmNicRefInventory',
  className: 'org.zstack.network.service.lb.LoadBalancerServerGroupVmNicRefInventory',
  table: 'load_balancer_members',
  fields: {
    serverGroupUuid: column('pool_id', 'string', 'The server group.'),
    vmNicUuid: column('port_id', 'string', 'The interface.'),
    weight: column('weight', 'long', 'How much it gets, from 0 to 100, where the listener heeds that.'),
    ipVersion: constant(4, 'int', 'Always 4.'),
    status: computed('string', 'Active while its server runs, else Inactive.', memberStatus),
    ...memberTimes,
  },
  relations: {
    vmNic: { to: 'VmNicInventory', local: 'vmNicUuid' },
    group: { to: 'LoadBalancerServerGroupInventory', local: 'serverGroupUuid' },
  },
  scope: (row) => sql`${row.column('port_id')} is not null`,
  visible: seenWith('LoadBalancerServerGroupInventory', 'pool_id'),
});

const serverGroupIp = defineInventory<'load_balancer_members'>({
  name: 'LoadBalancerServerGroupServerIpInventory',
  className: 'org.zstack.network.service.lb.LoadBalancerServerGroupServerIpInventory',
  table: 'load_balancer_members',
  fields: {
    serverGroupUuid: column('pool_id', 'string', 'The server group.'),
    ipAddress: column('ip_address', 'string', 'The address.'),
    weight: column('weight', 'long', 'How much it gets, from 0 to 100, where the listener heeds that.'),
    status: constant('Active', 'string', 'Always Active: what is there is not known.'),
    ...memberTimes,
  },
  relations: { group: { to: 'LoadBalancerServerGroupInventory', local: 'serverGroupUuid' } },
  scope: (row) => sql`${row.column('ip_address')} is not null`,
  visible: seenWith('LoadBalancerServerGroupInventory', 'pool_id'),
});

export const loadBalancerServerGroup = defineInventory<'load_balancer_pools'>({
  name: 'LoadBalancerServerGroupInventory',
  className: 'org.zstack.network.service.lb.LoadBalancerServerGroupInventory',
  table: 'load_balancer_pools',
  fields: {
    ...commonFields,
    loadBalancerUuid: column('load_balancer_id', 'string', 'The load balancer.'),
    ipVersion: constant(4, 'int', 'Always 4.'),
  },
  lists: {
    listenerServerGroupRefs: {
      of: listenerServerGroup,
      local: 'uuid',
      foreign: 'serverGroupUuid',
      description: 'The listeners that have it.',
    },
    serverIps: {
      of: serverGroupIp,
      local: 'uuid',
      foreign: 'serverGroupUuid',
      description: 'The addresses that get connections.',
    },
    vmNicRefs: {
      of: serverGroupNic,
      local: 'uuid',
      foreign: 'serverGroupUuid',
      description: 'The interfaces that get connections.',
    },
  },
  relations: {
    loadBalancer: { to: 'LoadBalancerInventory', local: 'loadBalancerUuid' },
    vmNic: { to: 'LoadBalancerServerGroupVmNicRefInventory', local: 'uuid', foreign: 'serverGroupUuid' },
    listener: {
      to: 'LoadBalancerListenerInventory',
      through: { table: 'load_balancer_listener_pools', near: 'pool_id', far: 'listener_id' },
    },
  },
  visible: ofProject,
});

export const certificate = defineInventory<'certificates'>({
  name: 'CertificateInventory',
  className: 'org.zstack.network.service.lb.CertificateInventory',
  table: 'certificates',
  fields: {
    ...commonFields,
    certificate: column('chain', 'string', 'The certificate, and those that vouch for it, in PEM; never its key.'),
  },
  lists: {
    listeners: {
      of: listenerCertificate,
      local: 'uuid',
      foreign: 'certificateUuid',
      description: 'The listeners that have it.',
    },
  },
  relations: {
    listener: { to: 'LoadBalancerListenerCertificateRefInventory', local: 'uuid', foreign: 'certificateUuid' },
  },
  visible: ofProject,
});
