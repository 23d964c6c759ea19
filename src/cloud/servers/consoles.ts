import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { AgentError, type ConsoleKind } from '../../agent/contract.ts';
import type { Tx } from '../../database/database.ts';
import { withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { power, type Server } from './model.ts';
import { lockServer } from './transition.ts';

/** How long a token waits to be used, microseconds. What was let in with it may stay longer. */
const tokenLifetime = 600 * 1_000_000;
const tokenBytes = 32;

export interface ConsoleSession {
  serverId: string;
  userId: string;
  stream: Duplex;
}

/**
 * Ways in to the consoles of servers. A token is good for one connection; only its hash is kept. What ends a server's
 * guest, or gives it another disk, takes the tokens that wait away (`Transition.endsConsoles`), and the connections end
 * with the guest itself.
 */
export class Consoles {
  readonly #cloud: Cloud;
  /** A serial port has room for one: who comes later takes it over. */
  readonly #serialPorts = new Map<string, Duplex>();

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  /** Gives a token for one connection to the server's console. Throws `conflict` where there is no guest to see. */
  async open(subject: Subject, serverId: string, kind: ConsoleKind): Promise<string> {
    const { db, env } = this.#cloud;
    await this.#checkIsOffered(await this.#cloud.servers.get(subject, serverId), kind);
    const token = env.randomBytes(tokenBytes).toString('base64url');
    await db.write(async (tx) => {
      const server = await lockServer(tx, subject, serverId);
      checkHasConsole(server, kind);
      const now = env.now();
      await tx.deleteFrom('console_tokens').where('expires_at', '<=', now).execute();
      const row = { hash: hashOf(token), server_id: serverId, kind, user_id: subject.userId };
      await tx
        .insertInto('console_tokens')
        .values({ ...row, expires_at: now + tokenLifetime })
        .execute();
    });
    return token;
  }

  /**
   * Connects whoever has the token, which is good no more from then on. Undefined for one that is not known, is too old,
   * was used, or is for another kind of console. Throws `AgentError` when the guest can't be reached.
   */
  async connect(token: string, kind: ConsoleKind): Promise<ConsoleSession | undefined> {
    const found = await this.#redeem(token, kind);
    if (!found) return undefined;
    const { serverId, hostId, userId } = found;
    if (kind === 'serial') this.#serialPorts.get(serverId)?.destroy();
    const stream = await this.#cloud.hosts.agent(hostId).connectConsole(serverId, kind);
    if (kind === 'serial') this.#keepSerialPort(serverId, stream);
    return { serverId, userId, stream };
  }

  /** Nobody gets in any more with what was given out before. */
  async revoke(tx: Tx, serverId: string): Promise<void> {
    await tx.deleteFrom('console_tokens').where('server_id', '=', serverId).execute();
  }

  async #checkIsOffered({ hostId }: Server, kind: ConsoleKind): Promise<void> {
    if (hostId === null || (await this.#cloud.hosts.get(hostId)).hypervisorType !== 'simulated') return;
    const name = kind === 'vnc' ? 'novnc' : kind;
    throw new CloudError('invalid', `Unavailable console type ${name}.`, { reason: 'console_type' });
  }

  async #redeem(token: string, kind: ConsoleKind) {
    const { db, env } = this.#cloud;
    return await db.write(async (tx) => {
      const hash = hashOf(token);
      const row = await tx
        .selectFrom('console_tokens')
        .innerJoin('servers', 'servers.id', 'console_tokens.server_id')
        .select(['server_id', 'host_id', 'console_tokens.user_id', 'console_tokens.expires_at'])
        .where('hash', '=', hash)
        .where('kind', '=', kind)
        .where('servers.deleted_at', 'is', null)
        .executeTakeFirst();
      // The deletion is the lock: of two who come with the same token, one deletes it.
      const { numDeletedRows } = await tx.deleteFrom('console_tokens').where('hash', '=', hash).executeTakeFirst();
      if (!row || numDeletedRows === 0n || row.host_id === null || row.expires_at <= env.now()) return undefined;
      return { serverId: row.server_id, hostId: row.host_id, userId: row.user_id };
    });
  }

  #keepSerialPort(serverId: string, stream: Duplex): void {
    this.#serialPorts.set(serverId, stream);
    stream.once('close', () => {
      if (this.#serialPorts.get(serverId) === stream) this.#serialPorts.delete(serverId);
    });
  }
}

/** Whether a console could not be reached because there is no guest that runs. */
export function isGuestGone(error: unknown): boolean {
  return error instanceof AgentError && (error.code === 'not_found' || error.code === 'unsupported');
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function checkHasConsole(server: Server, kind: ConsoleKind): void {
  const id = withDashes(server.id);
  if (server.taskState === 'deleting' || server.taskState === 'migrating') {
    throw new CloudError(
      'conflict',
      `Cannot 'get_${kind}_console' instance ${id} while it is in task_state ${server.taskState}`,
      { reason: 'state' },
    );
  }
  const isOn = server.powerState === power.running || server.powerState === power.paused;
  if (server.hostId === null || !isOn) {
    throw new CloudError('conflict', `Instance ${id} is not ready`, { reason: 'not_ready' });
  }
}
