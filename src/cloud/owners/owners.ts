import type { Tx } from '../../database/database.ts';
import type { Cloud } from '../cloud.ts';
import { notFound } from '../errors.ts';
import { requireAdmin, type Subject } from '../identity/subject.ts';
import { checkImageQuota } from '../images/quota.ts';
import { isBalanced } from '../networks/balanced-addresses.ts';
import { moveNetwork } from './owned-networks.ts';
import { moveServer } from './owned-server.ts';
import { moveVolumes } from './owned-volumes.ts';
import { busy, type NewOwner, refuseSame, tied } from './owner-rules.ts';

/** Kinds of resources that can be given to another project. */
export type OwnableType = 'server' | 'volume' | 'image' | 'network' | 'floating_ip';

/** Gives resources to other projects, with what belongs to them. For administrators. */
export class ResourceOwners {
  readonly #cloud: Cloud;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  /**
   * All of it changes hands, or nothing: what the new owner may have must suffice. Throws `not_found`, `quota_exceeded`,
   * and `conflict` for what is the project's already (`same_owner`), has something under way (`busy`), or is tied to
   * something that stays behind (`tied`).
   */
  async change(subject: Subject, type: OwnableType, id: string, projectId: string): Promise<void> {
    requireAdmin(subject, 'change_resource_owner');
    await this.#cloud.db.write(async (tx) => {
      const userId = (await this.#cloud.identity.ownerOf(projectId, tx)) ?? subject.userId;
      const from = await this.#moves[type](tx, id, { projectId, userId });
      // What its owner wrote on it goes along.
      await tx
        .updateTable('resource_tags')
        .set({ project_id: projectId })
        .where('resource_id', '=', id)
        .where('project_id', '=', from)
        .execute();
      tx.onCommit(() => this.#cloud.networks.notifyChange());
    });
  }

  readonly #moves: Record<OwnableType, (tx: Tx, id: string, to: NewOwner) => Promise<string>> = {
    server: (tx, id, to) => moveServer(this.#cloud, tx, id, to),
    volume: async (tx, id, to) => {
      const query = tx.selectFrom('volumes').selectAll().where('id', '=', id);
      const volume = await query.forUpdate().executeTakeFirst();
      if (!volume || volume.deleted_at !== null) throw notFound('volume', id);
      refuseSame(volume.project_id, to);
      if (volume.kind === 'root' && volume.origin === 'server') throw tied(`The volume ${id} is part of its server.`);
      if (volume.status !== 'available') throw busy(`The volume ${id} is ${volume.status}.`);
      await moveVolumes(this.#cloud, tx, [id], to);
      return volume.project_id;
    },
    image: async (tx, id, to) => {
      const image = await tx
        .selectFrom('images')
        .select(['project_id', 'status'])
        .where('id', '=', id)
        .executeTakeFirst();
      if (!image || ['deleted', 'expunged'].includes(image.status)) throw notFound('image', id);
      refuseSame(image.project_id, to);
      await tx
        .updateTable('images')
        .set({ project_id: to.projectId, updated_at: this.#cloud.env.now() })
        .where('id', '=', id)
        .execute();
      await checkImageQuota(this.#cloud, tx, to.projectId);
      return image.project_id;
    },
    network: (tx, id, to) => moveNetwork(this.#cloud, tx, id, to),
    floating_ip: async (tx, id, to) => {
      const query = tx.selectFrom('floating_ips').select(['project_id', 'port_id']).where('id', '=', id);
      const ip = await query.forUpdate().executeTakeFirst();
      if (!ip) throw notFound('floating_ip', id);
      refuseSame(ip.project_id, to);
      const forwarded = await tx.selectFrom('port_forwardings').select('id').where('floating_ip_id', '=', id).execute();
      if (ip.port_id !== null || forwarded.length > 0) throw tied(`The address ${id} is used for an interface.`);
      if (await isBalanced(tx, id)) throw tied(`The address ${id} is used by a load balancer.`);
      await this.#cloud.quotas.check(tx, to.projectId, { floating_ips: 1 });
      const owner = { project_id: to.projectId, updated_at: this.#cloud.env.now() };
      await tx.updateTable('floating_ips').set(owner).where('id', '=', id).execute();
      await tx.updateTable('port_forwarding_rules').set(owner).where('floating_ip_id', '=', id).execute();
      return ip.project_id;
    },
  };
}
