import { sql } from 'kysely';
import { ConstraintViolation, type Queryable, type Tx } from '../../database/database.ts';
import type { NetworksTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import type { Quotas } from '../quotas/quotas.ts';
import { adminOnly, invalidInput, networkInUse, revisionMismatch } from './failures.ts';
import { removeFreeFloatingIps } from './floating-ip-rows.ts';
import { inOrder, Listing, type ListRequest } from './listing.ts';
import { flag, type Network, networkOf } from './model.ts';
import { visibleNetworkWithId, withSubnets } from './network-rows.ts';
import { owned, ownerOfNew, visibleNetwork } from './ownership.ts';
import { defaultPolicyOf, type QosPolicies, requirePolicy } from './qos-policies.ts';
import { shareWithAll, unshareWithAll } from './shared-networks.ts';
import { forgetTags } from './tags.ts';

export type NetworkField =
  | 'id'
  | 'projectId'
  | 'name'
  | 'description'
  | 'shared'
  | 'external'
  | 'isDefault'
  | 'adminStateUp'
  | 'status'
  | 'mtu'
  | 'portSecurity'
  | 'segmentationId'
  | 'createdAt'
  | 'updatedAt'
  | 'revision';

export interface NewNetwork {
  /** The client's own id, 32 hex digits. */
  id?: string;
  projectId?: string;
  name?: string;
  description?: string;
  /** Administrators only. */
  shared?: boolean;
  /** Administrators only. */
  external?: boolean;
  /** Administrators only. */
  isDefault?: boolean;
  adminStateUp?: boolean;
  mtu?: number;
  portSecurity?: boolean;
  dnsDomain?: string;
  qosPolicyId?: string | null;
  /** Administrators only. */
  segmentationId?: number;
}

export type NetworkChanges = Omit<NewNetwork, 'id' | 'projectId'>;

/** Bytes: the least that IPv4 needs (RFC 791), and what a 16 bit length can say. */
const smallestMtu = 68;
const largestMtu = 65535;
/** As Ethernet has it, bytes. */
export const defaultMtu = 1500;

/** Numbers of networks on the wire have 24 bits (RFC 7348). */
const largestSegment = 2 ** 24 - 1;
const maxSegmentAttempts = 64;

const listing = new Listing<NetworkField>('networks');

/** The device owner of the port through which the cloud serves addresses, names and metadata on a network. */
export const servicePortOwner = 'network:dhcp';

/** Networks themselves; what hangs on them has services of its own. */
export class NetworkRegistry {
  /** Why no host can be on an external network, where none can. */
  noExternal: string | undefined;
  /** The MTU of a network for which none is said, bytes. */
  usualMtu = defaultMtu;
  readonly #core: CloudCore;
  readonly #quotas: Quotas;
  readonly #policies: QosPolicies;

  constructor(core: CloudCore, quotas: Quotas, policies: QosPolicies) {
    this.#core = core;
    this.#policies = policies;
    this.#quotas = quotas;
  }

  async list(subject: Subject, request: ListRequest<NetworkField> = {}): Promise<Network[]> {
    const db = this.#core.db.read;
    const query = db.selectFrom('networks').selectAll('networks').where(visibleNetwork(subject));
    const rows = await (await listing.apply(db, query, request)).execute();
    return inOrder(await withSubnets(db, rows), request);
  }

  async get(subject: Subject, id: string, db: Queryable = this.#core.db.read): Promise<Network> {
    const rows = await visibleNetworkWithId(subject).all(db, { id, projectId: subject.projectId });
    const [network] = await withSubnets(db, rows);
    if (!network) throw notFound('network', id);
    return network;
  }

  /** Makes all of them or none. */
  create(subject: Subject, networks: readonly NewNetwork[]): Promise<Network[]> {
    return this.#core.db.write(async (tx) => {
      const made: Network[] = [];
      for (const network of networks) made.push(await this.createIn(tx, subject, network));
      return made;
    });
  }

  async createIn(tx: Tx, subject: Subject, input: NewNetwork): Promise<Network> {
    const projectId = ownerOfNew(subject, input.projectId);
    check(subject, input, this.noExternal);
    await requirePolicy(this.#policies, subject, input.qosPolicyId, tx);
    await this.#quotas.check(tx, projectId, { networks: 1 });
    const row = await this.#insert(tx, projectId, input);
    if (input.shared) await shareWithAll(this.#core, tx, row);
    return networkOf(row, []);
  }

  /** The number by which hosts tell it from others follows from its id, or is the next one that is free. */
  async #insert(tx: Tx, projectId: string, input: NewNetwork): Promise<NetworksTable> {
    const id = newId(this.#core.env);
    const qosPolicyId = input.qosPolicyId === undefined ? await defaultPolicyOf(tx, projectId) : input.qosPolicyId;
    const now = this.#core.env.now();
    const first = input.segmentationId ?? (Number.parseInt(id.slice(0, 6), 16) % largestSegment) + 1;
    for (let attempt = 0; attempt < maxSegmentAttempts; attempt += 1) {
      const row = await tx
        .insertInto('networks')
        .values({
          id,
          project_id: projectId,
          name: input.name ?? '',
          description: input.description ?? '',
          shared: flag(input.shared ?? false),
          external: flag(input.external ?? false),
          is_default: flag(input.isDefault ?? false),
          admin_state_up: flag(input.adminStateUp ?? true),
          status: 'ACTIVE',
          mtu: input.mtu || this.usualMtu,
          port_security: flag(input.portSecurity ?? true),
          dns_domain: input.dnsDomain ?? '',
          qos_policy_id: qosPolicyId,
          segmentation_id: ((first - 1 + attempt) % largestSegment) + 1,
          created_at: now,
          updated_at: now,
          revision: 0,
        })
        .onConflict((conflict) => conflict.column('segmentation_id').doNothing())
        .returningAll()
        .executeTakeFirst();
      if (row) return row;
      if (input.segmentationId !== undefined) break;
    }
    const message = `Unable to create the network. The VXLAN network ${first} is in use.`;
    throw new CloudError('conflict', message, { reason: 'vlan_id_in_use' });
  }

  update(subject: Subject, id: string, changes: NetworkChanges, expectedRevision?: number): Promise<Network> {
    return this.#core.db.write(async (tx) => {
      check(subject, changes, this.noExternal);
      await requirePolicy(this.#policies, subject, changes.qosPolicyId, tx);
      const now = this.#core.env.now();
      const { shared, external, adminStateUp, isDefault, mtu, portSecurity } = changes;
      const row = await tx
        .updateTable('networks')
        .set((eb) => ({
          name: changes.name,
          description: changes.description,
          shared: shared === undefined ? undefined : flag(shared),
          external: external === undefined ? undefined : flag(external),
          port_security: portSecurity === undefined ? undefined : flag(portSecurity),
          is_default: isDefault === undefined ? undefined : flag(isDefault),
          admin_state_up: adminStateUp === undefined ? undefined : flag(adminStateUp),
          mtu: mtu === 0 ? this.usualMtu : mtu,
          dns_domain: changes.dnsDomain,
          qos_policy_id: changes.qosPolicyId,
          revision: eb('revision', '+', 1),
          updated_at: now,
        }))
        .where('id', '=', id)
        .where(owned(subject, 'networks'))
        .returningAll()
        .executeTakeFirst();
      if (!row) throw notFound('network', id);
      if (expectedRevision !== undefined && row.revision - 1 !== expectedRevision) {
        throw revisionMismatch(expectedRevision);
      }
      if (external === false) await this.#refuseWhileRoutersUse(tx, id);
      if (shared === false) await this.#refuseWhileOthersUse(tx, row);
      if (shared === false) await unshareWithAll(tx, id);
      if (shared) await shareWithAll(this.#core, tx, row);
      return (await withSubnets(tx, [row]))[0]!;
    });
  }

  /** Deletes the network with its subnets. Throws `conflict` (`network_in_use`) while it has ports. */
  async delete(subject: Subject, id: string): Promise<void> {
    try {
      await this.#core.db.write((tx) => this.#deleteIn(tx, subject, id));
    } catch (error) {
      // A port came between the check and the end of the transaction.
      if (error instanceof ConstraintViolation && error.kind === 'foreign_key') throw networkInUse(id);
      throw error;
    }
  }

  async #deleteIn(tx: Tx, subject: Subject, id: string): Promise<void> {
    const network = await tx
      .selectFrom('networks')
      .select('id')
      .where('id', '=', id)
      .where(owned(subject, 'networks'))
      .executeTakeFirst();
    if (!network) throw notFound('network', id);
    await this.#removeServicePorts(tx, id);
    await removeFreeFloatingIps(tx, id);
    const ports = await tx.selectFrom('ports').select('id').where('network_id', '=', id).limit(10).execute();
    if (ports.length > 0) {
      throw networkInUse(
        id,
        ports.map((port) => port.id),
      );
    }
    const subnets = await tx.deleteFrom('subnets').where('network_id', '=', id).returning('id').execute();
    await tx.deleteFrom('rbac_policies').where('object_id', '=', id).execute();
    await forgetTags(tx, [id, ...subnets.map((subnet) => subnet.id)]);
    await tx.deleteFrom('networks').where('id', '=', id).execute();
  }

  /** The ports through which the cloud itself serves the network go with it. */
  async #removeServicePorts(tx: Tx, networkId: string): Promise<void> {
    const ports = tx
      .selectFrom('ports')
      .select('id')
      .where('network_id', '=', networkId)
      .where('device_owner', '=', servicePortOwner);
    await tx.deleteFrom('port_addresses').where('port_id', 'in', ports).execute();
    await tx.deleteFrom('ports').where('id', 'in', ports).execute();
  }

  async #refuseWhileRoutersUse(tx: Tx, networkId: string): Promise<void> {
    const owners = ['network:router_gateway', 'network:floatingip'];
    const used = await tx
      .selectFrom('ports')
      .select('id')
      .where('network_id', '=', networkId)
      .where('device_owner', 'in', owners)
      .limit(1)
      .execute();
    if (used.length === 0) return;
    const message = `External network ${networkId} cannot be updated to be made non-external, since it has existing gateway ports.`;
    throw new CloudError('conflict', message, {
      resource: 'network',
      id: networkId,
      reason: 'external_network_in_use',
    });
  }

  async #refuseWhileOthersUse(tx: Tx, network: NetworksTable): Promise<void> {
    const { rows } = await sql`
      select 1 from ports where network_id = ${network.id} and project_id not in (${network.project_id}, '')
      union all
      select 1 from subnets where network_id = ${network.id} and project_id <> ${network.project_id}
      limit 1`.execute(tx);
    if (rows.length === 0) return;
    const message = `Unable to reconfigure sharing settings for network ${network.id}. Multiple projects are using it.`;
    throw new CloudError('conflict', message, {
      resource: 'network',
      id: network.id,
      reason: 'invalid_shared_setting',
    });
  }
}

function check(
  subject: Subject,
  { shared, external, isDefault, mtu, segmentationId }: NewNetwork,
  noExternal: string | undefined,
): void {
  if (shared && !subject.isAdmin) throw adminOnly('share a network');
  if (isDefault && !subject.isAdmin) throw adminOnly('make a network the default one');
  if (external && !subject.isAdmin) throw adminOnly('make a network an external one');
  if (segmentationId !== undefined && !subject.isAdmin) throw adminOnly('choose how a network is known on the wire');
  if (external && noExternal !== undefined) {
    throw invalidInput(`this cloud can't have external networks: ${noExternal}`, 'router:external');
  }
  if (mtu && (mtu < smallestMtu || mtu > largestMtu)) {
    throw invalidInput(`the MTU must be 0 (for the usual one) or from ${smallestMtu} to ${largestMtu}`, 'mtu');
  }
}
