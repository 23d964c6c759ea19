import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { goneError } from '../common/http-failure.ts';
import { exampleServer, ServerParams, serverIdOf } from './wire.ts';

const common = { dialect: 'compute', group: 'admin', since: '2.1', mode: 'sync' } as const;

const Log = Type.Object({
  log: Type.Object({}),
  num_hosts: Type.Integer(),
  num_hosts_done: Type.Integer(),
  num_hosts_not_run: Type.Integer(),
  num_hosts_running: Type.Integer(),
  hosts_not_run: Type.Array(Type.String()),
  total_instances: Type.Integer(),
  total_errors: Type.Integer(),
  overall_status: Type.String(),
  period_beginning: Type.String(),
  period_ending: Type.String(),
});

/** The calendar month before a moment, as Nova's audits have it by default. */
function monthBefore(moment: Date): { beginning: string; ending: string } {
  const start = (offset: number) => new Date(Date.UTC(moment.getUTCFullYear(), moment.getUTCMonth() + offset, 1));
  const text = (date: Date) =>
    date
      .toISOString()
      .replace('T', ' ')
      .replace(/\.\d+Z$/, '');
  return { beginning: text(start(-1)), ending: text(start(0)) };
}

/** No host audits usage here: every host is one that did not run. */
function auditLog(hosts: string[], moment: Date) {
  const { beginning, ending } = monthBefore(moment);
  return {
    log: {},
    num_hosts: hosts.length,
    num_hosts_done: 0,
    num_hosts_not_run: hosts.length,
    num_hosts_running: 0,
    hosts_not_run: hosts,
    total_instances: 0,
    total_errors: 0,
    overall_status: `0 of ${hosts.length} hosts done. 0 errors.`,
    period_beginning: beginning,
    period_ending: ending,
  };
}

/** What other clouds still have for old clients, and is told truly here: nothing was kept. */
export const retiredOperations = [
  operation({
    ...common,
    id: 'ListUsageAuditLog',
    method: 'GET',
    path: '/os-instance_usage_audit_log',
    allow: 'admin',
    responses: { 200: Type.Object({ instance_usage_audit_logs: Log }) },
    errors: [401, 403],
    title: 'Show the usage audit log',
    summary: 'Hosts do not audit usage here; the usage of projects is told by os-simple-tenant-usage.',
    examples: [{ title: 'Of the last month', status: 200 }],
    async handle({ cloud }) {
      const hosts = (await cloud.hosts.list()).map(({ name }) => name);
      return { body: { instance_usage_audit_logs: auditLog(hosts, new Date(cloud.env.now() / 1000)) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowUsageAuditLog',
    method: 'GET',
    path: '/os-instance_usage_audit_log/{before}',
    allow: 'admin',
    params: Type.Object({ before: Type.String({ description: 'As `2026-11-01 00:00:00`.' }) }),
    responses: { 200: Type.Object({ instance_usage_audit_log: Log }) },
    errors: [400, 401, 403],
    title: 'Show the usage audit log before a time',
    summary: 'As the list, of the month before the one of the time.',
    examples: [{ title: 'Before a time', params: { before: '2026-11-01 00:00:00' }, status: 200 }],
    async handle({ cloud, params: { before } }) {
      const time = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?$/.test(before) ? Date.parse(`${before}Z`) : Number.NaN;
      if (Number.isNaN(time)) {
        throw new CloudError('invalid', `Invalid timestamp for date ${before}`, { field: 'before' });
      }
      const hosts = (await cloud.hosts.list()).map(({ name }) => name);
      return { body: { instance_usage_audit_log: auditLog(hosts, new Date(time)) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowServerPassword',
    method: 'GET',
    path: '/servers/{server_id}/os-server-password',
    allow: 'reader',
    params: ServerParams,
    responses: { 200: Type.Object({ password: Type.String() }) },
    errors: [401, 403, 404],
    title: "Show a server's encrypted password",
    summary: 'What the guest told its metadata service as its password; empty where it told none.',
    examples: [{ title: 'One server', params: exampleServer, status: 200 }],
    async handle(call) {
      const { guestPasswords } = call.cloud.servers;
      return { body: { password: (await guestPasswords.get(call.subject, serverIdOf(call))) ?? '' } };
    },
  }),
  operation({
    ...common,
    id: 'ClearServerPassword',
    method: 'DELETE',
    path: '/servers/{server_id}/os-server-password',
    allow: 'member',
    params: ServerParams,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: "Clear a server's encrypted password",
    summary: 'The guest may tell another one then.',
    examples: [{ title: 'One server', params: exampleServer, status: 204 }],
    async handle(call) {
      await call.cloud.servers.guestPasswords.clear(call.subject, serverIdOf(call));
      return {};
    },
  }),
  operation({
    ...common,
    id: 'InjectNetworkInfo',
    method: 'POST',
    path: '/servers/{server_id}/action',
    bodyKey: 'injectNetworkInfo',
    allow: 'admin',
    params: ServerParams,
    body: Type.Unknown(),
    responses: { 202: null },
    errors: [401, 403, 404],
    title: "Inject a server's network information",
    summary: "Tells the server's host once more how its networks are. The guest itself asks by DHCP.",
    examples: [{ title: 'One server', params: exampleServer, body: { injectNetworkInfo: null }, status: 202 }],
    async handle(call) {
      const { hostId } = await call.cloud.servers.get(call.subject, serverIdOf(call));
      if (hostId) await call.cloud.hostNetworks.prepare(hostId);
      return {};
    },
  }),
  operation({
    ...common,
    id: 'ListVirtualInterfaces',
    method: 'GET',
    path: '/servers/{server_id}/os-virtual-interfaces',
    allow: 'reader',
    params: ServerParams,
    responses: { 200: Type.Object({}) },
    errors: [401, 403, 410],
    title: 'List virtual interfaces',
    summary: 'Only ever served networks of Nova itself; os-interface tells the ports of a server.',
    examples: [{ title: 'One server', params: exampleServer, status: 410 }],
    handle() {
      throw goneError();
    },
  }),
];
