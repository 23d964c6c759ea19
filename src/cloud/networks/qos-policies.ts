import { sql } from 'kysely';
import type { Queryable, Tx } from '../../database/database.ts';
import { oneOf } from '../../database/expressions.ts';
import type { QosBandwidthRulesTable, QosDscpRulesTable, QosPoliciesTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { adminOnly } from './failures.ts';
import { flag } from './model.ts';
import { commonOf, type Owned, OwnedResources } from './owned-resources.ts';
import { ownerOfNew } from './ownership.ts';

export type QosPolicyField =
  | 'id'
  | 'projectId'
  | 'name'
  | 'description'
  | 'shared'
  | 'isDefault'
  | 'createdAt'
  | 'updatedAt'
  | 'revision';

/** How fast a port may be; from the guest's view, `egress` is what it sends. */
export interface BandwidthRule {
  id: string;
  direction: 'ingress' | 'egress';
  /** Thousands of bits per second. */
  maxKbps: number;
  /** Thousands of bits; 0 for what suits the rate. */
  maxBurstKbps: number;
}

/** What packets are marked with that a port sends. */
export interface DscpRule {
  id: string;
  /** The six bits of RFC 2474. */
  mark: number;
}

export interface QosPolicy extends Owned {
  shared: boolean;
  isDefault: boolean;
  rules: BandwidthRule[];
  dscpRule: DscpRule | undefined;
}

export interface QosPolicyChanges {
  name?: string;
  description?: string;
  shared?: boolean;
  isDefault?: boolean;
}

export type NewQosPolicy = QosPolicyChanges & { projectId?: string; name: string };

function ruleOf(row: QosBandwidthRulesTable): BandwidthRule {
  return { id: row.id, direction: row.direction, maxKbps: row.max_kbps, maxBurstKbps: row.max_burst_kbps };
}

function dscpRuleOf({ id, mark }: QosDscpRulesTable): DscpRule {
  return { id, mark };
}

/** Limits of what ports may send and take, and marks of what they send. Administrators make them, as Neutron has it. */
export class QosPolicies extends OwnedResources<'qos_policies', QosPolicyField, QosPolicy> {
  readonly #core: CloudCore;

  constructor(core: CloudCore) {
    super(core, {
      table: 'qos_policies',
      name: 'qos_policy',
      hasSharedFlag: true,
      modelOf: async (rows: readonly QosPoliciesTable[], db: Queryable) => {
        const ids = rows.map(({ id }) => id);
        const rules = await bandwidthRulesOf(core, db, ids);
        const dscp = await dscpRulesOf(core, db, ids);
        return rows.map((row) => ({
          ...commonOf(row),
          shared: row.shared === 1,
          isDefault: row.is_default === 1,
          rules: rules.get(row.id) ?? [],
          dscpRule: dscp.get(row.id),
        }));
      },
    });
    this.#core = core;
  }

  /** Makes all of them or none. */
  create(subject: Subject, policies: readonly NewQosPolicy[]): Promise<QosPolicy[]> {
    return this.#core.db.write(async (tx) => {
      const made: QosPolicy[] = [];
      for (const policy of policies) made.push(await this.#createIn(tx, subject, policy));
      return made;
    });
  }

  update(subject: Subject, id: string, changes: QosPolicyChanges, expectedRevision?: number): Promise<QosPolicy> {
    return this.#core.db.write(async (tx) => {
      const before = await this.claim(tx, subject, id, expectedRevision);
      const { name, description, shared, isDefault } = changes;
      if (isDefault) await this.#refuseSecondDefault(tx, before.project_id, id);
      await tx
        .updateTable('qos_policies')
        .set({
          name: name ?? before.name,
          description,
          shared: shared === undefined ? undefined : flag(shared),
          is_default: isDefault === undefined ? undefined : flag(isDefault),
        })
        .where('id', '=', id)
        .execute();
      return this.get(subject, id, tx);
    });
  }

  /** Throws `conflict` (`qos_policy_in_use`) while a network or port has it. */
  delete(subject: Subject, id: string): Promise<void> {
    return this.#core.db.write(async (tx) => {
      await this.claimToRemove(tx, subject, id);
      const { rows } = await sql<{ id: string; kind: string }>`
        select id, 'network' as kind from networks where qos_policy_id = ${id}
        union all select id, 'port' as kind from ports where qos_policy_id = ${id} limit 1`.execute(tx);
      const [user] = rows;
      if (user) {
        const message = `QoS Policy ${id} is used by ${user.kind} ${user.id}.`;
        throw new CloudError('conflict', message, { resource: 'qos_policy', id, reason: 'qos_policy_in_use' });
      }
      await tx.deleteFrom('qos_bandwidth_rules').where('policy_id', '=', id).execute();
      await tx.deleteFrom('qos_dscp_rules').where('policy_id', '=', id).execute();
      await this.remove(tx, id);
    });
  }

  async rule(subject: Subject, policyId: string, ruleId: string): Promise<BandwidthRule> {
    const policy = await this.get(subject, policyId);
    const rule = policy.rules.find(({ id }) => id === ruleId);
    if (!rule) throw ruleNotFound(policyId, ruleId);
    return rule;
  }

  /** Throws `conflict` (`qos_rules_conflict`): one limit for each direction. */
  addRule(subject: Subject, policyId: string, rule: Omit<BandwidthRule, 'id'>): Promise<BandwidthRule> {
    return this.#core.db.write(async (tx) => {
      await this.claim(tx, subject, policyId);
      await this.#refuseSecondRule(tx, policyId, rule.direction);
      const row: QosBandwidthRulesTable = {
        id: newId(this.#core.env),
        policy_id: policyId,
        direction: rule.direction,
        max_kbps: rule.maxKbps,
        max_burst_kbps: rule.maxBurstKbps,
        created_at: this.#core.env.now(),
      };
      await tx.insertInto('qos_bandwidth_rules').values(row).execute();
      return ruleOf(row);
    });
  }

  updateRule(
    subject: Subject,
    policyId: string,
    ruleId: string,
    changes: Partial<Omit<BandwidthRule, 'id'>>,
  ): Promise<BandwidthRule> {
    return this.#core.db.write(async (tx) => {
      await this.claim(tx, subject, policyId);
      if (changes.direction) await this.#refuseSecondRule(tx, policyId, changes.direction, ruleId);
      const row = await tx
        .updateTable('qos_bandwidth_rules')
        .set((eb) => ({
          max_kbps: changes.maxKbps ?? eb.ref('max_kbps'),
          max_burst_kbps: changes.maxBurstKbps,
          direction: changes.direction,
        }))
        .where('id', '=', ruleId)
        .where('policy_id', '=', policyId)
        .returningAll()
        .executeTakeFirst();
      if (!row) throw ruleNotFound(policyId, ruleId);
      return ruleOf(row);
    });
  }

  deleteRule(subject: Subject, policyId: string, ruleId: string): Promise<void> {
    return this.#deleteRule('qos_bandwidth_rules', subject, policyId, ruleId);
  }

  #deleteRule(
    table: 'qos_bandwidth_rules' | 'qos_dscp_rules',
    subject: Subject,
    policyId: string,
    ruleId: string,
  ): Promise<void> {
    return this.#core.db.write(async (tx) => {
      await this.claim(tx, subject, policyId);
      const removed = await tx
        .deleteFrom(table)
        .where('id', '=', ruleId)
        .where('policy_id', '=', policyId)
        .returning('id')
        .execute();
      if (removed.length === 0) throw ruleNotFound(policyId, ruleId);
    });
  }

  async dscpRule(subject: Subject, policyId: string, ruleId: string): Promise<DscpRule> {
    const { dscpRule } = await this.get(subject, policyId);
    if (dscpRule?.id !== ruleId) throw ruleNotFound(policyId, ruleId);
    return dscpRule;
  }

  /** Throws `conflict` (`qos_rules_conflict`) where the policy has a mark already. */
  addDscpRule(subject: Subject, policyId: string, mark: number): Promise<DscpRule> {
    return this.#core.db.write(async (tx) => {
      await this.claim(tx, subject, policyId);
      const other = await tx.selectFrom('qos_dscp_rules').select('id').where('policy_id', '=', policyId).execute();
      if (other[0]) throw ruleConflict('dscp_marking', policyId, other[0].id);
      const row = { id: newId(this.#core.env), policy_id: policyId, mark, created_at: this.#core.env.now() };
      await tx.insertInto('qos_dscp_rules').values(row).execute();
      return { id: row.id, mark };
    });
  }

  updateDscpRule(subject: Subject, policyId: string, ruleId: string, mark: number | undefined): Promise<DscpRule> {
    return this.#core.db.write(async (tx) => {
      await this.claim(tx, subject, policyId);
      const row = await tx
        .updateTable('qos_dscp_rules')
        .set((eb) => ({ mark: mark ?? eb.ref('mark') }))
        .where('id', '=', ruleId)
        .where('policy_id', '=', policyId)
        .returningAll()
        .executeTakeFirst();
      if (!row) throw ruleNotFound(policyId, ruleId);
      return dscpRuleOf(row);
    });
  }

  deleteDscpRule(subject: Subject, policyId: string, ruleId: string): Promise<void> {
    return this.#deleteRule('qos_dscp_rules', subject, policyId, ruleId);
  }

  async #createIn(tx: Tx, subject: Subject, input: NewQosPolicy): Promise<QosPolicy> {
    const projectId = ownerOfNew(subject, input.projectId);
    if (!subject.isAdmin) throw adminOnly('make QoS policies');
    if (input.isDefault) await this.#refuseSecondDefault(tx, projectId, '');
    const now = this.#core.env.now();
    const id = newId(this.#core.env);
    await tx
      .insertInto('qos_policies')
      .values({
        id,
        project_id: projectId,
        name: input.name,
        description: input.description ?? '',
        shared: flag(input.shared ?? false),
        is_default: flag(input.isDefault ?? false),
        created_at: now,
        updated_at: now,
        revision: 0,
      })
      .execute();
    return this.get(subject, id, tx);
  }

  async #refuseSecondDefault(tx: Tx, projectId: string, id: string): Promise<void> {
    const other = await tx
      .selectFrom('qos_policies')
      .select('id')
      .where('project_id', '=', projectId)
      .where('is_default', '=', 1)
      .where('id', '<>', id)
      .executeTakeFirst();
    if (!other) return;
    const message = `A default QoS policy exists for project ${projectId}: ${other.id}.`;
    throw new CloudError('conflict', message, { reason: 'qos_policy_default_already_exists' });
  }

  async #refuseSecondRule(tx: Tx, policyId: string, direction: string, ruleId = ''): Promise<void> {
    const other = await tx
      .selectFrom('qos_bandwidth_rules')
      .select('id')
      .where('policy_id', '=', policyId)
      .where('direction', '=', direction as 'ingress' | 'egress')
      .where('id', '<>', ruleId)
      .executeTakeFirst();
    if (!other) return;
    throw ruleConflict(`bandwidth_limit for ${direction}`, policyId, other.id);
  }
}

/** The limits of policies. */
export async function bandwidthRulesOf(
  { db: { kind } }: Pick<CloudCore, 'db'>,
  db: Queryable,
  policyIds: readonly string[],
): Promise<Map<string, BandwidthRule[]>> {
  if (policyIds.length === 0) return new Map();
  const rows = await db
    .selectFrom('qos_bandwidth_rules')
    .selectAll()
    .where(oneOf({ kind }, sql.ref('policy_id'), policyIds))
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  const byPolicy = Map.groupBy(rows, (row) => row.policy_id);
  return new Map([...byPolicy].map(([id, rules]) => [id, rules.map(ruleOf)]));
}

/** The marks of policies that have one. */
export async function dscpRulesOf(
  { db: { kind } }: Pick<CloudCore, 'db'>,
  db: Queryable,
  policyIds: readonly string[],
): Promise<Map<string, DscpRule>> {
  if (policyIds.length === 0) return new Map();
  const rows = await db
    .selectFrom('qos_dscp_rules')
    .selectAll()
    .where(oneOf({ kind }, sql.ref('policy_id'), policyIds))
    .execute();
  return new Map(rows.map((row) => [row.policy_id, dscpRuleOf(row)]));
}

/** The policy that new networks of a project get for which none is named; null where there is none. */
export async function defaultPolicyOf(tx: Tx, projectId: string): Promise<string | null> {
  const row = await tx
    .selectFrom('qos_policies')
    .select('id')
    .where('project_id', '=', projectId)
    .where('is_default', '=', 1)
    .executeTakeFirst();
  return row?.id ?? null;
}

/** The policy stays there until the transaction ends. Throws `not_found` unless the subject may use it. */
export async function requirePolicy(policies: QosPolicies, subject: Subject, id: string | null | undefined, tx: Tx) {
  if (id !== null && id !== undefined) await policies.keep(tx, subject, id);
}

function ruleConflict(what: string, policyId: string, other: string): CloudError {
  const message = `Rule ${what} already exists in QoS Policy ${policyId}: ${other}.`;
  return new CloudError('conflict', message, { reason: 'qos_rules_conflict' });
}

function ruleNotFound(policyId: string, ruleId: string): CloudError {
  return notFound('qos_rule', ruleId, `QoS rule ${ruleId} for policy ${policyId} could not be found.`);
}
