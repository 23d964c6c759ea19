import { sql } from 'kysely';
import type { PreparedQuery, Tx } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { ipAddressInUse } from './failures.ts';
import { formatIp, type IpRange, parseIp } from './ip.ts';

/** Who takes an address, and where. */
export interface Taker {
  portId: string;
  subnetId: string;
  networkId: string;
}

/** What a row says beside who took which address. */
interface NewRow extends Taker {
  id: string;
  now: number;
}

interface TakeParams extends NewRow {
  first: number;
  last: number;
}

/**
 * Who has which address. The primary key (subnet, address) is what keeps two ports from having the same one; nothing
 * here has to lock for that, and a lost race is just tried again.
 */
export class AddressAllocation {
  readonly #env: CloudCore['env'];
  readonly #takeFirstFree: PreparedQuery<TakeParams, { ip_address: string }>;
  readonly #take: PreparedQuery<NewRow & { address: string }, { ip_address: string }>;
  /**
   * Subnet → an address below which none was free when this process last looked. It spares the search the walk over
   * a long run of taken addresses. Being too low is harmless, being too high is noticed before an allocation fails.
   */
  readonly #noneFreeBelow = new Map<string, bigint>();
  /** Subnet → how often addresses of it were given back: whoever searched before that must not raise the mark. */
  readonly #releases = new Map<string, number>();

  constructor({ db, env }: Pick<CloudCore, 'db' | 'env'>) {
    this.#env = env;
    this.#takeFirstFree = db.prepare((kysely, params) => ({ compile: () => takeFirstFree(params).compile(kysely) }));
    this.#take = db.prepare((kysely, { address, portId, subnetId, networkId, id, now }) =>
      kysely
        .insertInto('port_addresses')
        .values({
          port_id: portId,
          subnet_id: subnetId,
          network_id: networkId,
          ip_address: address,
          id,
          created_at: now,
        })
        .onConflict((conflict) => conflict.doNothing())
        .returning('ip_address'),
    );
  }

  /** Takes the lowest free address of the pools; undefined when all are taken. */
  async takeLowest(tx: Tx, taker: Taker, pools: readonly IpRange[]): Promise<string | undefined> {
    const { subnetId } = taker;
    const releases = this.#releases.get(subnetId);
    const known = this.#noneFreeBelow.get(subnetId) ?? 0n;
    const found =
      (await this.#search(tx, taker, pools, known)) ?? (known > 0n && (await this.#search(tx, taker, pools, 0n)));
    if (!found) return undefined;
    tx.onCommit(() => {
      if (this.#releases.get(subnetId) === releases) this.#noneFreeBelow.set(subnetId, parseIp(found)!.value + 1n);
    });
    return found;
  }

  /** Takes exactly this address. Throws `conflict` (`ip_address_in_use`) when it is taken. */
  async take(tx: Tx, taker: Taker, address: string): Promise<void> {
    if (await this.#take.first({ ...this.#rowOf(taker), address }, tx)) return;
    throw ipAddressInUse(taker.networkId, address);
  }

  /** Gives back every address of the port, or only those listed. */
  async release(tx: Tx, portId: string, addresses?: readonly string[]): Promise<void> {
    let query = tx.deleteFrom('port_addresses').where('port_id', '=', portId).returning(['subnet_id', 'ip_address']);
    if (addresses) query = query.where('ip_address', 'in', addresses.length > 0 ? addresses : ['']);
    const released = await query.execute();
    // Once now, so that this transaction finds the gap, and again later: others may move the mark meanwhile.
    const lower = () => {
      for (const row of released) this.#lower(row.subnet_id, parseIp(row.ip_address)!.value);
    };
    lower();
    tx.onCommit(lower);
  }

  /** Forgets what was remembered of a subnet: its pools changed, or it is gone. */
  forget(subnetId: string): void {
    this.#noneFreeBelow.delete(subnetId);
    this.#releases.set(subnetId, (this.#releases.get(subnetId) ?? 0) + 1);
  }

  async #search(tx: Tx, taker: Taker, pools: readonly IpRange[], from: bigint): Promise<string | undefined> {
    for (const pool of pools) {
      const first = pool.first > from ? pool.first : from;
      if (first > pool.last) continue;
      const range = { ...pool, first };
      const found =
        pool.version === 4 ? await this.#searchV4(tx, taker, range) : await this.#searchV6(tx, taker, range);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #searchV4(tx: Tx, taker: Taker, range: IpRange): Promise<string | undefined> {
    const [first, last] = [Number(range.first), Number(range.last)];
    // On PostgreSQL another transaction may take the same address first; then this one looks again.
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      const row = await this.#takeFirstFree.first({ ...this.#rowOf(taker), first, last }, tx);
      if (row) return row.ip_address;
      if (!(await this.#hasFree(tx, taker.subnetId, first, last))) return undefined;
    }
    return undefined;
  }

  /** The databases can't count so far: a run of addresses is looked at in one statement, then the next one. */
  async #searchV6(tx: Tx, taker: Taker, { version, first, last }: IpRange): Promise<string | undefined> {
    for (let start = first; start <= last; start += runLength) {
      const run: string[] = [];
      for (let value = start; value <= last && value < start + runLength; value += 1n) {
        run.push(formatIp({ version, value }));
      }
      const rows = await tx
        .selectFrom('port_addresses')
        .select('ip_address')
        .where('subnet_id', '=', taker.subnetId)
        .where('ip_address', 'in', run)
        .execute();
      const taken = new Set(rows.map((row) => row.ip_address));
      for (const address of run) {
        if (!taken.has(address) && (await this.#take.first({ ...this.#rowOf(taker), address }, tx))) return address;
      }
    }
    return undefined;
  }

  async #hasFree(tx: Tx, subnetId: string, first: number, last: number): Promise<boolean> {
    const { rows } = await sql`${firstFree(subnetId, first, last)}`.execute(tx);
    return rows.length > 0;
  }

  #rowOf(taker: Taker): NewRow {
    return { ...taker, id: newId(this.#env), now: this.#env.now() };
  }

  #lower(subnetId: string, address: bigint): void {
    this.#releases.set(subnetId, (this.#releases.get(subnetId) ?? 0) + 1);
    const known = this.#noneFreeBelow.get(subnetId);
    if (known !== undefined && address < known) this.#noneFreeBelow.set(subnetId, address);
  }
}

/** IPv6 addresses that are looked at together. */
const runLength = 256n;

/** Each lost race means that another transaction got an address, so this bounds how many may overtake one. */
const maxAttempts = 1000;

/**
 * Walks from `first` up to the first address that has no row. Both databases evaluate the recursion only as far as
 * the limit asks, with one probe of the primary key for each step.
 */
function firstFree(subnetId: string, first: number, last: number) {
  const dotted = sql.join(
    [24, 16, 8, 0].map((shift) => sql`cast(((candidate.n >> ${sql.lit(shift)}) & 255) as text)`),
    sql` || '.' || `,
  );
  return sql`
    with recursive candidate(n) as (
      select cast(${first} as bigint)
      union all
      select n + 1 from candidate where n < cast(${last} as bigint)
    ), named(address) as (select ${dotted} from candidate)
    select address from named
    where not exists (
      select 1 from port_addresses
      where port_addresses.subnet_id = ${subnetId} and port_addresses.ip_address = named.address
    )
    limit 1`;
}

function takeFirstFree({ portId, subnetId, networkId, id, now, first, last }: TakeParams) {
  return sql<{ ip_address: string }>`
    insert into port_addresses (port_id, subnet_id, network_id, ip_address, id, created_at)
    select cast(${portId} as text), cast(${subnetId} as text), cast(${networkId} as text), free.address,
      cast(${id} as text), cast(${now} as bigint)
    from (${firstFree(subnetId, first, last)}) as free
    where true
    on conflict do nothing
    returning ip_address`;
}
