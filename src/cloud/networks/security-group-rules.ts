import type { Tx } from '../../database/database.ts';
import type { SecurityGroupsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import type { Quotas } from '../quotas/quotas.ts';
import type { AddressGroups } from './address-groups.ts';
import { inOrder, Listing, type ListRequest } from './listing.ts';
import { ruleOf, type SecurityGroupRule } from './model.ts';
import { owned, ownerOfNew } from './ownership.ts';
import { contentOf, type NewRuleContent, ruleColumns } from './rule-content.ts';
import { checkRule, type RuleContent, sameRule } from './security-group-rule-checks.ts';
import { claimGroup, refuseOpen, type SecurityGroupField, type SecurityGroups, touchGroup } from './security-groups.ts';

export type SecurityGroupRuleField =
  | Exclude<SecurityGroupField, 'name' | 'stateful'>
  | 'securityGroupId'
  | 'direction'
  | 'ethertype'
  | 'protocol'
  | 'portRangeMin'
  | 'portRangeMax'
  | 'remoteIpPrefix'
  | 'remoteGroupId'
  | 'remoteAddressGroupId';

export type NewSecurityGroupRule = NewRuleContent & { securityGroupId: string; projectId?: string };

const listing = new Listing<SecurityGroupRuleField>('security_group_rules');

export class SecurityGroupRules {
  readonly #core: CloudCore;
  readonly #quotas: Quotas;
  readonly #groups: SecurityGroups;
  readonly #addressGroups: AddressGroups;

  constructor(core: CloudCore, quotas: Quotas, groups: SecurityGroups, addressGroups: AddressGroups) {
    this.#addressGroups = addressGroups;
    this.#core = core;
    this.#quotas = quotas;
    this.#groups = groups;
  }

  async list(subject: Subject, request: ListRequest<SecurityGroupRuleField> = {}): Promise<SecurityGroupRule[]> {
    await this.#groups.ensureDefault(subject);
    const db = this.#core.db.read;
    const query = db
      .selectFrom('security_group_rules')
      .selectAll('security_group_rules')
      .where(owned(subject, 'security_group_rules'));
    const rows = await (await listing.apply(db, query, request)).execute();
    return inOrder(rows.map(ruleOf), request);
  }

  async get(subject: Subject, id: string): Promise<SecurityGroupRule> {
    const query = this.#core.db.read.selectFrom('security_group_rules').selectAll().where('id', '=', id);
    const row = await query.where(owned(subject, 'security_group_rules')).executeTakeFirst();
    if (!row) throw ruleNotFound(id);
    return ruleOf(row);
  }

  /** Makes all of them or none. Throws `duplicate` (`security_group_rule_exists`) for one that the group has. */
  create(subject: Subject, rules: readonly NewSecurityGroupRule[]): Promise<SecurityGroupRule[]> {
    return this.#core.db.write(async (tx) => {
      const made: SecurityGroupRule[] = [];
      for (const rule of rules) made.push(await this.createIn(tx, subject, rule));
      return made;
    });
  }

  async createIn(tx: Tx, subject: Subject, input: NewSecurityGroupRule): Promise<SecurityGroupRule> {
    const content = contentOf(input);
    checkRule(content);
    const group = await claimGroup(this.#core, tx, subject, input.securityGroupId);
    ownerOfNew(subject, input.projectId);
    if (content.remoteGroupId !== null) await this.#groups.keep(tx, subject, [content.remoteGroupId]);
    if (content.remoteAddressGroupId !== null)
      await this.#addressGroups.keep(tx, subject, content.remoteAddressGroupId);
    const others = await tx
      .selectFrom('security_group_rules')
      .selectAll()
      .where('security_group_id', '=', group.id)
      .execute();
    const twin = others.map(ruleOf).find((other) => sameRule(other, content));
    if (twin) {
      throw new CloudError('duplicate', `Security group rule already exists. Rule id is ${twin.id}.`, {
        resource: 'security_group_rule',
        id: twin.id,
        reason: 'security_group_rule_exists',
      });
    }
    await this.#quotas.check(tx, group.project_id, { security_group_rules: 1 });
    return this.#insert(tx, group, content);
  }

  async #insert(tx: Tx, group: SecurityGroupsTable, content: RuleContent): Promise<SecurityGroupRule> {
    const now = this.#core.env.now();
    const row = await tx
      .insertInto('security_group_rules')
      .values({
        id: newId(this.#core.env),
        security_group_id: group.id,
        project_id: group.project_id,
        ...ruleColumns(content),
        created_at: now,
        updated_at: now,
        revision: 0,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    return ruleOf(row);
  }

  delete(subject: Subject, id: string): Promise<void> {
    return this.#core.db.write((tx) => this.deleteIn(tx, subject, id));
  }

  async deleteIn(tx: Tx, subject: Subject, id: string): Promise<void> {
    const rule = await tx
      .deleteFrom('security_group_rules')
      .where('id', '=', id)
      .where(owned(subject, 'security_group_rules'))
      .returning('security_group_id')
      .executeTakeFirst();
    if (!rule) throw ruleNotFound(id);
    refuseOpen(await touchGroup(this.#core, tx, rule.security_group_id).returningAll().executeTakeFirstOrThrow());
  }
}

function ruleNotFound(id: string): CloudError {
  return notFound('security_group_rule', id, `Security group rule ${id} does not exist.`);
}
