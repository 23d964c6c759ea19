import { sql } from 'kysely';
import type { Queryable, Tx } from '../../database/database.ts';
import { oneOf } from '../../database/expressions.ts';
import type { RoutersTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import type { Quotas } from '../quotas/quotas.ts';
import { revisionMismatch } from './failures.ts';
import { inOrder, Listing, type ListRequest } from './listing.ts';
import { flag, type HostRoute } from './model.ts';
import { owned, ownerOfNew } from './ownership.ts';
import { loadPorts, selectPorts } from './port-rows.ts';
import type { Ports } from './ports.ts';
import { routerInUse } from './router-failures.ts';
import { type GatewayRequest, RouterGateways } from './router-gateways.ts';
import { interfacesOf } from './router-interfaces.ts';
import { type Router, routerOf } from './router-model.ts';
import { checkRoutes } from './router-routes.ts';
import { forgetTags } from './tags.ts';

export type RouterField =
  | 'id'
  | 'projectId'
  | 'name'
  | 'description'
  | 'adminStateUp'
  | 'status'
  | 'createdAt'
  | 'updatedAt'
  | 'revision';

export interface NewRouter {
  projectId?: string;
  name?: string;
  description?: string;
  adminStateUp?: boolean;
  /** Null or undefined for a router that only joins networks. */
  gateway?: GatewayRequest | null;
}

export interface RouterChanges {
  name?: string;
  description?: string;
  adminStateUp?: boolean;
  gateway?: GatewayRequest | null;
  /** All of them. */
  routes?: readonly HostRoute[];
}

/** What routes of a router become of those it has. */
export type RouteChange = (routes: HostRoute[]) => HostRoute[];

const listing = new Listing<RouterField>('routers');

/** Routers themselves; `RouterInterfaces` connects them to networks. */
export class Routers {
  readonly #core: CloudCore;
  readonly #quotas: Quotas;
  readonly #gateways: RouterGateways;

  constructor(core: CloudCore, quotas: Quotas, ports: Ports) {
    this.#core = core;
    this.#quotas = quotas;
    this.#gateways = new RouterGateways(ports);
  }

  async list(subject: Subject, request: ListRequest<RouterField> = {}): Promise<Router[]> {
    const db = this.#core.db.read;
    const query = db.selectFrom('routers').selectAll('routers').where(owned(subject, 'routers'));
    const rows = await (await listing.apply(db, query, request)).execute();
    return inOrder(await this.#load(db, rows), request);
  }

  async get(subject: Subject, id: string, db: Queryable = this.#core.db.read): Promise<Router> {
    const query = db.selectFrom('routers').selectAll('routers').where('id', '=', id).where(owned(subject, 'routers'));
    const [router] = await this.#load(db, await query.execute());
    if (!router) throw notFound('router', id);
    return router;
  }

  /** Makes all of them or none. */
  create(subject: Subject, routers: readonly NewRouter[]): Promise<Router[]> {
    return this.#core.db.write(async (tx) => {
      const made: Router[] = [];
      for (const router of routers) made.push(await this.createIn(tx, subject, router));
      return made;
    });
  }

  async createIn(tx: Tx, subject: Subject, input: NewRouter): Promise<Router> {
    const projectId = ownerOfNew(subject, input.projectId);
    await this.#quotas.check(tx, projectId, { routers: 1 });
    const now = this.#core.env.now();
    const row = await tx
      .insertInto('routers')
      .values({
        id: newId(this.#core.env),
        project_id: projectId,
        name: input.name ?? '',
        description: input.description ?? '',
        admin_state_up: flag(input.adminStateUp ?? true),
        status: 'ACTIVE',
        gateway_port_id: null,
        enable_snat: 1,
        routes: '[]',
        created_at: now,
        updated_at: now,
        revision: 0,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    if (input.gateway) await this.#gateways.set(tx, subject, routerOf(row, undefined), input.gateway);
    return this.get(subject, row.id, tx);
  }

  update(subject: Subject, id: string, changes: RouterChanges, expectedRevision?: number): Promise<Router> {
    return this.#core.db.write(async (tx) => {
      const router = await this.claim(tx, subject, id);
      if (expectedRevision !== undefined && router.revision - 1 !== expectedRevision) {
        throw revisionMismatch(expectedRevision);
      }
      if (changes.gateway !== undefined) await this.#changeGateway(tx, subject, router, changes.gateway);
      if (changes.routes) await this.#setRoutes(tx, id, changes.routes);
      await tx
        .updateTable('routers')
        .set({
          name: changes.name ?? router.name,
          description: changes.description,
          admin_state_up: changes.adminStateUp === undefined ? undefined : flag(changes.adminStateUp),
        })
        .where('id', '=', id)
        .execute();
      return this.get(subject, id, tx);
    });
  }

  /** Changes the routes by what they are now, so that two changes at once don't lose one. */
  changeRoutes(subject: Subject, id: string, change: RouteChange): Promise<Router> {
    return this.#core.db.write(async (tx) => {
      const router = await this.claim(tx, subject, id);
      await this.#setRoutes(tx, id, change(router.routes));
      return this.get(subject, id, tx);
    });
  }

  /** Throws `conflict` (`router_in_use`) while the router is on a network. */
  delete(subject: Subject, id: string): Promise<void> {
    return this.#core.db.write((tx) => this.deleteIn(tx, subject, id));
  }

  async deleteIn(tx: Tx, subject: Subject, id: string): Promise<void> {
    const router = await this.claim(tx, subject, id);
    if ((await interfacesOf(tx, id)).length > 0) throw routerInUse(id);
    await this.#changeGateway(tx, subject, router, null);
    await forgetTags(tx, [id]);
    await tx.deleteFrom('routers').where('id', '=', id).execute();
  }

  /** Counts the router's revision up, which also keeps others from changing it until this transaction ends. */
  async claim(tx: Tx, subject: Subject, id: string): Promise<Router> {
    const row = await tx
      .updateTable('routers')
      .set((eb) => ({ revision: eb('revision', '+', 1), updated_at: this.#core.env.now() }))
      .where('id', '=', id)
      .where(owned(subject, 'routers'))
      .returningAll()
      .executeTakeFirst();
    if (!row) throw notFound('router', id);
    return (await this.#load(tx, [row]))[0]!;
  }

  async #changeGateway(tx: Tx, subject: Subject, router: Router, gateway: GatewayRequest | null): Promise<void> {
    if (gateway) return await this.#gateways.set(tx, subject, router, gateway);
    await this.#gateways.clear(tx, router);
  }

  async #setRoutes(tx: Tx, id: string, routes: readonly HostRoute[]): Promise<void> {
    const checked = await checkRoutes(tx, id, routes);
    await tx
      .updateTable('routers')
      .set({ routes: JSON.stringify(checked) })
      .where('id', '=', id)
      .execute();
  }

  async #load(db: Queryable, rows: readonly RoutersTable[]): Promise<Router[]> {
    const ids = rows.flatMap((row) => row.gateway_port_id ?? []);
    const portRows =
      ids.length === 0
        ? []
        : await selectPorts(db)
            .where(oneOf(this.#core.db, sql.ref('ports.id'), ids))
            .execute();
    const ports = new Map((await loadPorts(db, portRows)).map((port) => [port.id, port]));
    return rows.map((row) => {
      const port = row.gateway_port_id === null ? undefined : ports.get(row.gateway_port_id);
      return routerOf(row, port && { networkId: port.networkId, portId: port.id, fixedIps: port.fixedIps });
    });
  }
}
