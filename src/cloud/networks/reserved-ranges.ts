import type { Queryable, Tx } from '../../database/database.ts';
import type { ReservedIpRangesTable } from '../../database/schema.ts';
import { insertRow, statement } from '../../database/statement.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import type { AddressAllocation } from './address-allocation.ts';
import { invalidInput, ipAddressInUse } from './failures.ts';
import { formatIp, type IpRange, type IpVersion, inRange, parseIp, rangesOverlap } from './ip.ts';
import { owned } from './ownership.ts';

/** Addresses of a network, from the first to the last, that are given to nothing. */
export interface ReservedRange {
  id: string;
  networkId: string;
  ipVersion: IpVersion;
  start: string;
  end: string;
  createdAt: number;
}

export interface NewReservedRange {
  id?: string;
  networkId: string;
  start: string;
  end: string;
}

/** What of networks is reserved. Those who own a network say it. */
export class ReservedRanges {
  readonly #core: CloudCore;
  readonly #addresses: AddressAllocation;

  constructor(core: CloudCore, addresses: AddressAllocation) {
    this.#core = core;
    this.#addresses = addresses;
  }

  /**
   * Reserves addresses, also of subnets that are made later. Throws `invalid` (`invalid_input`) for what is no range, and
   * `conflict` where something has one of them (`ip_address_in_use`) or some are reserved already
   * (`reserved_range_overlap`).
   */
  async add(subject: Subject, { id, networkId, start, end }: NewReservedRange): Promise<ReservedRange> {
    const range = rangeFrom(start, end);
    return await this.#core.db.write(async (tx) => {
      await this.#claimNetwork(tx, subject, networkId);
      await this.#refuseOverlap(tx, networkId, range);
      await this.#refuseUsed(tx, networkId, range);
      const row: ReservedIpRangesTable = {
        id: id ?? newId(this.#core.env),
        network_id: networkId,
        ip_version: range.version,
        start_ip: formatIp({ version: range.version, value: range.first }),
        end_ip: formatIp({ version: range.version, value: range.last }),
        created_at: this.#core.env.now(),
      };
      await insertRow(tx, 'reserved_ip_ranges', row);
      return reservedRangeOf(row);
    });
  }

  /** From then on its addresses are given out again. */
  remove(subject: Subject, id: string): Promise<void> {
    return this.#core.db.write(async (tx) => {
      const found = await tx
        .deleteFrom('reserved_ip_ranges')
        .where('id', '=', id)
        .where((eb) =>
          eb('network_id', 'in', eb.selectFrom('networks').select('networks.id').where(owned(subject, 'networks'))),
        )
        .returning('network_id')
        .executeTakeFirst();
      if (!found) throw notFound('reserved_ip_range', id);
      const subnets = await tx.selectFrom('subnets').select('id').where('network_id', '=', found.network_id).execute();
      // The search for free addresses may have gone past them.
      const forget = () => {
        for (const subnet of subnets) this.#addresses.forget(subnet.id);
      };
      forget();
      tx.onCommit(forget);
    });
  }

  /** What is reserved of these networks, whoever asks. */
  async of(networkIds: readonly string[]): Promise<ReservedRange[]> {
    if (networkIds.length === 0) return [];
    const query = this.#core.db.read.selectFrom('reserved_ip_ranges').selectAll();
    const rows = await query
      .where('network_id', 'in', [...networkIds])
      .orderBy('created_at')
      .orderBy('id')
      .execute();
    return rows.map(reservedRangeOf);
  }

  /** Reservations of one network take turns, and new subnets wait for them. */
  async #claimNetwork(tx: Tx, subject: Subject, networkId: string): Promise<void> {
    const network = await tx
      .updateTable('networks')
      .set((eb) => ({ revision: eb('revision', '+', 1), updated_at: this.#core.env.now() }))
      .where('id', '=', networkId)
      .where(owned(subject, 'networks'))
      .returning('id')
      .executeTakeFirst();
    if (!network) throw notFound('network', networkId);
  }

  async #refuseOverlap(tx: Tx, networkId: string, range: IpRange): Promise<void> {
    const others = await rangesWith.all(tx, { networkId });
    const other = others.find((row) => rangesOverlap(toRange(row.start_ip, row.end_ip), range));
    if (!other) return;
    const message = `The addresses overlap with the reserved range ${other.id}: ${other.start_ip} to ${other.end_ip}.`;
    throw new CloudError('conflict', message, {
      resource: 'reserved_ip_range',
      id: other.id,
      reason: 'reserved_range_overlap',
    });
  }

  /** Holds the subnets against whoever takes an address: those who did so before are waited for. */
  async #refuseUsed(tx: Tx, networkId: string, range: IpRange): Promise<void> {
    const query = tx.selectFrom('subnets').select('id').where('network_id', '=', networkId).orderBy('id');
    const subnets = await query.forUpdate().execute();
    if (subnets.length === 0) return;
    const ids = subnets.map(({ id }) => id);
    const rows = await tx.selectFrom('port_addresses').select('ip_address').where('subnet_id', 'in', ids).execute();
    const used = rows.find((row) => inRange(range, parseIp(row.ip_address)!));
    if (used) throw ipAddressInUse(networkId, used.ip_address);
  }
}

/** What is reserved of a network, as a transaction that takes addresses of it sees it. */
export async function reservedRangesOf(db: Queryable, networkId: string): Promise<IpRange[]> {
  return (await rangesWith.all(db, { networkId })).map((row) => toRange(row.start_ip, row.end_ip));
}

const rangesWith = statement((db, { networkId }: { networkId: string }) =>
  db.selectFrom('reserved_ip_ranges').select(['id', 'start_ip', 'end_ip']).where('network_id', '=', networkId),
);

function rangeFrom(start: string, end: string): IpRange {
  const [first, last] = [parseIp(start), parseIp(end)];
  if (!first) throw invalidInput(`'${start}' is not a valid IP address.`, 'start_ip');
  if (!last) throw invalidInput(`'${end}' is not a valid IP address.`, 'end_ip');
  if (first.version !== last.version) throw invalidInput(`${start} and ${end} are of different families.`, 'end_ip');
  if (first.value > last.value) throw invalidInput(`${start} is behind ${end}.`, 'start_ip');
  return { version: first.version, first: first.value, last: last.value };
}

function toRange(start: string, end: string): IpRange {
  const { version, value: first } = parseIp(start)!;
  return { version, first, last: parseIp(end)!.value };
}

function reservedRangeOf(row: ReservedIpRangesTable): ReservedRange {
  return {
    id: row.id,
    networkId: row.network_id,
    ipVersion: row.ip_version === 6 ? 6 : 4,
    start: row.start_ip,
    end: row.end_ip,
    createdAt: row.created_at,
  };
}
