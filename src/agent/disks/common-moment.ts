import { AgentError } from '../contract.ts';

/** A job that copies a disk which a guest has open, as QEMU's `blockdev-backup` takes it. */
export type BackupJob = Readonly<Record<string, unknown>>;

/** Several copies that begin at one moment: each waits until all have come, and then all are begun as one. */
export class CommonMoment {
  readonly #expected: number;
  readonly #jobs: BackupJob[] = [];
  readonly #begun = Promise.withResolvers<void>();
  /** What those get that wait in vain. */
  readonly missed = new AgentError('hypervisor_failed', 'the disks could not be copied as of one moment', {
    retryable: true,
  });

  constructor(expected: number) {
    this.#expected = expected;
    this.#begun.promise.catch(() => {});
  }

  /** The last one to come has `beginAll` begin them all. */
  async arrive(job: BackupJob, beginAll: (jobs: readonly BackupJob[]) => Promise<unknown>): Promise<void> {
    this.#jobs.push(job);
    if (this.#jobs.length === this.#expected) {
      beginAll(this.#jobs).then(() => this.#begun.resolve(), this.#begun.reject);
    }
    await this.#begun.promise;
  }

  /** One has ended, well or not: those that have not begun by then never will. */
  leave(): void {
    this.#begun.reject(this.missed);
  }
}
