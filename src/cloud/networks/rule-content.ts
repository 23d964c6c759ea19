import { parseIpPrefix } from './ip-prefix.ts';
import type { RuleContentColumns } from './model.ts';
import { normalProtocol, type RuleContent } from './security-group-rule-checks.ts';

/** What a client asks of a rule. What it leaves out is any, and IPv4. */
export type NewRuleContent = Pick<RuleContent, 'direction'> &
  Partial<Omit<RuleContent, 'direction' | 'protocol'>> & { protocol?: string | number | null };

/** The rule as it is kept. Throws `invalid` for a protocol that nobody knows. */
export function contentOf(input: NewRuleContent): RuleContent {
  return {
    direction: input.direction,
    ethertype: input.ethertype ?? 'IPv4',
    protocol: normalProtocol(input.protocol),
    portRangeMin: input.portRangeMin ?? null,
    portRangeMax: input.portRangeMax ?? null,
    remoteIpPrefix: prefixOf(input.remoteIpPrefix),
    remoteGroupId: input.remoteGroupId ?? null,
    remoteAddressGroupId: input.remoteAddressGroupId ?? null,
    description: input.description ?? '',
  };
}

export function ruleColumns(content: RuleContent): RuleContentColumns {
  return {
    description: content.description,
    direction: content.direction,
    ethertype: content.ethertype,
    protocol: content.protocol,
    port_range_min: content.portRangeMin,
    port_range_max: content.portRangeMax,
    remote_ip_prefix: content.remoteIpPrefix,
    remote_group_id: content.remoteGroupId,
    remote_address_group_id: content.remoteAddressGroupId,
  };
}

/** A single address is kept as the prefix that it stands for. */
function prefixOf(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  return text.includes('/') ? text : (parseIpPrefix(text)?.normalized ?? text);
}
