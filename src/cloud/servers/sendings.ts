import type { SendProgress } from '../../agent/contract.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { serverNotFound } from './transition.ts';

interface Sending {
  isAborted: boolean;
  abort(): void;
}

/** The guests that this process is sending to other hosts now, while they run. */
export class Sendings {
  readonly #cloud: Cloud;
  readonly #underWay = new Map<string, Sending>();

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  /**
   * Says that a guest is being sent, until what it gives is disposed of.
   * @param end lets the guest go on where it is; called when `signal` aborts, and when somebody asks for it
   */
  begin(serverId: string, signal: AbortSignal, end: () => Promise<void>): Disposable & { readonly isAborted: boolean } {
    const sending: Sending = {
      isAborted: false,
      abort() {
        if (this.isAborted) return;
        this.isAborted = true;
        void end();
      },
    };
    const onAbort = () => sending.abort();
    signal.addEventListener('abort', onAbort);
    this.#underWay.set(serverId, sending);
    if (signal.aborted) sending.abort();
    return {
      get isAborted() {
        return sending.isAborted;
      },
      [Symbol.dispose]: () => {
        signal.removeEventListener('abort', onAbort);
        if (this.#underWay.get(serverId) === sending) this.#underWay.delete(serverId);
      },
    };
  }

  /** Ends the sending: the guest goes on where it is. Throws `conflict` where it is not being sent. */
  async abort(subject: Subject, serverId: string): Promise<void> {
    (await this.#of(subject, serverId)).sending.abort();
  }

  /** Lets the guest stand still until it has arrived. Throws `conflict` where it is not being sent. */
  async hurry(subject: Subject, serverId: string): Promise<void> {
    const { hostId } = await this.#of(subject, serverId);
    await this.#cloud.hosts.agent(hostId).hurrySending(serverId);
  }

  /** Bytes; undefined where the guest is not being sent, or its host does not tell. */
  async progress(serverId: string): Promise<SendProgress | undefined> {
    const { hostId } = await this.#cloud.servers.byId(serverId);
    if (!hostId || !this.#underWay.has(serverId)) return undefined;
    return await this.#cloud.hosts
      .agent(hostId)
      .sendProgress(serverId)
      .catch(() => undefined);
  }

  async #of(subject: Subject, serverId: string): Promise<{ sending: Sending; hostId: string }> {
    const { hostId } = await this.#cloud.servers.get(subject, serverId);
    if (!hostId) throw serverNotFound(serverId);
    const sending = this.#underWay.get(serverId);
    if (sending) return { sending, hostId };
    throw new CloudError('conflict', 'The guest of the server is not on its way to another host.', { reason: 'state' });
  }
}
