import { AgentError } from '../../contract.ts';
import type { BackupJob } from '../../disks/common-moment.ts';
import type { QmpConnection } from './qmp.ts';

/** A job of QEMU's, as `query-jobs` tells of it. */
export interface JobInfo {
  id: string;
  status: string;
  error?: string;
  'current-progress'?: number;
  'total-progress'?: number;
}

/** A QEMU job and its target node are named after the disk's node, so that leftovers of a crash are recognised. */
const jobPrefix = 'export-';

/** Grows a disk that the guest has open; the guest sees the new size at once. */
export async function resizeLiveDisk(qmp: QmpConnection, node: string, size: number): Promise<void> {
  await qmp.execute('block_resize', { 'node-name': node, size }, 60_000);
}

/**
 * Writes the disk's content, as of the moment when the job starts, to the file `target`, which exists and has the
 * disk's size. The guest goes on writing: QEMU copies each old cluster before it is overwritten; `atBest` chooses the
 * moment. Rejects with
 * `no_space` when the target's file system is full, and retryably when the guest ends meanwhile.
 */
export async function backUpLiveDisk(
  qmp: QmpConnection,
  node: string,
  target: { path: string; format: 'qcow2' | 'raw' },
  atBest: (begin: () => Promise<unknown>, job: BackupJob) => Promise<unknown> = (begin) => begin(),
): Promise<void> {
  const job = `${jobPrefix}${node}`;
  await discardBackups(qmp, job);
  const file = { driver: 'file', filename: target.path };
  await qmp.execute('blockdev-add', { driver: target.format, 'node-name': job, file });
  try {
    const backup = { 'job-id': job, device: node, target: job, sync: 'full', 'auto-dismiss': false };
    await atBest(() => qmp.execute('blockdev-backup', backup), backup);
    await untilConcluded(qmp, job);
    const info = (await qmp.execute<JobInfo[]>('query-jobs')).find((one) => one.id === job);
    if (info?.error === undefined) return;
    const code = /No space left|Disk quota exceeded/.test(info.error) ? 'no_space' : 'hypervisor_failed';
    throw new AgentError(code, `the backup of the running guest's disk failed: ${info.error}`);
  } catch (error) {
    if (!qmp.closed.aborted) throw error;
    throw new AgentError('hypervisor_failed', 'the guest ended, or its monitor did, while the disk was copied', {
      retryable: true,
      cause: error,
    });
  } finally {
    if (!qmp.closed.aborted) await discardBackups(qmp, job);
  }
}

/** Ends jobs that an earlier export left in this QEMU and lets go of their target files: of one export, or of all. */
export async function discardBackups(qmp: QmpConnection, only?: string): Promise<void> {
  await discardJobs(qmp, (name) => (only === undefined ? name.startsWith(jobPrefix) : name === only));
}

/** Ends jobs by their names, and lets go of the nodes that are named like them. */
export async function discardJobs(qmp: QmpConnection, isOurs: (name: string) => boolean): Promise<void> {
  for (const job of await qmp.execute<JobInfo[]>('query-jobs')) {
    if (!isOurs(job.id)) continue;
    if (job.status !== 'concluded') await qmp.execute('job-cancel', { id: job.id });
    await untilConcluded(qmp, job.id);
    await qmp.execute('job-dismiss', { id: job.id });
  }
  const nodes = await qmp.execute<Array<{ 'node-name': string }>>('query-named-block-nodes', { flat: true });
  for (const node of nodes) {
    if (isOurs(node['node-name'])) await qmp.execute('blockdev-del', { 'node-name': node['node-name'] });
  }
}

/** Resolves when the job has ended, well or not. Listens before it asks, so that no end is missed. */
export function untilConcluded(qmp: QmpConnection, id: string): Promise<void> {
  return untilStatus(qmp, id, ['concluded']);
}

/** Resolves when the job has caught up with what it copies; rejects with why when it ends instead. */
export async function untilReady(qmp: QmpConnection, id: string): Promise<void> {
  await untilStatus(qmp, id, ['ready', 'concluded']);
  const job = (await qmp.execute<JobInfo[]>('query-jobs')).find((one) => one.id === id);
  if (job && job.status !== 'concluded') return;
  throw new AgentError('hypervisor_failed', `a disk could not be copied: ${job?.error ?? 'it was cancelled'}`);
}

async function untilStatus(qmp: QmpConnection, id: string, wanted: readonly string[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stopListening = qmp.onEvent(({ event, data }) => {
    if (event === 'JOB_STATUS_CHANGE' && data?.['id'] === id && wanted.includes(String(data['status']))) resolve();
  });
  const onClose = () => reject(new AgentError('unreachable', 'the QEMU monitor closed'));
  qmp.closed.addEventListener('abort', onClose);
  promise.catch(() => {});
  try {
    const job = (await qmp.execute<JobInfo[]>('query-jobs')).find((one) => one.id === id);
    if (job && !wanted.includes(job.status)) await promise;
  } finally {
    stopListening();
    qmp.closed.removeEventListener('abort', onClose);
  }
}
