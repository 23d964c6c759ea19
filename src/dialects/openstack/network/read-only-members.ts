import { type Failure, InvalidRequest } from '../../../api/dialect.ts';
import type { AnyOperation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';

/** The failure, or Neutron's words for it where a member was sent that is known, but not for clients to say. */
export function inWordsOfMembers(failure: Failure): Failure {
  const { error, operation } = failure;
  if (!(error instanceof InvalidRequest) || error.rule !== 'additionalProperties' || !operation?.bodyKey)
    return failure;
  const member = String(error.ruleParams['additionalProperty']);
  const isOfResource = error.field === member || error.field.replace(/^\d+\./, '') === member;
  if (!isOfResource || !answers(operation, operation.bodyKey, member)) return failure;
  const words =
    operation.method === 'PUT'
      ? `Cannot update read-only attribute ${member}`
      : `Attribute '${member}' not allowed in ${operation.method}`;
  return { ...failure, error: new CloudError('invalid', words, { reason: 'HTTPBadRequest', field: member }) };
}

interface Shape {
  properties?: Record<string, Shape>;
  items?: Shape;
}

/** Whether the operation answers the resource with such a member. */
function answers({ responses }: AnyOperation, key: string, member: string): boolean {
  return Object.values(responses as Record<string, Shape | null>).some((document) => {
    const resource = document?.properties?.[key];
    return Object.hasOwn((resource?.items ?? resource)?.properties ?? {}, member);
  });
}
