import type { Queryable } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import type { Networks } from '../networks/networks.ts';

/** How routers say that they were made here. */
const madeHere = 'Made for the EIPs of a network; goes with the last of them.';

/** ZStack's networks reach outside by themselves; the engine's need a router from their gateway to the outside. */
export class MadeRouters {
  readonly #core: Pick<CloudCore, 'db'>;
  readonly #networks: Networks;

  constructor(core: Pick<CloudCore, 'db'>, networks: Networks) {
    this.#core = core;
    this.#networks = networks;
  }

  /**
   * Does what needs a way from the ports' networks to the outside: a router is made for each network that has none at all.
   * Where it fails, those that were made for it go again.
   */
  async leading<Result>(
    subject: Subject,
    outsideId: string,
    portIds: readonly string[],
    work: () => Promise<Result>,
  ): Promise<Result> {
    const made: string[] = [];
    try {
      for (const portId of portIds) made.push(...(await this.#ensure(subject, outsideId, portId)));
      return await work();
    } catch (error) {
      for (const id of made) await this.removeUnused(subject, id);
      throw error;
    }
  }

  /** Makes a router from the port's network to the outside where it has none at all, and gives its id. */
  async #ensure(subject: Subject, outsideId: string, portId: string): Promise<string[]> {
    const port = await this.#networks.ports.get(subject, portId);
    const subnetId = port.fixedIps[0]?.subnetId;
    if (subnetId === undefined) return [];
    const subnet = await this.#networks.subnets.get(subject, subnetId);
    if (subnet.gatewayIp === null) return [];
    const { db } = this.#core;
    const router = {
      ...{ name: `router-of-${subnet.networkId.slice(0, 8)}`, description: madeHere },
      ...{ gateway: { networkId: outsideId }, projectId: port.projectId },
    };
    try {
      return await db.write(async (tx) => {
        // A router that is there may lack nothing but its way out; whoever made it decides on that.
        if (await hasRouter(tx, subnetId)) return [];
        const { id } = await this.#networks.routers.createIn(tx, subject, router);
        await this.#networks.routerInterfaces.addIn(tx, subject, id, { subnetId });
        tx.onCommit(() => this.#networks.notifyChange());
        return [id];
      });
    } catch (error) {
      // Somebody else may have made one at the same moment.
      if (await hasRouter(db.read, subnetId)) return [];
      throw error;
    }
  }

  /**
   * A router that was made here goes with the last address that needs it: nobody else would know of it. It stays where
   * somebody else needs it by now.
   */
  async removeUnused(subject: Subject, routerId: string): Promise<void> {
    const { routers, routerInterfaces } = this.#networks;
    try {
      await this.#core.db.write(async (tx) => {
        const router = await routers.claim(tx, subject, routerId);
        const used = tx.selectFrom('floating_ips').select('id').where('router_id', '=', routerId);
        if (router.description !== madeHere || (await used.executeTakeFirst())) return;
        const inside = await tx
          .selectFrom('ports')
          .select('id')
          .where('device_id', '=', routerId)
          .where('device_owner', '=', 'network:router_interface')
          .execute();
        for (const { id: portId } of inside) await routerInterfaces.removeIn(tx, subject, routerId, { portId });
        await routers.deleteIn(tx, subject, routerId);
        tx.onCommit(() => this.#networks.notifyChange());
      });
    } catch (error) {
      if (!(error instanceof CloudError) || !['not_found', 'conflict'].includes(error.code)) throw error;
    }
  }
}

async function hasRouter(db: Queryable, subnetId: string): Promise<boolean> {
  const inside = await db
    .selectFrom('port_addresses')
    .innerJoin('ports', 'ports.id', 'port_addresses.port_id')
    .select('ports.id')
    .where('port_addresses.subnet_id', '=', subnetId)
    .where('ports.device_owner', '=', 'network:router_interface')
    .executeTakeFirst();
  return inside !== undefined;
}
