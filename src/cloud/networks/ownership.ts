import { type Expression, type SqlBool, sql } from 'kysely';
import { projectOf, type Subject } from '../identity/subject.ts';
import { foreignProject } from './failures.ts';

/** The project a new resource is for: the subject's own, or (administrators only) the one asked for. */
export function ownerOfNew(subject: Subject, asked: string | undefined): string {
  if (asked === undefined) return projectOf(subject);
  if (asked !== subject.projectId && !subject.isAdmin) throw foreignProject();
  return asked;
}

/** Who looks. */
type Viewer = Pick<Subject, 'isAdmin' | 'projectId'>;

type OwnedTable =
  | 'networks'
  | 'subnets'
  | 'ports'
  | 'security_groups'
  | 'security_group_rules'
  | 'routers'
  | 'floating_ips'
  | 'port_forwardings'
  | 'address_scopes'
  | 'subnet_pools'
  | 'qos_policies'
  | 'address_groups'
  | 'rbac_policies';

/** Rows of `table` that belong to the subject's project; all for administrators. */
export function owned(subject: Viewer, table: OwnedTable): Expression<SqlBool> {
  return subject.isAdmin ? everything : sql<SqlBool>`${sql.ref(`${table}.project_id`)} = ${subject.projectId ?? ''}`;
}

/** Whether an RBAC policy lets the subject use what `id` names, in one of these ways. */
function sharedByPolicy(
  subject: Pick<Subject, 'projectId'>,
  id: Expression<unknown>,
  actions: readonly string[] = ['access_as_shared'],
): Expression<SqlBool> {
  return sql<SqlBool>`${id} in (select object_id from rbac_policies
    where target_project in ('*', ${subject.projectId ?? ''}) and action in (${sql.join(actions)}))`;
}

/** Networks that the subject may see: external ones too, since routers and floating IPs need them. */
export function visibleNetwork(subject: Viewer): Expression<SqlBool> {
  if (subject.isAdmin) return everything;
  return sql<SqlBool>`(${owned(subject, 'networks')} or networks.shared = 1 or networks.external = 1
    or ${sharedByPolicy(subject, sql.ref('networks.id'), ['access_as_shared', 'access_as_external'])})`;
}

/** Networks that the subject may have ports on. */
export function usableNetwork(subject: Viewer): Expression<SqlBool> {
  if (subject.isAdmin) return everything;
  return sql<SqlBool>`(${owned(subject, 'networks')} or networks.shared = 1
    or ${sharedByPolicy(subject, sql.ref('networks.id'))})`;
}

/** Subnets of the subject's project, and those of networks that it may have ports on. */
export function visibleSubnet(subject: Subject): Expression<SqlBool> {
  if (subject.isAdmin) return everything;
  return sql<SqlBool>`(${owned(subject, 'subnets')}
    or subnets.network_id in (select networks.id from networks where ${usableNetwork(subject)}))`;
}

/** Ports of the subject's project, and all ports on its networks. */
export function visiblePort(subject: Subject): Expression<SqlBool> {
  if (subject.isAdmin) return everything;
  return sql<SqlBool>`(${owned(subject, 'ports')}
    or ports.network_id in (select id from networks where project_id = ${subject.projectId ?? ''}))`;
}

/** What the subject owns of a table, and what others share with it. */
export function visibleShared(subject: Subject, table: OwnedTable, hasFlag: boolean): Expression<SqlBool> {
  if (subject.isAdmin) return everything;
  const byFlag = hasFlag ? sql`or ${sql.ref(`${table}.shared`)} = 1` : sql``;
  return sql<SqlBool>`(${owned(subject, table)} ${byFlag}
    or ${sharedByPolicy(subject, sql.ref(`${table}.id`))})`;
}

const everything = sql<SqlBool>`1 = 1`;
