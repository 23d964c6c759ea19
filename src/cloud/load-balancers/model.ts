import type { DesiredListener } from '../../agent/contract.ts';
import type { Tx } from '../../database/database.ts';
import type { CertificatesTable, Schema } from '../../database/schema.ts';
import { CloudError, notFound } from '../errors.ts';
import { ownsOrAdmin, type Subject } from '../identity/subject.ts';

/**
 * Load balancers in the terms of OpenStack's Octavia: a load balancer has an address outside, its listeners have ports of
 * that, and the members of pools get what comes there. Other than there, a listener has several pools at once, and how
 * connections are given to members, and whether these answer, is a matter of the listener.
 */

/** What a listener speaks. UDP is not served. */
export type ListenerProtocol = DesiredListener['protocol'];

/** How a listener gives connections to members. */
export type ListenerSettings = Omit<DesiredListener, 'listenerId' | 'protocol' | 'port' | 'certificate' | 'members'>;

export type Monitor = ListenerSettings['monitor'];

/** What listeners begin with. */
export const usualSettings: ListenerSettings = {
  algorithm: 'round-robin',
  idleTimeout: 60,
  maxConnections: 200_000,
  monitor: { interval: 5, timeout: 2, rise: 2, fall: 6 },
};

/** What members weigh where nothing is said. */
export const usualWeight = 100;

/** What projects have of load balancers, by table. */
const nouns = {
  load_balancers: 'load_balancer',
  load_balancer_listeners: 'load_balancer_listener',
  load_balancer_pools: 'load_balancer_pool',
  certificates: 'certificate',
} as const;

/** A row that the subject may look after. Throws `not_found`. */
export async function ownedRow<Table extends keyof typeof nouns>(
  tx: Pick<Tx, 'selectFrom'>,
  table: Table,
  subject: Subject,
  id: string,
): Promise<Schema[Table]> {
  const row = await tx
    .selectFrom(table as keyof typeof nouns)
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst();
  if (!row || !ownsOrAdmin(subject, row.project_id)) throw notFound(nouns[table], id);
  return row as Schema[Table];
}

/** A certificate that the subject may look after, which nobody else takes or deletes until the transaction ends. Throws `not_found`. */
export async function lockCertificate(tx: Tx, subject: Subject, id: string): Promise<CertificatesTable> {
  await tx.selectFrom('certificates').select('id').where('id', '=', id).forUpdate().execute();
  return await ownedRow(tx, 'certificates', subject, id);
}

/** What makes no sense, whatever the state of things. */
export function invalid(resource: string, message: string): CloudError {
  return new CloudError('invalid', message, { resource });
}

/** What the state of things does not allow. */
export function refused(resource: string, id: string, reason: string, message: string): CloudError {
  return new CloudError('conflict', message, { resource, id, reason });
}
