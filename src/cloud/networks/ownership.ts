import { type Expression, type SqlBool, sql } from 'kysely';
import { projectOf, type Subject } from '../identity/subject.ts';
import { foreignProject } from './failures.ts';

/** The project a new resource is for: the subject's own, or (administrators only) the one asked for. */
export function ownerOfNew(subject: Subject, asked: string | undefined): string {
  if (asked === undefined) return projectOf(subject);
  if (asked !== subject.projectId && !subject.isAdmin) throw foreignProject();
  return asked;
}

/** Rows of `table` that belong to the subject's project; all for administrators. */
export function owned(
  subject: Subject,
  table: 'networks' | 'subnets' | 'ports' | 'security_groups' | 'security_group_rules' | 'routers' | 'floating_ips',
) {
  return subject.isAdmin ? everything : sql<SqlBool>`${sql.ref(`${table}.project_id`)} = ${subject.projectId ?? ''}`;
}

/** Networks that the subject may see: external ones too, since routers and floating IPs need them. */
export function visibleNetwork(subject: Subject): Expression<SqlBool> {
  if (subject.isAdmin) return everything;
  return sql<SqlBool>`(${owned(subject, 'networks')} or networks.shared = 1 or networks.external = 1)`;
}

/** Networks that the subject may have ports on. */
export function usableNetwork(subject: Subject): Expression<SqlBool> {
  return subject.isAdmin ? everything : sql<SqlBool>`(${owned(subject, 'networks')} or networks.shared = 1)`;
}

/** Subnets of the subject's project, and those of networks that everyone may see. */
export function visibleSubnet(subject: Subject): Expression<SqlBool> {
  if (subject.isAdmin) return everything;
  return sql<SqlBool>`(${owned(subject, 'subnets')}
    or subnets.network_id in (select id from networks where shared = 1 or external = 1))`;
}

/** Ports of the subject's project, and all ports on its networks. */
export function visiblePort(subject: Subject): Expression<SqlBool> {
  if (subject.isAdmin) return everything;
  return sql<SqlBool>`(${owned(subject, 'ports')}
    or ports.network_id in (select id from networks where project_id = ${subject.projectId ?? ''}))`;
}

const everything = sql<SqlBool>`1 = 1`;
