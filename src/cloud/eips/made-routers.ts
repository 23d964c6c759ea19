import type { CloudCore } from '../core.ts';
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

  /** Makes a router from the port's network to the outside where it has none at all. */
  async ensure(subject: Subject, outsideId: string, portId: string): Promise<void> {
    const port = await this.#networks.ports.get(subject, portId);
    const subnetId = port.fixedIps[0]?.subnetId;
    if (subnetId === undefined) return;
    const subnet = await this.#networks.subnets.get(subject, subnetId);
    const taken = await this.#core.db.read
      .selectFrom('port_addresses')
      .innerJoin('ports', 'ports.id', 'port_addresses.port_id')
      .select('ports.device_id')
      .where('port_addresses.subnet_id', '=', subnetId)
      .where('ports.device_owner', '=', 'network:router_interface')
      .executeTakeFirst();
    // A router that is there may lack nothing but its way out; whoever made it decides on that.
    if (taken || subnet.gatewayIp === null) return;
    const [router] = await this.#networks.routers.create(subject, [
      { name: `router-of-${subnet.networkId.slice(0, 8)}`, description: madeHere, gateway: { networkId: outsideId } },
    ]);
    await this.#networks.routerInterfaces.add(subject, router!.id, { subnetId });
  }

  /** A router that was made here goes with the last address that needs it: nobody else would know of it. */
  async removeUnused(subject: Subject, routerId: string): Promise<void> {
    const { read } = this.#core.db;
    const router = await this.#networks.routers.get(subject, routerId);
    const used = read.selectFrom('floating_ips').select('id').where('router_id', '=', routerId);
    if (router.description !== madeHere || (await used.executeTakeFirst())) return;
    const inside = await read
      .selectFrom('ports')
      .select('id')
      .where('device_id', '=', routerId)
      .where('device_owner', '=', 'network:router_interface')
      .execute();
    for (const { id: portId } of inside) await this.#networks.routerInterfaces.remove(subject, routerId, { portId });
    await this.#networks.routers.delete(subject, routerId);
  }
}
